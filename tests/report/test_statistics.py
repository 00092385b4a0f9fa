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
    assert statistics.mean_interval([0.25]) == statistics.Estimate(0.25, None, None, 1)
    assert statistics.mean_interval([]) is None


def test_equal_values_are_no_accident_of_rounding() -> None:
    estimate = statistics.mean_interval([0.5, 0.5, 0.5])
    assert estimate == statistics.Estimate(0.5, 0.5, 0.5, 3)
    assert estimate is not None
    assert not statistics.Estimate(0.0, 0.0, 0.0, 3).distinguishable


def test_pairs_count_shared_keys_only() -> None:
    # seeds 1 and 2 are shared: differences 0.2 and 0.4, mean 0.3, half width 12.706205 * 0.1
    estimate = statistics.paired_difference({0: 9.0, 1: 0.7, 2: 0.9}, {1: 0.5, 2: 0.5, 3: -9.0})
    assert estimate is not None
    assert estimate.value == pytest.approx(0.3)
    assert estimate.low == pytest.approx(0.3 - 1.2706205, abs=1e-6)
    assert estimate.n == 2
    assert statistics.paired_difference({0: 1.0}, {1: 1.0}) is None


def test_scaled_swaps_its_ends_with_its_sign() -> None:
    assert statistics.Estimate(1.0, -2.0, 3.0, 5).scaled(-1) == statistics.Estimate(-1.0, -3.0, 2.0, 5)
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
    assert estimate.n == 2000


def test_few_images_in_a_class_give_no_interval() -> None:
    labels = np.array(["a"] * 30 + ["b"] * 9)
    estimate = statistics.image_difference(np.ones((39, 2)), labels)
    assert estimate == statistics.Estimate(0.0, None, None, 39)
    assert statistics.image_difference(np.empty((0, 2)), np.empty(0, dtype=str)) is None


def test_share_closed() -> None:
    # alone 0.5, federated 0.8, pooled 0.9 in both classes: 3/4 of the gap
    one_class = np.array([[number < 50, number < 80, number < 90] for number in range(100)], dtype=float)
    labels = np.array(["a"] * 100 + ["b"] * 100)
    share = statistics.share_closed(np.vstack([one_class, one_class]), labels)
    assert share is not None
    assert share.value == pytest.approx(0.75)
    assert share.low is not None
    assert share.high is not None
    assert 0.6 < share.low < 0.75 < share.high < 0.9
    no_gap = one_class[:, [2, 1, 0]]
    assert statistics.share_closed(np.vstack([no_gap, no_gap]), labels) is None


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
    assert statistics.mean_interval([0.5, 0.7], ["a", "b"], math.nan) == statistics.Estimate(0.6, None, None, 2, 2)


def test_columns_with_a_gap_have_no_mean() -> None:
    mean, low, high = statistics.mean_intervals([[0.1, math.nan], [0.3, 0.5]])
    assert (mean[0], low[0], high[0]) == pytest.approx((0.2, 0.2 - 1.2706205, 0.2 + 1.2706205), abs=1e-6)
    assert np.isnan([mean[1], low[1], high[1]]).all()


def test_a_paired_test_is_scipys() -> None:
    first, second = [0.81, 0.84, 0.79, 0.9, 0.85], [0.8, 0.8, 0.8, 0.8, 0.81]
    test = statistics.paired_test(dict(enumerate(first)), dict(enumerate(second)))
    assert test is not None
    reference = stats.ttest_rel(first, second)
    assert test.p == pytest.approx(reference.pvalue)
    interval = reference.confidence_interval(0.95)
    assert (test.difference.low, test.difference.high) == pytest.approx((interval.low, interval.high))
    differences = np.subtract(first, second)
    # Hedges' correction for 4 degrees of freedom, from his table: 0.7979
    assert test.effect_size == pytest.approx(0.7979 * differences.mean() / differences.std(ddof=1), rel=1e-4)


def test_equal_differences_are_no_certainty() -> None:
    for gap in (0.0, 0.1):
        test = statistics.paired_test({0: 0.5 + gap, 1: 0.7 + gap, 2: 0.9 + gap}, {0: 0.5, 1: 0.7, 2: 0.9})
        assert test is not None
        assert (test.difference.low, test.p, test.effect_size) == (None, None, None)
        assert test.difference.value == pytest.approx(gap)
        assert not test.difference.distinguishable


def test_two_pairs_have_no_effect_size() -> None:
    test = statistics.paired_test({0: 0.5, 1: 0.8}, {0: 0.4, 1: 0.5})
    assert test is not None
    assert test.p == pytest.approx(2 * stats.t.sf(2, 1))  # mean 0.2, standard error 0.1
    assert test.effect_size is None


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.03, 0.04: times 3, 2, 1, none below the one before; None is no test of the family
    assert statistics.holm([0.04, None, 0.01, 0.03]) == [pytest.approx(0.06), None, pytest.approx(0.03),
                                                         pytest.approx(0.06)]  # fmt: skip
    assert statistics.holm([0.6, 0.2, 0.7, 0.2]) == pytest.approx([1.0, 0.8, 1.0, 0.8]), "at most 1; equal ones alike"
    assert statistics.holm([None]) == [None]
    assert statistics.holm([]) == []


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


def test_all_pairs_from_one_bootstrap() -> None:
    generator = np.random.default_rng(2)
    correct = (generator.random((400, 3)) < [0.9, 0.8, 0.8]).astype(float)
    labels = np.array(["a", "b"] * 200)
    found = statistics.image_differences(correct, labels, [(0, 1), (2, 1)])
    for (first, second), estimate in zip([(0, 1), (2, 1)], found, strict=True):
        alone = statistics.image_difference(correct[:, [first, second]], labels)
        assert estimate is not None
        assert alone is not None
        assert estimate.value == alone.value
        assert (estimate.low, estimate.high) == pytest.approx((alone.low, alone.high), abs=4e-3)
