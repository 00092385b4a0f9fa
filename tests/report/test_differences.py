"""Differences of two groups before their intervals: over runs by hand, in one family, and of some owners' images."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from fedsky.report import differences
from fedsky.report.crossed import Entries, balanced, moments
from fedsky.report.differences import Found, together
from fedsky.report.entries import entries_together
from fedsky.report.family import Difference
from fedsky.report.groups import Group
from fedsky.report.selection import Choice, select

WriteRun = Callable[..., Path]
Judge = Callable[..., list[tuple[str, str, str]]]


def groups(folder: Path) -> list[Group]:
    [kind] = select([folder], Choice()).kinds
    return kind.groups


def over_runs(
    folder: Path, write_run: WriteRun, gains: Mapping[str, Sequence[float]], folds: int | None = None
) -> Found:
    """Of runs without photographs: by fold the gains of fedavg over local, one a seed."""
    for fold, values in gains.items():
        for seed, gain in enumerate(values):
            more = {"config": {"data.fold": f"{fold}/{folds}" if folds else None}}
            for strategy, value in (("local", 0.5), ("fedavg", 0.5 + gain)):
                write_run(folder / f"{strategy}{fold}{seed}", strategy, seed, curve=(0.5, 0.5, value), **more)
    local, fedavg = groups(folder)
    [found] = differences.differences([(fedavg, local)], "balanced_accuracy")
    assert found is not None
    return found


def test_over_runs_the_seeds_of_a_fold_count_as_one(tmp_path: Path, write_run: WriteRun) -> None:
    """80 images to train with, 40 to test: the variance of three folds is (1/3 + 40/80) times that of their means."""
    gains = {"1": [0.1, 0.1], "2": [0.1, 0.3], "3": [0.2, 0.4]}
    found = over_runs(tmp_path, write_run, gains, folds=3)
    assert found.difference.value == pytest.approx(0.2)
    assert found.difference.error == pytest.approx(0.1 * math.sqrt(1 / 3 + 1 / 2))
    assert (found.difference.freedom, found.runs, found.splits, found.seeds, found.reason) == (2, 6, 3, 2, "")


@pytest.mark.parametrize(
    ("gains", "reason"), [([0.1, 0.2], differences.FEW_RUNS), ([0.1, 0.1, 0.1], differences.NO_SPREAD)]
)
def test_why_there_is_no_interval_over_runs(
    tmp_path: Path, write_run: WriteRun, gains: list[float], reason: str
) -> None:
    found = over_runs(tmp_path, write_run, {"1": gains})
    assert (found.difference.error, found.reason, found.splits) == (None, reason, 1)


def test_a_difference_over_runs_stands_apart_in_its_family() -> None:
    photograph = np.arange(60)
    labels, none = photograph % 2, np.zeros(60, dtype=np.int64)
    values = (np.random.default_rng(0).random((3, 60)) < 0.8).astype(float)
    common = moments(Entries(values, balanced(labels, photograph), labels, photograph, none, none))
    contrasts = np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]])
    told = [Found(common.difference(each), 1, 1, 1, moments=common, contrast=each) for each in contrasts]
    own = common.family([each.difference for each in told], contrasts)
    assert 0 < own.correlation[0, 1] < 1 and 0 < own.errors[0, 1] < 1
    family = together([told[0], Found(Difference(0.1, 0.05, 2), 3, 1, 3), told[1]])
    for whole, part in ((family.correlation, own.correlation), (family.errors, own.errors)):
        assert whole == pytest.approx(np.array([[1, 0, part[0, 1]], [0, 1, 0], [part[1, 0], 0, 1]]))


def test_some_owners_losses_are_of_the_runs_that_tell_them(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    rows = [(*row, int(row[0]) % 2, 0.0 if row[1] == "cloudy" else 1.0) for row in judge()]
    for seed, loss in enumerate((0.0, 0.5)):  # by the file it is 0
        for strategy in ("local", "fedavg"):
            write_run(
                tmp_path / f"{strategy}{seed}",
                strategy,
                seed,
                predictions=rows,
                curve=(0.5, 0.5, 1.0),
                loss=(1, 1, loss),
            )
    entries = entries_together(groups(tmp_path), "loss", [1])
    assert entries is not None
    assert (len(entries.photograph), len(np.unique(entries.run))) == (20, 1)
