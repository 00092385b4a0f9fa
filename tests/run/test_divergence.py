"""A training that diverged ends as failed, and nothing that it left is judged, used or counted."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import unsealed
from run_files import info_of

from fedsky.client.state import State
from fedsky.config import compose, resolve
from fedsky.engine.grid import ClientError
from fedsky.history import read_run
from fedsky.model.file import read_model, write_model
from fedsky.predict import load_model, probabilities
from fedsky.report.results import LeftOut, Result, read_result
from fedsky.report.selection import select, why_left_out
from fedsky.run import run
from fedsky.run.checkpoint import Progress, load_round, save_round, to_record
from fedsky.run.evaluation import Evaluation
from fedsky.web.runs.index import Index

SMALL = ["engine=inline", "num_clients=3", "data.count=60", "data.size=32", "num_rounds=2", "lr_schedule=constant"]


def refused(folder: Path, *overrides: str) -> str:
    """The reason for which a run failed, as it is told and as it is written."""
    with pytest.raises((ValueError, ClientError)) as caught:
        run(resolve(compose([*SMALL, *overrides])), folder)
    info = info_of(folder)
    assert (info["status"], info["reason"]) == ("failed", str(caught.value))
    assert "\n" not in info["reason"] and not (folder / "model.safetensors").exists()
    assert all(row["loss"] is not None for row in read_run(folder).rounds), "what is not a number makes no row"
    return str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["lr=1e4"],
        ["lr=1e4", "evaluate=clients"],
        ["lr=1e4", "strategy=local"],
        ["lr=1e4", "strategy=ditto"],
        ["lr=1e4", "strategy=centralized"],
    ],
)
def test_a_step_too_large_is_named(tmp_path: Path, overrides: list[str]) -> None:
    assert refused(tmp_path / "run", *overrides).startswith("training diverged in round 1: lower lr=10000 (")


def test_fine_tuning_that_diverges_is_told(tmp_path: Path) -> None:
    told = refused(tmp_path / "run", "num_rounds=1", "personalize=finetune", "personalize.lr=1e4")
    assert "training diverged in round 1: lower " in told


@pytest.mark.parametrize(
    ("strategy", "server_lr", "wanted"),
    [
        ("fedavgm", "1e20", "strategy.server_lr=1e+20 or lr=0.05"),
        ("fedadam", "1e9", "strategy.server_lr=1e+09 or lr=0.05"),
        ("fedavgm", "1e60", "strategy.server_lr=1e+60"),  # the model itself: the clients' were finite
    ],
)
def test_the_servers_step_is_named(tmp_path: Path, strategy: str, server_lr: str, wanted: str) -> None:
    told = refused(tmp_path / "run", f"strategy={strategy}", f"strategy.server_lr={server_lr}")
    assert told.startswith(f"training diverged in round 1: lower {wanted} (")


def test_a_client_that_diverges_after_the_servers_step_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evaluation, "not_finite", lambda self: None)  # as where it is finite by chance
    with pytest.raises(ClientError) as caught:
        run(resolve(compose([*SMALL, "strategy=fedavgm", "strategy.server_lr=1e20"])), tmp_path / "run")
    assert str(caught.value).startswith("client 0: training diverged in round 2: lower lr=0.05 (")
    assert str(caught.value).endswith(", or lower strategy.server_lr=1e+20 or lr=0.05")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_no_client_keeps_what_is_no_number(tmp_path: Path, bad: float) -> None:
    with pytest.raises(ValueError, match=r"training diverged in round 3: lower lr \(w of what"):
        State(tmp_path, 0, 3).save({"n": torch.tensor(3), "w": torch.tensor([1.0, bad])})
    assert list(tmp_path.iterdir()) == []


def test_no_run_goes_on_from_what_is_no_number(tmp_path: Path) -> None:
    save_round(tmp_path, to_record({"w": np.array([1.0, math.nan])}), Progress(4), {})
    with pytest.raises(ValueError, match=r"4\.safetensors: training diverged, w is not finite"):
        load_round(tmp_path, ["w"])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that went well."""
    folder = tmp_path_factory.mktemp("done") / "run"
    run(resolve(compose([*SMALL, "num_rounds=1"])), folder)
    return folder


