"""Means over runs with their intervals, and differences where no single photographs are known; arrays in, numbers out.

An interval of a mean over runs (Student's t) covers what another seed would have changed: the first weights, the order
of the images, who is drawn; where runs were tested on several folds or splits, also what another split would have.
Differences of groups are estimated over photographs, runs and splits together: fedsky/report/crossed.py.

Runs on several folds or splits of the same images are no independent repetitions: their training parts overlap. So the
runs of a split (its seeds) are averaged first, and the variance of the mean over k splits is not s^2/k but
(1/k + n_test/n_train) s^2: Nadeau and Bengio (2003), Inference for the Generalization Error, Machine Learning 52,
section 3, the corrected resampled t-test; for folds as Bouckaert and Frank (2004) use it.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from .family import Difference

LEVEL = 0.95
RESAMPLES = 10_000
SEED = 0
# Below this many images in a class the bootstrap's interval is clearly too narrow, so that none is given.
MIN_IMAGES = 10
AT_ONCE = 2_000_000  # numbers drawn at a time: 16 MB
# Of two repetitions, Student's t makes an interval 18 times as wide as they lie apart: it says less than the two dots.
FEWEST = 3
# Differences that spread less than this are equal but for rounding.
EQUAL = 1e-12

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval, None where there is none, and how many runs are behind it.

    units: how many independent repetitions there are among n runs, such as 5 folds of 2 seeds each; photographs: how
    many are behind it, where they were looked at one by one; p: of a difference of nothing, among all comparisons of
    its family; dots: the lowest and the highest run of a mean.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    units: int = 0
    photographs: int = 0
    p: float | None = None
    dots: tuple[float, float] | None = None

    def scaled(self, factor: float) -> "Estimate":
        """The same estimate in another unit, or with -1 of the opposite difference."""
        low, high = self.low, self.high
        if low is not None and high is not None:
            low, high = sorted((factor * low, factor * high))
        dots = sorted(factor * end for end in self.dots) if self.dots else None
        return replace(self, value=factor * self.value, low=low, high=high, dots=(dots[0], dots[1]) if dots else None)


@dataclass(frozen=True)
class Repetitions:
    """What of a group's runs is independent of each other.

    unit: what a repetition is (seed, fold, split or draw); of: the repetition that each run's key belongs to; shared:
    n_test / n_train where repetitions are splits of the same images, 0 where they are independent, NaN if unknown.
    """

    unit: str
    of: Mapping[Any, Hashable]
    shared: float = 0.0


def _means(table: Floats, units: Sequence[Hashable] | None) -> Floats:
    """Rows averaged within their unit: (n, k) -> (units, k)."""
    if units is None:
        return table
    order = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    if len(order) == len(table):
        return table
    place = np.array([order[unit] for unit in units])
    sums = np.zeros((len(order), table.shape[1]))
    np.add.at(sums, place, table)
    return sums / np.bincount(place)[:, None]


def mean_intervals(
    table: ArrayLike, units: Sequence[Hashable] | None = None, shared: float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """The means of an (n, k) table over its n runs with Student's t-intervals: three times (k,).

    A column with NaN has neither; bounds are NaN where fewer than ``FEWEST`` units or an unknown ``shared`` allow none.
    """
    means = _means(np.asarray(table, dtype=np.float64), units)
    middle = means.mean(axis=0)
    if len(means) < FEWEST or math.isnan(shared):
        return middle, np.full_like(middle, np.nan), np.full_like(middle, np.nan)
    scale = means.std(axis=0, ddof=1) * math.sqrt(1 / len(means) + shared)
    half = stats.t.ppf((1 + LEVEL) / 2, len(means) - 1) * scale
    return middle, middle - half, middle + half


def mean_interval(
    values: Sequence[float] | Floats, units: Sequence[Hashable] | None = None, shared: float = 0.0
) -> Estimate | None:
    """The mean with Student's t-interval; None for no value at all, and no interval below three repetitions.

    units: the independent repetition to which each value belongs (each its own if not given); shared: see Repetitions.
    With 3 to 5 runs a percentile bootstrap covers the mean in only 75 to 84 % of cases instead of 95 %, t in 95 %.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        return None
    mean, low, high = (float(part[0]) for part in mean_intervals(sample[:, None], units, shared))
    number = len(set(units)) if units is not None else 0
    dots = (float(sample.min()), float(sample.max()))
    if math.isnan(low):
        return Estimate(mean, None, None, int(sample.size), number, dots=dots)
    return Estimate(mean, low, high, int(sample.size), number, dots=dots)


