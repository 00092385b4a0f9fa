"""Runs on points whose owners are given: their rows, and what is said of them elsewhere."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from run_files import info_of, rows_of
from safetensors.numpy import load_file
from torch.nn import functional as F

from fedsky.client.task import Task, specification
from fedsky.config import check, compose, resolve
from fedsky.predict import predict
from fedsky.report.page import write_report
from fedsky.run import run
from fedsky.run.dry_run import dry_run

QUICK = ["experiment=fcube", "engine=inline", "num_rounds=2", "local_epochs=2"]


def config_of(*overrides: str) -> dict[str, Any]:
    return resolve(compose([*QUICK, *overrides]))


def made(folder: Path, *overrides: str) -> list[dict[str, Any]]:
    run(config_of(*overrides), folder, {"strategy": "fedavg", "data": "fcube"})
    return rows_of(folder, "rounds")


def test_the_global_training_loss_is_that_of_all_training_points(tmp_path: Path) -> None:
    rows, others = made(tmp_path / "run", "evaluate_train=true"), made(tmp_path / "other")
    task = Task(specification(config_of(), tmp_path))
    everyone = task.part("train", [0, 1, 2, 3])
    model = load_file(tmp_path / "run" / "model.safetensors")
    task.model.load_state_dict({name: torch.from_numpy(array) for name, array in model.items()})
    loss = F.cross_entropy(task.model(task.images(everyone)), torch.from_numpy(task.photos.labels[everyone]))
    assert rows[2]["global_train_loss"] == pytest.approx(float(loss.detach()), abs=1e-6)
    assert [row["global_train_loss"] for row in others] == [None] * 3
    assert [{**row, "global_train_loss": None} for row in rows] == others


def test_clients_judge_points_as_the_server_does(tmp_path: Path) -> None:
    rows, others = made(tmp_path / "a"), made(tmp_path / "b", "evaluate=clients")
    assert [row["accuracy"] for row in rows] == [row["accuracy"] for row in others]


def test_a_configuration_from_before_the_training_loss_is_still_one() -> None:
    config = config_of()
    del config["evaluate_train"]
    check(config)
    assert config["evaluate_train"] is False


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["evaluate_train=1"], "evaluate_train=1: true or false is needed"),
        (["evaluate_train=true", "evaluate=clients"], "evaluate_train=True: only the server sees"),
    ],
)
def test_a_training_loss_that_nobody_can_tell_is_refused(overrides: list[str], line: str) -> None:
    with pytest.raises(ValueError) as raised:
        config_of(*overrides)
    assert str(raised.value).startswith(line)


def test_points_are_named_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "runs" / "run")
    info = info_of(tmp_path / "runs" / "run")
    assert info["data"]["image_size"] is None
    dry_run(config_of(), tmp_path / "dry")
    assert "6000 points of 3 numbers" in " ".join(capsys.readouterr().out.split())
    page = write_report([tmp_path / "runs"], tmp_path / "report").read_text()
    assert "fcube: 0 and 1, points" in page
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "photo.png")
    with pytest.raises(ValueError, match="not a model to predict with: it judges points, not photographs"):
        predict(tmp_path / "runs" / "run" / "model.safetensors", [tmp_path / "photo.png"])
