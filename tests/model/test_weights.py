"""``model.weights=FILE``: a model starts from a state dict, whoever wrote it, and from nothing that does not fit."""

import hashlib
import io
import json
import logging
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
import unsealed
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import Tensor, nn

from fedsky.client.task import Task, specification
from fedsky.config import compose, make, resolve
from fedsky.model import build
from fedsky.model.freeze import head_of
from fedsky.predict import load_model
from fedsky.resume import resume
from fedsky.run import run

QUICK = ["engine=inline", "num_clients=2", "data.count=40", "data.size=32", "num_rounds=1", "partition.min_examples=5"]
OWN = ["model._target_=own_model.Own", "~model.width", "~model.norm"]


MODELS = {
    "torchvision": ["model=torchvision", "model.name=shufflenet_v2_x0_5"],
    "resnet18": ["model=resnet18"],
    "timm": ["model=timm", "model.name=resnet10t"],
    "resnet8": ["model=resnet8"],
    "simple_cnn": ["model=simple_cnn"],
    "own": OWN,
}


def settings(*overrides: str) -> dict[str, Any]:
    return resolve(compose([*QUICK, *overrides]))


def made(words: list[str], num_classes: int, seed: int = 7) -> nn.Module:
    """The model of a command line's words, as another program might have trained it."""
    kept = {key: value for key, value in settings(*words)["model"].items() if key != "freeze"}
    return build(make(kept, _partial_=True), num_classes, seed)


def start(config: dict[str, Any], folder: Path) -> dict[str, Tensor]:
    return Task(specification(config, folder)).initial


def asked(words: list[str], file: Path | str) -> dict[str, Any]:
    """The settings of the words, with the weights of a file; put in afterwards, so that the words are composed once."""
    config = compose([*QUICK, *words])
    OmegaConf.update(config, "model.weights", str(file), force_add=True)
    return resolve(config)