def group_mean(values: Mapping[Any, float], repetitions: Repetitions) -> Estimate | None:
    """The mean of the runs' values with its interval over the repetitions."""
    return mean_interval(list(values.values()), [repetitions.of[key] for key in values], repetitions.shared)


def paired_difference(differences: Sequence[float], units: Sequence[Hashable], shared: float = 0.0) -> Difference:
    """The mean of runs' differences with its standard error over the repetitions that they belong to.

    None for the error of fewer than ``FEWEST`` repetitions, of those without any spread (as if another seed could
    change nothing), and where ``shared`` is unknown.
    """
    means = _means(np.array(differences, dtype=np.float64)[:, None], units)[:, 0]
    value, freedom = float(means.mean()), len(means) - 1
    spread = float(means.std(ddof=1)) if freedom + 1 >= FEWEST else 0.0
    if spread < EQUAL or math.isnan(shared):
        return Difference(value, None, freedom)
    return Difference(value, spread * math.sqrt(1 / len(means) + shared), freedom)


def balanced_accuracy(correct: Floats, labels: NDArray[Any]) -> Floats:
    """The mean over classes of each class's share of correct images: (n, k) in [0, 1] and n labels -> (k,)."""
    classes = [correct[labels == label].mean(axis=0) for label in np.unique(labels)]
    return np.asarray(np.mean(classes, axis=0), dtype=np.float64)


def resampled_balanced_accuracy(correct: Floats, labels: NDArray[Any], resamples: int = RESAMPLES) -> Floats:
    """Balanced accuracies of resampled images: (n, k) in [0, 1] and n labels -> (resamples, k).

    Images are drawn with replacement within their class, and one draw serves all k columns, so that columns stay
    paired. Images with equal rows are interchangeable: how often each distinct row comes is multinomial, which gives
    the same distribution as drawing single images without building a (resamples, n) table.
    """
    generator = np.random.default_rng(SEED)
    classes = []
    for label in np.unique(labels):
        rows, counts = np.unique(correct[labels == label], axis=0, return_counts=True)
        share, block = counts / counts.sum(), max(1, AT_ONCE // len(counts))
        means = [
            generator.multinomial(counts.sum(), share, size=min(block, resamples - start)) @ rows / counts.sum()
            for start in range(0, resamples, block)
        ]
        classes.append(np.concatenate(means))
    return np.asarray(np.mean(classes, axis=0), dtype=np.float64)


def _enough(labels: NDArray[Any]) -> bool:
    return bool(np.unique(labels, return_counts=True)[1].min() >= MIN_IMAGES)


def _interval(draws: Floats) -> tuple[float, float]:
    # An order statistic, not an interpolation: draws may be infinite.
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
    return float(low), float(high)


def image_difference(correct: Floats, labels: NDArray[Any]) -> Estimate | None:
    """The difference of balanced accuracy, column 0 minus column 1 of (n, 2), with its paired bootstrap interval.

    A row is one image's share of runs that judged it rightly; None for no image, no interval for a class of few.
    For two models on one set of images: what other training would have changed is not in it.
    """
    if len(labels) == 0:
        return None
    first, second = balanced_accuracy(correct, labels)
    low, high = None, None
    if _enough(labels):
        draws = resampled_balanced_accuracy(correct, labels)
        low, high = _interval(draws[:, 0] - draws[:, 1])
    return Estimate(float(first - second), low, high, 0, photographs=len(labels))
