"""Every number recomputed by hand or another way."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from fedsky.report import statistics


def test_mean_interval_is_students_t() -> None:
    # mean 2, standard deviation 1, standard error 1/sqrt(3); t(0.975, 2) = 4.302653 (any table)
    estimate = statistics.mean_interval([1.0, 2.0, 3.0])
    assert estimate is not None
    half = 4.302653 / math.sqrt(3)
    assert (estimate.value, estimate.n) == (2.0, 3)
    assert estimate.low == pytest.approx(2 - half, abs=1e-6)
    assert estimate.high == pytest.approx(2 + half, abs=1e-6)


def test_one_value_has_no_interval_and_none_has_no_mean() -> None:
    assert statistics.mean_interval([0.25]) == statistics.Estimate(0.25, None, None, 1, dots=(0.25, 0.25))
    assert statistics.mean_interval([]) is None


def test_equal_values_are_no_accident_of_rounding() -> None:
    estimate = statistics.mean_interval([0.5, 0.5, 0.5])
    assert estimate == statistics.Estimate(0.5, 0.5, 0.5, 3, dots=(0.5, 0.5))


def test_two_values_are_told_themselves() -> None:
    estimate = statistics.mean_interval([0.5, 0.7])
    assert estimate == statistics.Estimate(0.6, None, None, 2, dots=(0.5, 0.7))


def test_scaled_swaps_its_ends_with_its_sign() -> None:
    assert statistics.Estimate(1.0, -2.0, 3.0, 5).scaled(-1) == statistics.Estimate(-1.0, -3.0, 2.0, 5)
    dotted = statistics.Estimate(1.0, -2.0, 3.0, 5, dots=(0.5, 1.5)).scaled(-2)
    assert dotted == statistics.Estimate(-2.0, -6.0, 4.0, 5, dots=(-3.0, -1.0))
    assert statistics.Estimate(1.0, None, None, 1).scaled(-1) == statistics.Estimate(-1.0, None, None, 1)


def test_balanced_accuracy_counts_classes_alike() -> None:
    correct = np.array([[1.0], [1.0], [1.0], [0.0]])
    assert statistics.balanced_accuracy(correct, np.array(["a", "a", "a", "b"])) == pytest.approx([0.5])


def test_multinomial_draws_are_the_bootstrap() -> None:
    """Against the exact distribution: two classes of three images, all 27 * 27 resamples written out."""
    values = {"a": (0.0, 0.5, 1.0), "b": (1.0, 1.0, 0.0)}
    means = {name: [sum(draw) / 3 for draw in product(each, repeat=3)] for name, each in values.items()}
    exact = np.array([(a + b) / 2 for a in means["a"] for b in means["b"]])
    correct = np.array([[value] for each in values.values() for value in each])
    draws = statistics.resampled_balanced_accuracy(correct, np.array(["a"] * 3 + ["b"] * 3), resamples=200_000)[:, 0]
    assert draws.mean() == pytest.approx(exact.mean(), abs=2e-3)
    assert draws.std() == pytest.approx(exact.std(), abs=2e-3)
    for level in np.unique(exact.round(9)):
        assert (draws <= level + 1e-9).mean() == pytest.approx((exact <= level + 1e-9).mean(), abs=5e-3)


def test_image_difference_agrees_with_the_normal_approximation() -> None:
    generator = np.random.default_rng(1)
    correct = (generator.random((2000, 2)) < [0.9, 0.8]).astype(float)
    labels = np.array(["a", "b"] * 1000)
    estimate = statistics.image_difference(correct, labels)
    assert estimate is not None
    differences = correct[:, 0] - correct[:, 1]
    error = math.sqrt(sum(differences[labels == name].var() / 1000 for name in "ab")) / 2
    assert estimate.value == pytest.approx(differences.mean())
    assert estimate.low == pytest.approx(differences.mean() - 1.96 * error, abs=2e-3)
    assert estimate.high == pytest.approx(differences.mean() + 1.96 * error, abs=2e-3)
    assert estimate.photographs == 2000


def test_few_images_in_a_class_give_no_interval() -> None:
    labels = np.array(["a"] * 30 + ["b"] * 9)
    estimate = statistics.image_difference(np.ones((39, 2)), labels)
    assert estimate == statistics.Estimate(0.0, None, None, 0, photographs=39)
    assert statistics.image_difference(np.empty((0, 2)), np.empty(0, dtype=str)) is None


def test_runs_of_a_fold_are_averaged_and_folds_share_images() -> None:
    """Two seeds on each of three folds: the three means, and Nadeau and Bengio's variance, all by hand."""
    runs = {("0", "a"): 0.70, ("1", "a"): 0.74, ("0", "b"): 0.80, ("1", "b"): 0.82, ("0", "c"): 0.90, ("1", "c"): 0.90}
    folds = statistics.Repetitions("fold", {key: key[1] for key in runs}, shared=0.25)
    estimate = statistics.group_mean(runs, folds)
    assert estimate is not None
    means = [0.72, 0.81, 0.90]
    half = 4.302653 * math.sqrt((1 / 3 + 0.25) * 0.09**2)  # their standard deviation is 0.09
    assert estimate.value == pytest.approx(sum(means) / 3)
    assert estimate.low == pytest.approx(0.81 - half, abs=1e-6)
    assert (estimate.n, estimate.units) == (6, 3)


