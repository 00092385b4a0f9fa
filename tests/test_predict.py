"""A run's model says of a photograph what it said in the run."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image
from torch import nn

from fedsky.model import build, resnet8
from fedsky.model.file import read_model, write_model
from fedsky.predict import load_model, main, model_files, predict

ABOUT: dict[str, Any] = {
    "model": {"_target_": "fedsky.model.resnet8", "width": 0.5, "norm": "batch", "weights": None},
    "classes": ["cloudy", "sunny", "foggy"],
    "round": 1,
    "size": 32,
}


@pytest.fixture
def model() -> nn.Module:
    made = build(partial(resnet8, width=0.5), 3, seed=4)
    with torch.no_grad():  # statistics that differ from a new model's, as after training
        for name, buffer in made.named_buffers():
            if name.endswith("running_mean"):
                buffer.fill_(0.1)
    return made.eval()


@pytest.fixture
def run(tmp_path: Path, model: nn.Module) -> Path:
    write_model(tmp_path / "run" / "model.safetensors", {k: t.numpy() for k, t in model.state_dict().items()}, ABOUT)
    return tmp_path / "run"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def rewrite(run: Path, **changes: object) -> Path:
    path = run / "model.safetensors"
    arrays, about = read_model(path)
    about |= changes
    write_model(path, arrays, {key: value for key, value in about.items() if value is not None})
    return path


def test_a_model_that_was_written_gives_the_same_probabilities(run: Path, photo: Path, model: nn.Module) -> None:
    with Image.open(photo) as picture:
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        wanted = torch.softmax(model((pixels - mean.view(3, 1, 1)) / std.view(3, 1, 1)), dim=1)[0]
    judged = predict(run / "model.safetensors", [photo, photo])
    assert list(judged[0]) == ABOUT["classes"] and judged[0] == judged[1]
    assert list(judged[0].values()) == pytest.approx(wanted.tolist(), abs=1e-5)
    assert sum(judged[0].values()) == pytest.approx(1, abs=1e-12)


def test_the_loaded_model_is_ready_to_judge(run: Path, model: nn.Module) -> None:
    loaded, classes, size = load_model(run / "model.safetensors")
    assert (classes, size, loaded.training) == (ABOUT["classes"], 32, False)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], tensor, rtol=0, atol=0)


def test_a_runs_models_by_name(run: Path) -> None:
    content = (run / "model.safetensors").read_bytes()
    (run / "models").mkdir()
    for client in (10, 2, 0):
        (run / "models" / f"{client}.safetensors").write_bytes(content)
    assert list(model_files(run)) == ["model"]
    assert list(model_files(run / "models" / "2.safetensors")) == ["2"]
    (run / "model.safetensors").unlink()
    assert list(model_files(run)) == ["client 0", "client 2", "client 10"]


def test_the_command_prints_the_likeliest_class(run: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    judged = predict(run / "model.safetensors", [photo])[0]
    best = max(judged, key=judged.__getitem__)
    main(run, [photo])
    assert capsys.readouterr().out == f"{photo}: {best} {judged[best]:.3f}\n"


def line(run: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which the command refuses."""
    with pytest.raises(typer.Exit) as raised:
        main(run, [photo])
    assert raised.value.exit_code == 1
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and told.err.startswith("fedsky.predict: ")
    return told.err


@pytest.mark.parametrize("made", [True, False])
def test_a_folder_that_is_no_run(tmp_path: Path, photo: Path, capsys: pytest.CaptureFixture[str], made: bool) -> None:
    folder = tmp_path / "none"
    if made:
        folder.mkdir()
    told = line(folder, photo, capsys)
    assert f"{folder} holds no model" in told and "name the folder of a run" in told


def test_a_photo_that_is_none(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = tmp_path / "words.jpg"
    words.write_text("no photograph")
    assert f"{words} is not a readable photograph" in line(run, words, capsys)
    assert "gone.jpg" in line(run, tmp_path / "gone.jpg", capsys)


def test_one_broken_photograph_costs_no_other_its_answer(
    run: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "models").mkdir()
    for client in (0, 1):
        (run / "models" / f"{client}.safetensors").write_bytes((run / "model.safetensors").read_bytes())
    words, last = tmp_path / "words.jpg", tmp_path / os.fsdecode("晴.png".encode("gbk"))
    words.write_text("no photograph")
    last.write_bytes(photo.read_bytes())
    for model, names in ((run, [""]), (run / "models", ["  (client 0)", "  (client 1)"])):
        if model != run:
            (run / "model.safetensors").unlink()
        with pytest.raises(typer.Exit) as raised:
            main(run, [photo, words, last])
        assert raised.value.exit_code == 1
        told = capsys.readouterr()
        told.out.encode()
        lines = told.out.splitlines()
        assert len(lines) == 2 * len(names)
        for number, line in enumerate(lines):
            name = (str(photo), f"{tmp_path}/%C7%E7.png")[number % 2]
            assert line.startswith(f"{name}: ") and line.endswith(names[number // 2])
            assert line.removeprefix(name) == lines[number - number % 2].removeprefix(str(photo))
        assert told.err.startswith(f"fedsky.predict: {words} is not a readable photograph")
        assert told.err.count("\n") == 1


def test_a_model_that_does_not_say_what_it_is(run: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(run, model=None)
    assert "it does not say its 'model'" in line(run, photo, capsys)


def test_weights_of_another_model(run: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(run, model={"_target_": "fedsky.model.resnet8", "width": 1.0})
    assert "its weights are not those of" in line(run, photo, capsys)


@pytest.mark.parametrize(
    "asked",
    [
        {"_target_": "pathlib.Path.touch"},
        {"_target_": "fedsky.model.torch.hub.load"},
        {"_target_": "fedsky.model.nn"},
        {"_target_": "fedsky.model.resnet8", "norm": {"_target_": "pathlib.Path.touch", "_args_": ["made"]}},
    ],
)
def test_a_foreign_file_runs_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, object]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="is not a model to predict with"):
        load_model(rewrite(run, model=asked))
    assert not (tmp_path / "made").exists()