def spoilt(done: Path, to: Path, value: float) -> Path:
    """Its model with one weight changed."""
    arrays, about = read_model(done / "model.safetensors")
    arrays = {name: array.copy() for name, array in arrays.items()}
    next(array for array in arrays.values() if array.dtype == np.float32).flat[0] = value
    write_model(to, arrays, about)
    return to


def test_a_model_that_is_no_number_is_neither_asked_nor_begun_with(tmp_path: Path, done: Path) -> None:
    path = spoilt(done, tmp_path / "model.safetensors", math.nan)
    with pytest.raises(ValueError, match="not a model to predict with: its training diverged"):
        load_model(path)
    with pytest.raises(ValueError, match=r"model\.init=.*training diverged.* is not finite"):
        run(resolve(compose([*SMALL, f"model.init={path}"])), tmp_path / "run")


def test_an_answer_that_is_no_number_is_none(tmp_path: Path, done: Path) -> None:
    arrays, about = read_model(done / "model.safetensors")
    path = tmp_path / "model.safetensors"
    write_model(
        path, {name: np.full_like(array, 3e38) if array.ndim == 4 else array for name, array in arrays.items()}, about
    )
    with pytest.raises(ValueError, match="its answer is not finite"):
        probabilities(load_model(path)[0], torch.ones(1, 3, 32, 32))


def as_before(folder: Path) -> None:
    """Writes a run folder as versions did that counted what is not a number."""
    rows: list[dict[str, Any]] = [
        {"round": 0, "loss": 0.7, "accuracy": 0.5, "balanced_accuracy": 0.5},
        {"round": 1, "loss": None, "accuracy": 0.5, "balanced_accuracy": 0.5},
    ]
    folder.mkdir(parents=True)
    (folder / "rounds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    info = {"status": "done", "reason": None, "config": {"num_rounds": 1}, "choices": {"strategy": "fedavg"}}
    (folder / "run.json").write_text(json.dumps(info))


def test_an_old_run_that_diverged_is_not_counted(tmp_path: Path, done: Path) -> None:
    as_before(tmp_path / "runs" / "old")
    reason = "training diverged: the loss of round 1 is not finite"
    found = read_result(read_run(tmp_path / "runs" / "old"), "old")
    assert isinstance(found, LeftOut) and found.reason == reason and found.run.status == "failed"
    shutil.copytree(done, tmp_path / "runs" / "good")
    selection = select([tmp_path / "runs"])
    assert [why_left_out(each) for each in selection.left_out] == [reason] and len(selection.results) == 1
    [row] = Index([tmp_path / "runs" / "old"]).rows()
    assert (row.status, row.reason) == ("failed", reason)


def test_predictions_that_are_no_numbers_are_told(done: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(done, folder)
    lines = (folder / "predictions.csv").read_text().splitlines()
    line = ",".join([*lines[1].split(",")[:-3], "nan", "nan", ""])
    (folder / "predictions.csv").write_text("\n".join([lines[0], line, *lines[2:]]))
    unsealed.unseal(folder)
    found = read_result(read_run(folder), "run")
    assert isinstance(found, Result) and found.predictions is None
    assert any("a probability is not a number" in problem for problem in found.problems)


def test_a_run_without_test_images_is_no_run_that_diverged(tmp_path: Path) -> None:
    as_before(tmp_path / "run")
    path = tmp_path / "run" / "rounds.jsonl"
    path.write_text(path.read_text().replace('"loss": null, "accuracy": 0.5', '"loss": null, "accuracy": null'))
    assert read_run(tmp_path / "run").status == "done"
