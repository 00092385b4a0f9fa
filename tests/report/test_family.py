"""Intervals that hold together: against tables, against closed forms, and by simulation of what they are made for."""

import math

import numpy as np
import pytest
from scipy import stats

from fedsky.report import family as family_module
from fedsky.report.crossed import Entries, Moments, balanced, moments
from fedsky.report.family import MOST_TOGETHER, Difference, Family, Floats, apart, error_correlation

HALF = np.full((3, 3), 0.5) + 0.5 * np.eye(3)


def like(num: int, freedom: float, correlation: Floats | None = None, errors: Floats | None = None) -> Family:
    eye = np.eye(num)
    return Family(np.full(num, freedom), eye if correlation is None else correlation, eye if errors is None else errors)


def half_width(family: Family, freedom: float) -> float:
    low, high, p = family.told(Difference(0.0, 1.0, freedom)) or (0, 0, 0)
    assert low == -high and p == pytest.approx(1)
    return high


def test_alone_in_its_family_a_difference_has_students_interval() -> None:
    low, high, p = apart([12.0]).told(Difference(0.1, 0.04, 12.0)) or (0, 0, 0)
    assert (low, high) == pytest.approx((0.1 - 0.04 * stats.t.ppf(0.975, 12), 0.1 + 0.04 * stats.t.ppf(0.975, 12)))
    assert p == pytest.approx(2 * stats.t.sf(2.5, 12))


def test_with_one_error_for_all_it_is_dunnetts_table() -> None:
    """3 treatments with one control, 20 degrees of freedom, two-sided 95 %: 2.54."""
    assert half_width(like(3, 20.0, HALF, np.ones((3, 3))), 20.0) == pytest.approx(2.54, abs=0.03)


@pytest.mark.parametrize("freedom", [3.0, 4.0, 10.0, 100.0, math.inf])
def test_with_errors_of_their_own_independent_comparisons_have_sidaks_interval(freedom: float) -> None:
    exact = stats.t.ppf((1 + 0.95 ** (1 / 5)) / 2, freedom)
    assert half_width(like(5, freedom), freedom) == pytest.approx(exact, rel=0.03)
    if freedom == 4:  # what one error for all, the studentized maximum modulus, would make of them
        assert half_width(like(5, 4.0, errors=np.ones((5, 5))), 4.0) < 0.95 * exact


def test_wholly_alike_comparisons_are_as_one_and_too_many_as_if_independent() -> None:
    one = like(3, 20.0, np.ones((3, 3)), np.ones((3, 3)))
    assert half_width(one, 20.0) == pytest.approx(stats.t.ppf(0.975, 20), abs=0.03)
    many = half_width(like(MOST_TOGETHER + 1, math.inf), math.inf)
    assert many == pytest.approx(stats.norm.ppf((1 + 0.95 ** (1 / (MOST_TOGETHER + 1))) / 2))


@pytest.mark.parametrize("t", [1.9, 2.2, 2.5, 2.545, 2.55, 2.6, 3.5])
def test_interval_and_p_never_disagree(t: float) -> None:
    low, _high, p = like(3, 20.0, HALF, HALF**2).told(Difference(t, 1.0, 20.0)) or (0, 0, 0)
    assert (low > 0) == (p < 0.05)


def test_the_one_that_is_known_least_does_not_widen_the_others() -> None:
    """Each is judged by its own p-value: of a member with few degrees of freedom only its own interval is wide."""
    mixed = Family(np.array([2.5, 200.0, 200.0]), np.eye(3), np.eye(3))
    known, unknown = (mixed.told(Difference(0.0, 1.0, own)) or (0, 0, 0) for own in (200.0, 2.5))
    assert known[1] == pytest.approx(half_width(like(3, 200.0), 200.0), rel=0.02)
    assert unknown[1] > 2 * known[1]


def test_errors_are_correlated_as_wishart_variances_are() -> None:
    """Of one component the variances of contrasts are correlated by the square of the contrasts' own correlation."""
    covariance = np.array([[2.0, 0.9, 0.0], [0.9, 1.0, 0.2], [0.0, 0.2, 0.5]])
    draws = np.asarray(stats.wishart(6, covariance / 6).rvs(20_000, random_state=0))
    drawn = np.corrcoef(np.array([np.diag(each) for each in draws]), rowvar=False)
    assert error_correlation([(covariance, 6.0)]) == pytest.approx(drawn, abs=0.03)
    other = np.asarray(stats.wishart(3, covariance[::-1, ::-1] / 3).rvs(20_000, random_state=1))
    both = np.corrcoef(np.array([np.diag(a + b) for a, b in zip(draws, other, strict=True)]), rowvar=False)
    assert error_correlation([(covariance, 6.0), (covariance[::-1, ::-1], 3.0)]) == pytest.approx(both, abs=0.03)


def simulated(generator: np.random.Generator, groups: int) -> Moments:
    """Moments of 2 runs of 5 splits, and 100 photographs: mostly training's chance, known with 5 degrees of freedom."""
    photograph = np.tile(np.arange(100), 2)
    chance = generator.standard_normal((groups, 2, 5))  # of group, run and split
    split, run = photograph // 2 % 5, np.repeat([0, 1], 100)
    values = chance[:, run, split] + generator.standard_normal((groups, 200))
    return moments(Entries(values, balanced(photograph % 2, photograph), photograph % 2, photograph, split, run))


@pytest.mark.slow
def test_five_contrasts_with_few_degrees_of_freedom_hold_the_truth_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Shapley values do: all five intervals at once, which one error for all misses."""
    monkeypatch.setattr(family_module, "MOST_DRAWS", 10_000)
    generator = np.random.default_rng(0)
    contrasts = np.eye(10)[:5] - np.eye(10)[5:]
    held: list[list[bool]] = []
    shared: list[list[bool]] = []
    single: list[list[bool]] = []
    for _ in range(200):
        found = simulated(generator, 10)
        differences = [found.difference(each) for each in contrasts]
        family = found.family(differences, contrasts)
        alike = Family(family.freedom, family.correlation, np.ones_like(family.errors))
        alone = [apart([each.freedom]) for each in differences]
        for kept, families in ((held, [family] * 5), (shared, [alike] * 5), (single, alone)):
            told = [own.told(each) for own, each in zip(families, differences, strict=True)]
            kept.append([each is not None and each[0] <= 0 <= each[1] for each in told])
    assert np.mean(np.all(held, axis=1)) > np.mean(np.all(shared, axis=1))
    assert 0.93 <= np.mean(np.all(held, axis=1)) <= 0.99
