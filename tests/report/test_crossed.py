"""The variance of a difference over photographs and runs, by hand and beside other ways to it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fedsky.report import crossed
from fedsky.report.crossed import Entries, balanced, moments

MINUS = np.array([1.0, -1.0])


def table(values: "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]", splits: int = 1) -> Entries:
    """Entries of [groups, runs, photographs], the photographs' classes in turn, cut into as many splits."""
    groups, runs, count = values.shape
    photograph = np.tile(np.arange(count), runs)
    labels = photograph % 2
    split = photograph // 2 % splits
    return Entries(
        values.reshape(groups, -1),
        balanced(labels, photograph),
        labels,
        photograph,
        split,
        np.repeat(np.arange(runs), count),
    )


def right(seed: int, *shape: int) -> "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]":
    return (np.random.default_rng(seed).random(shape) < 0.8).astype(float)


def test_one_run_of_one_split_is_the_paired_variance_over_photographs() -> None:
    values = right(0, 2, 1, 60)
    found = moments(table(values)).difference(MINUS)
    d = values[0, 0] - values[1, 0]
    classes = [d[0::2], d[1::2]]
    variance = sum(((each - each.mean()) ** 2).sum() for each in classes) / 60**2 * 60 / 59
    assert found.value == pytest.approx(sum(each.mean() for each in classes) / 2)
    assert found.error == pytest.approx(math.sqrt(variance))
    assert found.freedom == pytest.approx(59)


def test_what_all_photographs_of_a_run_share_is_in_it() -> None:
    """Three runs of 40 photographs, one of which is worse as a whole: V_photographs + V_runs - V_entries, by hand."""
    values = right(1, 2, 3, 40)
    values[0, 2, :30] = 0
    found = moments(table(values)).difference(MINUS)
    d = (values[0] - values[1]) / 120  # [run, photograph], weighted
    by_photograph = d.sum(axis=0)
    centred = by_photograph - np.where(np.arange(40) % 2, by_photograph[1::2].mean(), by_photograph[0::2].mean())
    photographs = (centred**2).sum() * 40 / 39
    runs = 3 * d.sum(axis=1).var(ddof=1)
    entries = 3 * d.var(axis=0, ddof=1).sum()
    assert runs > entries
    assert found.error == pytest.approx(math.sqrt(photographs + runs - entries))
    assert (photographs + runs - entries) ** 2 / (photographs**2 / 39 + runs**2 / 2) < 2, "that of the runs alone"
    assert found.freedom == 2


def test_splits_of_the_same_photographs_widen_by_what_they_share() -> None:
    entries = table(right(2, 2, 3, 100), splits=5)
    plain = moments(entries).difference(MINUS)
    shared = moments(replace(entries, shared=0.25)).difference(MINUS)
    assert plain.error and shared.error
    assert shared.error == pytest.approx(plain.error * math.sqrt(1.25))
    assert moments(replace(entries, shared=math.nan)).difference(MINUS).error is None


def test_one_seed_takes_training_s_chance_from_the_splits() -> None:
    values = right(3, 2, 1, 200)
    values[0, 0, np.arange(200) // 2 % 5 == 0] = 0  # the model of one split is bad as a whole
    entries = table(values, splits=5)
    by_photograph = moments(table(values)).difference(MINUS)
    found = moments(entries).difference(MINUS)
    d = (values[0, 0] - values[1, 0]) / 200
    centred = d - np.where(np.arange(200) % 2, d[1::2].mean(), d[0::2].mean())
    sums = [centred[np.arange(200) // 2 % 5 == split].sum() for split in range(5)]
    between = 5 / 4 * np.square(sums).sum()
    photographs = (centred**2).sum() * 200 / 199
    assert found.error == pytest.approx(math.sqrt(photographs + between - (centred**2).sum()))
    assert by_photograph.error and found.error and found.error > 2 * by_photograph.error
    assert found.freedom < 5


def test_near_duplicates_count_as_one_photograph() -> None:
    values = right(4, 2, 1, 60)
    once = moments(table(values)).difference(MINUS)
    twice = np.concatenate([values, values], axis=2)
    copies = table(twice)
    known = replace(copies, photograph=copies.photograph % 60)
    found = moments(replace(known, weights=balanced(known.strata, known.photograph))).difference(MINUS)
    assert (found.value, found.error, found.freedom) == pytest.approx((once.value, once.error, once.freedom))
    as_if_new = moments(copies).difference(MINUS)
    assert once.error and as_if_new.error and as_if_new.error < 0.8 * once.error


def test_a_fold_of_one_run_counts_as_the_others() -> None:
    entries = table(right(5, 2, 3, 100), splits=2)
    keep = (entries.split == 0) | (entries.run == 0)
    cut = Entries(
        entries.values[:, keep],
        balanced(entries.strata[keep], entries.photograph[keep]),
        entries.strata[keep],
        entries.photograph[keep],
        entries.split[keep],
        entries.run[keep],
    )
    first = entries.split == 0
    alone = crossed.moments(Entries(entries.values[:, first], entries.weights[first] * 2, entries.strata[first],
                                    entries.photograph[first], entries.split[first], entries.run[first]))  # fmt: skip
    # half of the weight in three runs, half in one: a quarter of its variance, and three times that for the other half
    assert moments(cut).runs == pytest.approx(alone.runs / 4 * (1 + 3))


def test_few_photographs_and_equal_groups_have_no_error() -> None:
    few = table(right(6, 2, 2, 18))
    assert moments(few).difference(MINUS).error is None
    same = right(7, 1, 2, 60)
    found = moments(table(np.concatenate([same, same]))).difference(MINUS)
    assert (found.value, found.error) == (0.0, None)


def test_a_share_s_interval_is_fiellers() -> None:
    """Against the closed form of a ratio of two means with known covariance."""
    values = np.stack([right(8, 1, 400)[0:1][0], right(9, 1, 400)[0], right(10, 1, 400)[0]])[:, None]
    values[0, 0, :200] = 0  # alone; the last is pooled
    found = moments(table(values))
    gain, gap = np.array([-1.0, 1.0, 0.0]), np.array([-1.0, 0.0, 1.0])
    value, low, high = crossed.share(found, gain, gap)
    a, b = (float(each @ found.means) for each in (gain, gap))
    aa, bb, ab = (float(x @ found.photographs @ y) for x, y in ((gain, gain), (gap, gap), (gain, gap)))
    q = stats.t.ppf(0.975, 399) ** 2
    roots = np.roots([b * b - q * bb, -2 * (a * b - q * ab), a * a - q * aa])
    assert value == pytest.approx(a / b)
    assert (low, high) == pytest.approx((min(roots), max(roots)), rel=1e-6)