def test_a_fold_with_more_seeds_counts_once() -> None:
    estimate = statistics.mean_interval([0.5, 0.5, 0.5, 0.9], ["a", "a", "a", "b"])
    assert estimate is not None
    assert estimate.value == pytest.approx(0.7)
    assert estimate.units == 2


def test_unknown_sizes_of_splits_give_no_interval() -> None:
    found = statistics.mean_interval([0.5, 0.6, 0.7], list("abc"), math.nan)
    assert found is not None and found.value == pytest.approx(0.6)
    assert (found.low, found.high, found.n, found.units, found.dots) == (None, None, 3, 3, (0.5, 0.7))


def test_columns_with_a_gap_have_no_mean() -> None:
    mean, low, high = statistics.mean_intervals([[0.1, math.nan], [0.2, 0.5], [0.3, 0.5]])
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert (mean[0], low[0], high[0]) == pytest.approx((0.2, 0.2 - half, 0.2 + half), abs=1e-6)
    assert np.isnan([mean[1], low[1], high[1]]).all()


def test_intervals_cover_as_often_as_they_say() -> None:
    """Five folds of two seeds: seeds vary, folds vary; of 2000 such experiments 95 % must hold the true mean."""
    generator = np.random.default_rng(3)
    folds = np.repeat(generator.normal(0, 1, (2000, 5)), 2, axis=1)
    runs = folds + generator.normal(0, 1, (2000, 10))
    units = [str(number // 2) for number in range(10)]
    _, low, high = statistics.mean_intervals(runs.T, units)
    assert np.mean((low < 0) & (high > 0)) == pytest.approx(0.95, abs=0.012)
    _, low, high = statistics.mean_intervals(runs.T)  # as if ten runs were independent
    assert np.mean((low < 0) & (high > 0)) < 0.92


def test_a_paired_difference_is_scipys() -> None:
    first, second = [0.81, 0.84, 0.79, 0.9, 0.85], [0.8, 0.8, 0.8, 0.8, 0.81]
    found = statistics.paired_difference(np.subtract(first, second).tolist(), list(range(5)))
    reference = stats.ttest_rel(first, second)
    assert found.error is not None
    assert found.value / found.error == pytest.approx(reference.statistic)
    assert found.freedom == reference.df


def test_differences_without_spread_or_of_two_pairs_have_no_error() -> None:
    assert statistics.paired_difference([0.1, 0.1, 0.1], [0, 1, 2]).error is None
    assert statistics.paired_difference([0.1, 0.3], [0, 1]).error is None
    assert statistics.paired_difference([0.1, 0.3, 0.2], [0, 1, 2], math.nan).error is None
