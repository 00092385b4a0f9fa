"""What a network cannot do is refused before the first round, with the keys to change."""

from pathlib import Path

import pytest
from places import SMALL, command, told


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["model=resnet18", "batch_size=1"], "model=resnet18 data.size=32 batch_size=1: BatchNorm cannot train on "),
        (["model=resnet18", "batch_size=1", "strategy=centralized"], "model=resnet18 data.size=32 batch_size=1: Batch"),
        (["model=softmax"], "model=softmax data.size=32: it cannot train on these data"),
    ],
)
def test_a_model_that_cannot_train_is_refused(tmp_path: Path, words: list[str], line: str) -> None:
    for more in ([], ["dry_run=true"]):
        found = told(command(tmp_path, *SMALL, *words, *more))
        assert found.startswith(line)
        if "BatchNorm" in found:
            assert found.endswith("raise batch_size or data.size, or set model.norm=group")
    assert not list(tmp_path.rglob("rounds.jsonl")), "no round was begun"


def test_images_are_not_points(tmp_path: Path) -> None:
    words = ["data=synthetic", "partition=natural", "engine=inline", "num_clients=3", "dry_run=true"]
    found = told(command(tmp_path, *words))
    assert found.startswith("model=resnet8: it cannot train on these data in batches of ")
    assert found.endswith("choose another model")


@pytest.mark.parametrize("words", [["model=resnet18", "model.norm=group"], ["model=resnet8"]])
def test_one_image_at_a_time_is_enough_for_others(tmp_path: Path, words: list[str]) -> None:
    ended = command(tmp_path, *SMALL, *words, "batch_size=1", "dry_run=true")
    assert ended.returncode == 0, ended.stderr
