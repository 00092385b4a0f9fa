"""What the variance of a difference is put together from, one part at a time, by hand."""

import math

import numpy as np
import pytest

from fedsky.report.crossed import FEWEST_FREEDOM, MIN_PHOTOGRAPHS, Entries, Moments, balanced, moments
from fedsky.report.family import correlation

ONE = np.array([1.0])


def entries(runs_of: list[int], count: int, seed: int = 0, shared: float = 0.0) -> Entries:
    """One group's entries: a split of ``count`` photographs of two classes for each number of runs."""
    rng = np.random.default_rng(seed)
    split = np.concatenate([np.full(runs * count, number) for number, runs in enumerate(runs_of)])
    run = np.concatenate([np.repeat(np.arange(runs), count) for runs in runs_of])
    photograph = np.concatenate(
        [np.tile(np.arange(count) + number * count, runs) for number, runs in enumerate(runs_of)]
    )
    labels = photograph % 2
    values = (rng.random((1, len(split))) < 0.7).astype(float)
    return Entries(values, balanced(labels, photograph), labels, photograph, split, run, shared)


def test_classes_weigh_alike_and_photographs_within_a_class_too() -> None:
    weights = balanced(np.array([0, 0, 0, 1, 1, 1]), np.array([4, 4, 2, 7, 8, 9]))
    np.testing.assert_allclose(weights, [1 / 8, 1 / 8, 1 / 4, 1 / 6, 1 / 6, 1 / 6])


@pytest.mark.parametrize(("count", "told"), [(2 * MIN_PHOTOGRAPHS, True), (2 * MIN_PHOTOGRAPHS - 1, False)])
def test_each_class_needs_photographs_enough(count: int, told: bool) -> None:
    found = moments(entries([2], count))
    assert found.enough is told and (found.difference(ONE).error is not None) is told


@pytest.mark.parametrize(("freedom", "told"), [(FEWEST_FREEDOM, True), (FEWEST_FREEDOM - 0.01, False)])
def test_too_little_freedom_tells_nothing(freedom: float, told: bool) -> None:
    nothing = np.zeros((1, 1))
    found = Moments(ONE, np.eye(1), nothing, nothing, (slice(0, 1),), (freedom, (0.0,)), 1.0, True).difference(ONE)
    assert found.freedom == pytest.approx(freedom) and (found.error is not None) is told


def test_tables_are_widened_by_the_most_that_one_shares_and_by_nothing_known_where_one_is_unknown() -> None:
    made = [entries([2], 30, seed, shared) for seed, shared in enumerate((0.1, 0.3, math.nan))]
    assert moments(made[1], made[0]).widened == moments(made[0], made[1]).widened == 1.3
    assert math.isnan(moments(made[2], made[1]).widened) and math.isnan(moments(made[1], made[2]).widened)


def test_tables_have_nothing_in_common_but_their_photographs() -> None:
    one, other = entries([3], 30, 1), entries([2], 30, 2)
    both = moments(one, other)
    assert both.parts == (slice(0, 1), slice(1, 2)) and both.freedom == (28.0, (2.0, 1.0))
    np.testing.assert_allclose(np.diag(both.runs), [moments(each).runs[0, 0] for each in (one, other)])
    np.testing.assert_allclose(np.diag(both.entries), [moments(each).entries[0, 0] for each in (one, other)])
    assert both.runs[0, 1] == both.entries[0, 1] == 0 != both.photographs[0, 1]


def test_a_split_of_one_run_brings_what_the_others_do_on_average() -> None:
    """Three and two runs of 40 photographs, and one of 40: each weighs a third, and brings (1/3)^2 / R var."""
    made = entries([3, 2, 1], 40)
    found = moments(made)
    sums = [
        [made.weights[here] @ made.values[0, here] for run in range(runs) if len(here := place(made, split, run))]
        for split, runs in enumerate((3, 2))
    ]
    brought = sum(len(each) * np.var(each, ddof=1) for each in sums)
    parts = [1 / 9 / 3, 1 / 9 / 2, 1 / 9 / 1]
    assert found.runs[0, 0] == pytest.approx(brought * sum(parts) / sum(parts[:2]))
    assert found.freedom[1] == (3.0,)


def place(made: Entries, split: int, run: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.flatnonzero((made.split == split) & (made.run == run))


def test_differences_correlate_as_their_covariance_has_it() -> None:
    photographs, runs = np.array([[4.0, 1.0], [1.0, 1.0]]), np.array([[5.0, 1.0], [1.0, 3.0]])
    found = Moments(np.zeros(2), photographs, runs, runs, (slice(0, 2),), (9.0, (1.0,)), 1.0, True)
    both = [found.difference(each) for each in np.eye(2)]
    np.testing.assert_allclose(found.family(both, np.eye(2)).correlation, [[1, 2 / 6], [2 / 6, 1]])
    np.testing.assert_allclose(correlation(np.array([[9.0, 0.0], [0.0, 0.0]])), np.eye(2))
