"""The one interval of a comparison: it covers photographs, training's chance (seeds) and splits together.

What was judged is a table of entries: one a run and test photograph. Photographs and runs are crossed factors: a
photograph is judged by the runs of several seeds, a run judges many photographs. The variance of a mean over such a
table is that of sums by photograph, plus that of sums by run, minus that of single entries, which both of them hold:

    V = V_photographs + max(0, V_runs - V_entries)

Cameron, Gelbach and Miller (2011), Robust Inference With Multiway Clustering, J. Business & Economic Statistics 29,
equation 2.11; that a resampling of both factors estimates the same is Owen (2007), The pigeonhole bootstrap, Annals of
Applied Statistics 1. Near duplicates count as one photograph: V_photographs sums by group of duplicates.

Splits of the same photographs share training images, which no resampling of test images sees. As in Nadeau and Bengio
(2003), Inference for the Generalization Error, Machine Learning 52, V is widened by n_test / n_train for it, here by
the factor 1 + n_test / n_train, chosen because the intervals then cover: ``python -m benchmarks.coverage``. With a
single split nothing of this is known, and the interval is about the models that these training images make.

Degrees of freedom are Satterthwaite's (1946). Comparisons that are made together share one quantile, that of the
largest of their |t| (Hothorn, Bretz and Westfall 2008, Biometrical J. 50), so that all of their intervals hold at once.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
SEED = 0
DRAWS = 50_000  # of the largest |t|: its quantile is exact to about 0.01
MIN_PHOTOGRAPHS = 10  # of each class; below, the variance between photographs is not known well enough
EQUAL = 1e-9  # what rounding makes of 0

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Entries:
    """What was judged, an entry a run and photograph: all arrays have one length.

    values: [groups, entries], such as 1 where a group's model was right; weights: of each entry in the mean, of sum 1;
    strata: what values are centred within (the class, for balanced accuracy); photograph: equal for near duplicates;
    split and run: numbers of the split, and of the run within it. shared: n_test / n_train where splits are of the same
    photographs, else 0.
    """

    values: Floats
    weights: Floats
    strata: Numbers
    photograph: Numbers
    split: Numbers
    run: Numbers
    shared: float = 0.0


@dataclass(frozen=True)
class Difference:
    """A difference of two groups, its standard error (None where the entries do not tell) and degrees of freedom."""

    value: float
    error: float | None
    freedom: float


def balanced(labels: Numbers, photograph: Numbers) -> Floats:
    """Weights that give every class the same share, and every photograph of a class too; entries [n] -> [n]."""
    weights = np.zeros(len(labels))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        _, place, counts = np.unique(photograph[own], return_inverse=True, return_counts=True)
        weights[own] = 1 / counts[place] / len(counts)
    return weights / weights.sum()


def differences(entries: Entries, pairs: Sequence[tuple[int, int]]) -> tuple[list[Difference], Floats]:
    """first minus second for each pair of groups, and how the differences are correlated: [pairs, pairs]."""
    deviations = np.stack([entries.values[first] - entries.values[second] for first, second in pairs])
    totals = deviations @ entries.weights
    centred = entries.weights * (deviations - _stratum_means(deviations, entries))
    by_photograph = _sums(centred, entries.photograph)
    num = by_photograph.shape[1]
    covariance = by_photograph @ by_photograph.T * (num / max(1, num - 1))
    runs, freedom_runs = _between_runs(entries.weights * deviations, entries, np.zeros_like(entries.photograph))
    single, _ = _between_runs(entries.weights * deviations, entries, entries.photograph)
    beyond = np.maximum(0.0, np.diag(runs) - np.diag(single))
    widened = 1 + entries.shared
    found = []
    for place, value in enumerate(totals):
        photographs = covariance[place, place]
        variance = widened * (photographs + beyond[place])
        parts = (photographs**2 / max(1, num - 1), beyond[place] ** 2 / freedom_runs if freedom_runs else 0.0)
        freedom = (photographs + beyond[place]) ** 2 / sum(parts) if sum(parts) > 0 else math.inf
        known = _enough(entries) and variance > EQUAL**2
        found.append(Difference(_rounded(float(value)), math.sqrt(variance) if known else None, freedom))
    return found, _correlation(covariance + runs)


def quantile(correlation: Floats, freedom: float) -> tuple[float, Floats]:
    """The quantile of the largest |t| of correlated comparisons at ``LEVEL``, and its sorted draws."""
    if len(correlation) == 1:
        return float(stats.t.ppf((1 + LEVEL) / 2, freedom)), np.empty(0)
    generator = np.random.default_rng(SEED)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    draws = generator.standard_normal((DRAWS, len(root))) @ root.T
    if math.isfinite(freedom):
        draws /= np.sqrt(generator.chisquare(freedom, DRAWS) / freedom)[:, None]
    largest = np.sort(np.abs(draws).max(axis=1))
    return float(np.quantile(largest, LEVEL)), largest


def _sums(table: Floats, place: Numbers) -> Floats:
    """Columns summed by their place: [rows, entries] -> [rows, places]."""
    numbers = np.unique(place, return_inverse=True)[1]
    return np.stack([np.bincount(numbers, row) for row in table])


def _stratum_means(deviations: Floats, entries: Entries) -> Floats:
    """Each entry's stratum mean, weighted: [rows, entries]."""
    numbers = np.unique(entries.strata, return_inverse=True)[1]
    weight = np.bincount(numbers, entries.weights)
    means = np.stack([np.bincount(numbers, entries.weights * row) / weight for row in deviations])
    return means[:, numbers]


def _between_runs(weighted: Floats, entries: Entries, cell: Numbers) -> tuple[Floats, float]:
    """The covariance of the total that the runs of a split bring, sums taken within cells; and its freedom.

    A split of R runs whose sums are c_1 ... c_R brings R var(c) to the variance of the total.
    """
    covariance = np.zeros((len(weighted), len(weighted)))
    freedom = 0.0
    for split in np.unique(entries.split):
        own = np.flatnonzero(entries.split == split)
        runs, run = np.unique(entries.run[own], return_inverse=True)
        if len(runs) < 2:
            continue
        cells, place = np.unique(cell[own], return_inverse=True)
        sums = np.stack([np.bincount(place * len(runs) + run, row, len(cells) * len(runs)) for row in weighted[:, own]])
        sums = sums.reshape(len(weighted), len(cells), len(runs))
        sums -= sums.mean(axis=2, keepdims=True)
        factor = len(runs) / (len(runs) - 1)
        covariance += factor * np.einsum("acr,bcr->ab", sums, sums)
        freedom += len(runs) - 1
    return covariance, freedom


def _correlation(covariance: Floats) -> Floats:
    scale = np.sqrt(np.maximum(np.diag(covariance), EQUAL**2))
    found = covariance / np.outer(scale, scale)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found, dtype=np.float64)


def _enough(entries: Entries) -> bool:
    return min(len(np.unique(entries.photograph[entries.strata == s])) for s in np.unique(entries.strata)) >= (
        MIN_PHOTOGRAPHS
    )


def _rounded(value: float) -> float:
    return 0.0 if abs(value) < EQUAL else value
