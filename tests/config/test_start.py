"""``model.init``: a run starts from the very weights of an earlier one, and from nothing that does not fit."""

import hashlib
import json
from pathlib import Path
from typing import Any

import forked
import pytest
import torch
import unsealed

from fedsky.client.task import Task, specification
from fedsky.config import compose, resolve
from fedsky.model.file import read_model, write_model
from fedsky.predict import load_model
from fedsky.resume import resume
from fedsky.run import run

QUICK = ["engine=inline", "num_clients=2", "data.count=40", "data.size=32", "num_rounds=1", "partition.min_examples=5"]


def settings(*overrides: str) -> dict[str, Any]:
    return resolve(compose([*QUICK, *overrides]))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory, session_cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("earlier") / "run"
    run(settings("seed=5", "strategy=centralized", f"data.cache={session_cache / 'fedsky'}"), folder)
    return folder


def start(config: dict[str, Any], folder: Path) -> dict[str, torch.Tensor]:
    return Task(specification(config, folder)).initial


def test_every_tensor_is_taken_over(earlier: Path, tmp_path: Path) -> None:
    arrays, _ = read_model(earlier / "model.safetensors")
    begun = start(settings(f"model.init={earlier}"), tmp_path)
    assert begun.keys() == arrays.keys()
    for name, tensor in begun.items():
        assert torch.equal(tensor, torch.from_numpy(arrays[name])), name
    scratch = start(settings(), tmp_path)
    assert not torch.equal(scratch["0.weight"], begun["0.weight"])


@pytest.mark.parametrize("strategy", ["fedavg", "scaffold", "ditto", "local", "centralized"])
def test_round_0_is_the_earlier_model(earlier: Path, tmp_path: Path, strategy: str) -> None:
    """On the same photographs, round 0 judges as the last round of the earlier run did."""
    info = run(settings(f"model.init={earlier}", f"strategy={strategy}", "evaluate=server"), tmp_path / "run")
    first = json.loads((tmp_path / "run" / "rounds.jsonl").read_text().splitlines()[0])
    last = json.loads((earlier / "rounds.jsonl").read_text().splitlines()[-1])
    assert first["loss"] == pytest.approx(last["loss"], abs=1e-6)
    assert info["status"] == "done"


def test_run_json_names_the_file_and_its_hash(earlier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(earlier.parent)
    info = run(settings("model.init=run"), tmp_path / "run")
    file = earlier / "model.safetensors"
    assert info["config"]["model"]["init"] == str(file.resolve())
    assert info["config"]["model"]["init_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    _, classes, size = load_model(tmp_path / "run" / "model.safetensors")
    assert (classes, size) == (["cloudy", "sunny"], 32)
    chained = run(settings(f"model.init={tmp_path / 'run'}"), tmp_path / "third")
    assert chained["status"] == "done"


def test_ray_begins_where_inline_does(earlier: Path, tmp_path: Path) -> None:
    for engine in ("inline", "ray"):
        asked = [*QUICK[1:], f"engine={engine}", f"model.init={earlier}", f"hydra.run.dir={tmp_path / engine}"]
        done = forked.command("fedsky", *asked, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    for name in ("rounds.jsonl", "model.safetensors", "predictions.csv"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "inline" / name).read_bytes(), name


def test_a_run_without_it_says_nothing_of_it() -> None:
    assert settings()["model"].keys() == {"_target_", "width", "norm"}


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["model.width=1"], "its architecture is resnet8 norm=batch width=0.5, this run's resnet8 norm=batch width=1"),
        (["model.norm=group"], "its architecture is"),
        (["model=resnet10"], "its architecture is resnet8"),
        (["data.size=64"], "its images have 32 pixels a side, this run's 64"),
    ],
)
def test_a_model_of_another_kind_is_refused(earlier: Path, tmp_path: Path, overrides: list[str], line: str) -> None:
    with pytest.raises(ValueError, match=f"^model.init=.*: {line}") as caught:
        run(settings(*overrides, f"model.init={earlier}"), tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_other_classes_are_refused(earlier: Path, tmp_path: Path) -> None:
    arrays, about = read_model(earlier / "model.safetensors")
    write_model(tmp_path / "other.safetensors", arrays, about | {"classes": ["foggy", "sunny"]})
    with pytest.raises(ValueError, match="its classes are foggy, sunny, this run's cloudy, sunny"):
        start(settings(f"model.init={tmp_path / 'other.safetensors'}"), tmp_path)


def test_what_is_no_model_is_refused(earlier: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^model.init=nowhere holds no model: name a .safetensors file"):
        settings("model.init=nowhere")
    (tmp_path / "models").mkdir()
    with pytest.raises(ValueError, match="holds a model for each client: name one of"):
        settings(f"model.init={tmp_path}")
    (tmp_path / "text.safetensors").write_text("no model")
    with pytest.raises(ValueError, match=r"text.safetensors is not a model of fedsky"):
        start(settings(f"model.init={tmp_path / 'text.safetensors'}"), tmp_path)
    with pytest.raises(ValueError, match="set one of them to null"):
        settings("model=resnet18", "model.weights=DEFAULT", f"model.init={earlier}")


def test_a_resumed_run_has_begun_there_and_the_file_may_not_change(earlier: Path, tmp_path: Path) -> None:
    arrays, about = read_model(earlier / "model.safetensors")
    first = tmp_path / "first.safetensors"
    write_model(first, arrays, about)
    config = settings(f"model.init={first}", "num_rounds=2")
    run(config, tmp_path / "whole")
    run(config, tmp_path / "cut")
    info = unsealed.read(tmp_path / "cut")
    (tmp_path / "cut" / "run.json").write_text(json.dumps(info | {"status": "interrupted"}))
    for path in (tmp_path / "cut" / "checkpoint").glob("*"):  # nothing kept: it begins anew
        path.unlink()
    assert resume(tmp_path / "cut")["config"]["model"] == config["model"]
    assert (tmp_path / "cut" / "rounds.jsonl").read_text() == (tmp_path / "whole" / "rounds.jsonl").read_text()
    write_model(first, arrays, about | {"round": 77})
    (tmp_path / "cut" / "run.json").write_text(json.dumps(info | {"status": "interrupted"}))
    with pytest.raises(ValueError, match="is another file than when the run began: bring that one back"):
        resume(tmp_path / "cut")