@pytest.mark.parametrize("form", ["safetensors", "pth"])
@pytest.mark.parametrize("name", MODELS)
def test_every_family_starts_from_a_file_of_either_form(
    tmp_path: Path, name: str, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    words, file = MODELS[name], tmp_path / f"weights.{form}"
    trained = made(words, 5)
    (save_file if form == "safetensors" else torch.save)(trained.state_dict(), file)
    with caplog.at_level(logging.INFO, "fedsky"):
        begun = start(asked(words, file), tmp_path)
    head, fresh = head_of(trained), start(settings(*words), tmp_path)
    for key, tensor in trained.state_dict().items():
        assert torch.equal(begun[key], fresh[key] if key in head else tensor), key
    (told,) = [line for line in caplog.messages if "model.weights" in line]
    assert told.startswith(f"model.weights=weights.{form}: the head starts anew ({head[0]} [2, ")
    assert f"{head[0]} [5, " in told and "\n" not in told


def test_a_head_of_as_many_classes_is_taken_over_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trained = made(["model=simple_cnn"], 2).state_dict()
    torch.save(trained, tmp_path / "w.pth")
    with caplog.at_level(logging.INFO, "fedsky"):
        begun = start(asked(["model=simple_cnn"], tmp_path / "w.pth"), tmp_path)
    assert all(torch.equal(begun[key], tensor) for key, tensor in trained.items())
    assert not [line for line in caplog.messages if "head" in line]


@pytest.mark.parametrize("kept", ["state_dict", "model", "module", "counters", "auxiliary", "half"])
def test_what_training_programs_write_around_a_state_dict_is_understood(tmp_path: Path, kept: str) -> None:
    words = ["model=torchvision", "model.name=googlenet"] if kept == "auxiliary" else MODELS["torchvision"]
    trained = OrderedDict(made(words, 2).state_dict())
    written: Any = {
        "state_dict": {"state_dict": trained, "epoch": 3, "optimizer": {"state": {}}},
        "model": {"model": trained, "args": None},
        "module": {f"module.{name}": tensor for name, tensor in trained.items()},
        "counters": {name: tensor for name, tensor in trained.items() if not name.endswith("num_batches_tracked")},
        "auxiliary": trained | {"aux1.fc1.weight": torch.zeros(3)},
        "half": {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in trained.items()},
    }[kept]
    torch.save(written, tmp_path / "w.pth")
    begun = start(asked(words, tmp_path / "w.pth"), tmp_path)
    for name, tensor in trained.items():
        assert torch.equal(begun[name], tensor.half().float() if kept == "half" else tensor), name
        assert begun[name].dtype == tensor.dtype


def test_a_whole_model_is_unpacked_by_nobody(tmp_path: Path) -> None:
    torch.save(made(MODELS["resnet8"], 2), tmp_path / "whole.pth")

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "sprung",))

    torch.save({"a": Trap()}, tmp_path / "trap.pth")
    for name in ("whole.pth", "trap.pth"):
        with pytest.raises(ValueError) as raised:
            start(asked([], tmp_path / name), tmp_path)
        assert str(raised.value) == (
            f"model.weights={tmp_path / name} holds more than named arrays, or is damaged: save them by "
            "torch.save(model.state_dict(), FILE)"
        )
    assert not (tmp_path / "sprung").exists()


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    trained = made(["model=resnet8"], 2).state_dict()

    def refusal(content: Any, name: str = "w.pth") -> str:
        (tmp_path / name).write_bytes(content) if isinstance(content, bytes) else torch.save(content, tmp_path / name)
        with pytest.raises(ValueError) as raised:
            start(asked(["model=resnet8"], tmp_path / name), tmp_path)
        told = str(raised.value)
        assert told.startswith(f"model.weights={tmp_path / name}") and "\n" not in told and len(told) < 600
        return told

    told = refusal(made(["model=resnet8", "model.width=1"], 2).state_dict())
    assert (
        "are not this model's: 45 have another shape (first 0.weight, [64, 3, 7, 7] there, [32, 3, 7, 7] here); "
        in told
    )
    assert told.endswith("choose the model, with its settings, that they were trained as, or null")
    told = refusal(made(["model=simple_cnn"], 2).state_dict())
    assert "arrays are missing there (first 1.weight), " in told and "are none of its own (first 0.bias)" in told
    assert "its training diverged, 1.bias is not finite; name another file" in refusal(
        trained | {"1.bias": trained["1.bias"] + float("nan")}
    )
    for content in ([1, 2], {"a": 1}, {}, {1: torch.zeros(1)}, torch.zeros(3)):
        assert "holds no named arrays: save them by torch.save(model.state_dict(), FILE)" in refusal(content)
    assert "is damaged" in refusal(b"no weights at all")
    buffer = io.BytesIO()
    torch.save(trained, buffer)
    assert "cannot be read (" in refusal(buffer.getvalue()[:5000])
    assert "cannot be read (" in refusal(b"no weights", "w.safetensors")
    assert "its header has" in refusal(b"\xff" * 7 + b"\0" + b" " * 50, "w.safetensors")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["model.weights=nowhere.pth"], "model.weights=nowhere.pth holds no model: name a file (.safetensors, .pth, "),
        (["model.weights=DEFAULT"], "model.weights=DEFAULT are not weights of resnet8: choose a file (.safetensors"),
        (["model=simple_cnn", "model.weights=x"], "model.weights=x are not weights of simple_cnn: choose a file ("),
        (["model=torchvision", "model.weights=x"], "model.weights=x are not weights of mobilenet_v3_small: "),
        (["model=timm", "model.weights=x"], "model.weights=x: choose true, null or a file (.safetensors, .pth"),
        (["model.weights=a.pth", "model.init=b"], "model.init=b and model.weights=a.pth: set one of them to null"),
    ],
)
def test_names_that_are_none_are_refused(tmp_path: Path, words: list[str], line: str) -> None:
    with pytest.raises(ValueError) as raised:
        start(settings(*words), tmp_path)
    assert str(raised.value).startswith(line) and "\n" not in str(raised.value)


def test_a_run_tells_of_its_file_and_goes_on_with_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(made(MODELS["torchvision"], 10).state_dict(), "w.pth")
    config = asked([*MODELS["torchvision"], "model.freeze=backbone", "num_rounds=2"], "w.pth")
    info = run(config, tmp_path / "whole")
    digest = hashlib.sha256((tmp_path / "w.pth").read_bytes()).hexdigest()
    assert info["config"]["model"]["weights"] == str((tmp_path / "w.pth").resolve())
    assert info["config"]["model"]["weights_sha256"] == digest
    run(config, tmp_path / "cut")
    begun = unsealed.read(tmp_path / "cut") | {"status": "interrupted"}
    (tmp_path / "cut" / "run.json").write_text(json.dumps(begun))
    for path in (tmp_path / "cut" / "checkpoint").glob("*"):  # nothing kept: it begins anew
        path.unlink()
    resume(tmp_path / "cut")
    for name in ("rounds.jsonl", "model.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    (tmp_path / "w.pth").rename(tmp_path / "elsewhere.pth")  # a model that is done needs it no more
    assert load_model(tmp_path / "whole" / "model.safetensors")[1] == ["cloudy", "sunny"]
    torch.save(made(MODELS["torchvision"], 10, seed=8).state_dict(), "w.pth")
    (tmp_path / "cut" / "run.json").write_text(json.dumps(begun))
    with pytest.raises(ValueError, match=r"^model.weights=.*w.pth is another file than when the run began: bring that"):
        resume(tmp_path / "cut")
