"""A group's mean: over its photographs where these are known, else over its runs; by hand."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from fedsky.report.groups import Group
from fedsky.report.means import mean
from fedsky.report.selection import Choice, select

WriteRun = Callable[..., Path]
Judge = Callable[..., list[tuple[str, str, str]]]


def only(folder: Path) -> Group:
    [kind] = select([folder], Choice()).kinds
    [group] = kind.groups
    return group


def test_its_interval_is_over_photographs(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    """Of 20 and 20 four and two are wrong: a class's sum of squares is 20 p (1 - p); t(0.975, 39) = 2.022691."""
    write_run(tmp_path / "run", predictions=judge(0, 1, 2, 3, 20, 21), curve=(0.5, 0.5, 0.85))
    half = 2.022691 * math.sqrt((20 * 0.8 * 0.2 + 20 * 0.9 * 0.1) / 40**2 * 40 / 39)
    found = mean(only(tmp_path))
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.85, 0.85 - half, 0.85 + half), abs=1e-6)
    assert (found.n, found.photographs) == (1, 40)


def test_few_photographs_have_no_interval_whatever_the_runs_say(
    tmp_path: Path, write_run: WriteRun, judge: Judge
) -> None:
    for wrong in range(3):
        rows, curve = judge(*range(wrong)), (0.5, 0.5, 1 - wrong / 10)
        few = {"predictions": rows[:5] + rows[20:25], "counts": [([30, 10], [3, 2]), ([10, 30], [2, 3])]}
        write_run(tmp_path / str(wrong), seed=wrong, curve=curve, **few)
    found = mean(only(tmp_path))
    assert found is not None
    assert found.value == pytest.approx(0.9)
    assert (found.low, found.high, found.photographs) == (None, None, 10)


def test_a_loss_that_the_file_does_not_tell_is_over_runs(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    for seed in range(3):
        write_run(
            tmp_path / str(seed), seed=seed, predictions=judge(), curve=(0.5, 0.5, 1.0), loss=(1, 1, 0.2 + seed / 10)
        )
    found = mean(only(tmp_path), "loss")
    assert found is not None
    half = 4.302653 * 0.1 / math.sqrt(3)  # t(0.975, 2)
    assert (found.value, found.low, found.high) == pytest.approx((0.3, 0.3 - half, 0.3 + half), abs=1e-6)
    assert (found.n, found.photographs) == (3, 0)


def test_an_interval_ends_where_a_share_does(tmp_path: Path, write_run: WriteRun) -> None:
    """t(0.975, 2) = 4.302653 of 0.98, 0.99 and 1 reaches 1.015, of 0.1, 0.4 and 0.1 below 0."""
    for name, values in {"high": (0.98, 0.99, 1.0), "low": (0.1, 0.4, 0.1)}.items():
        for seed, value in enumerate(values):
            write_run(tmp_path / name / str(seed), seed=seed, curve=(0.5, 0.5, value))
    high, low = (mean(only(tmp_path / name), "accuracy") for name in ("high", "low"))
    assert high is not None and low is not None
    assert (high.low, high.high) == pytest.approx((0.99 - 4.302653 * 0.01 / math.sqrt(3), 1.0))
    assert (low.low, low.high) == pytest.approx((0.0, 0.2 + 4.302653 * 0.1))
