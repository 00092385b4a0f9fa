"""What a network cannot do is refused before the first round, with the keys to change."""

from pathlib import Path

import pytest
from places import SMALL, command, told

from fedsky.config import compose, resolve
from fedsky.run import run
from fedsky.run.dry_run import dry_run

BATCH_NORM = "data.size=32 batch_size=1: BatchNorm cannot train on "
REMEDY = "raise batch_size or data.size, or set model.norm=group"


@pytest.mark.parametrize(
    ("words", "begin", "end"),
    [
        (["model=resnet18", "batch_size=1"], f"model=resnet18 {BATCH_NORM}", REMEDY),
        (["model=resnet18", "batch_size=1", "strategy=centralized"], f"model=resnet18 {BATCH_NORM}", REMEDY),
        (["model=softmax"], "model=softmax data.size=32: it cannot train on these data", ""),
    ],
)
def test_a_model_that_cannot_train_is_refused(tmp_path: Path, words: list[str], begin: str, end: str) -> None:
    for start in (run, dry_run):
        with pytest.raises(ValueError) as raised:
            start(resolve(compose([*SMALL, *words])), tmp_path / start.__name__)
        found = str(raised.value)
        assert found.startswith(begin) and found.endswith(end) and "\n" not in found
    assert not list(tmp_path.rglob("rounds.jsonl")), "no round was begun"


def test_images_are_not_points(tmp_path: Path) -> None:
    words = ["data=synthetic", "partition=natural", "engine=inline", "num_clients=3", "dry_run=true"]
    found = told(command(tmp_path, *words))
    assert found.startswith("model=resnet8: it cannot train on these data in batches of ")
    assert found.endswith("choose another model")


@pytest.mark.parametrize("words", [["model=resnet18", "model.norm=group"], ["model=resnet8"]])
def test_one_image_at_a_time_is_enough_for_others(tmp_path: Path, words: list[str]) -> None:
    assert dry_run(resolve(compose([*SMALL, *words, "batch_size=1"])), tmp_path / "run")
