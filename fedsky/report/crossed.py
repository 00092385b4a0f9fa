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

Groups that cut the photographs in other ways, such as among other owners, have runs with nothing in common: of those
V_runs and V_entries add up, and V_photographs sums over all of them, so that photographs that both have tested pair.

Degrees of freedom are Satterthwaite's (1946) for a sum of estimates: V squared, over the squares of V_photographs and
of V_runs, each divided by its own; never fewer than the fewest of them. V_runs counts whole there, not what is left of
it after V_entries (which is known far better): that a small V_runs may be luck must stay in the interval. With one seed
that is wide where training changes little, and right where it changes much: docs/measured.md has both. How intervals
of comparisons that are made together are widened so that all of them hold at once: family.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import block_diag

from .family import EQUAL, LEVEL, Difference, Family, Floats, correlation, error_correlation

FEWEST_FREEDOM = 2.0  # below, as of two runs that differ more than their photographs tell, an interval says nothing
MIN_PHOTOGRAPHS = 10  # of each class; below, the variance between photographs is not known well enough

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Entries:
    """What was judged, an entry a run and photograph: all arrays have one length.

    values: [groups, entries], such as 1 where a group's model was right; weights: of each entry in the mean, of sum 1;
    strata: what values are centred within (the class, for balanced accuracy); photograph: equal for near duplicates;
    split and run: numbers of the split, and of the run within it. shared: n_test / n_train of a split where there are
    several, else 0.
    """

    values: Floats
    weights: Floats
    strata: Numbers
    photograph: Numbers
    split: Numbers
    run: Numbers
    shared: float = 0.0


@dataclass(frozen=True)
class Moments:
    """The groups' means [groups], and what covaries in them: by photograph, by run, by single entry [groups, groups].

    parts: the groups of each table of entries, between which no run covaries; freedom: of the photographs, and of the
    runs of each part; widened: the factor for what splits share; enough: whether every class has photographs enough.
    """

    means: Floats
    photographs: Floats
    runs: Floats
    entries: Floats
    parts: tuple[slice, ...]
    freedom: tuple[float, tuple[float, ...]]
    widened: float
    enough: bool

    def difference(self, contrast: Floats) -> Difference:
        """The sum of the groups' means times the contrast [groups], such as 1 for one group and -1 for another."""
        of_photographs, of_runs = self.freedom
        photographs = float(contrast @ self.photographs @ contrast)
        runs, entries = (
            [float(contrast[part] @ table[part, part] @ contrast[part]) for part in self.parts]
            for table in (self.runs, self.entries)
        )
        uncut = photographs + sum(max(0.0, run - entry) for run, entry in zip(runs, entries, strict=True))
        variance = self.widened * uncut
        squares = photographs**2 / max(1.0, of_photographs)
        squares += sum(run**2 / own for run, own in zip(runs, of_runs, strict=True) if own)
        known = [own for own in of_runs if own]
        fewest = min([of_photographs, *known])
        if known and all(run <= entry for run, entry in zip(runs, entries, strict=True)):
            fewest = max(fewest, FEWEST_FREEDOM)  # two runs that differ no more than their photographs tell
        freedom = max(fewest, uncut**2 / squares) if squares > 0 else math.inf
        told = self.enough and variance > EQUAL**2 and freedom >= FEWEST_FREEDOM
        value = float(contrast @ self.means)
        return Difference(0.0 if abs(value) < EQUAL else value, math.sqrt(variance) if told else None, freedom)

    def family(
        self, members: Sequence[Difference], contrasts: Floats, also: Sequence[tuple[Floats, float]] = ()
    ) -> Family:
        """The family of differences by contrasts [differences, groups], without those that have no error.

        also: further covariances of the differences [differences, differences] that are in their errors, with what
        each is known with.
        """
        kept = [number for number, each in enumerate(members) if each.error is not None]
        contrasts = contrasts[kept]
        components, covariance = [], contrasts @ (self.photographs + self.runs) @ contrasts.T
        components.append((contrasts @ self.photographs @ contrasts.T, self.freedom[0]))
        for part, freedom in zip(self.parts, self.freedom[1], strict=True):
            if freedom:
                components.append((contrasts[:, part] @ self.runs[part, part] @ contrasts[:, part].T, freedom))
        for other, freedom in also:
            covariance = covariance + other[np.ix_(kept, kept)] / self.widened
            components.append((other[np.ix_(kept, kept)] / self.widened, freedom))
        freedoms = np.array([members[number].freedom for number in kept])
        return Family(freedoms, correlation(covariance), error_correlation(components))


def balanced(labels: Numbers, photograph: Numbers) -> Floats:
    """Weights that give every class the same share, and every photograph of a class too; entries [n] -> [n]."""
    weights: Floats = np.zeros(len(labels))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        _, place, counts = np.unique(photograph[own], return_inverse=True, return_counts=True)
        weights[own] = 1 / counts[place] / len(counts)
    return np.asarray(weights / weights.sum())


def moments(*tables: Entries) -> Moments:
    """What the entries tell of their groups, those of all tables in turn; photographs have one number in all tables."""
    photographs, place = np.unique(np.concatenate([each.photograph for each in tables]), return_inverse=True)
    places = np.split(place, np.cumsum([len(each.photograph) for each in tables])[:-1])
    sums, of_runs = [], []
    for entries, own in zip(tables, places, strict=True):
        num = len(np.unique(own))
        scaled = entries.weights * (entries.values - _stratum_means(entries)) * math.sqrt(num / max(1, num - 1))
        sums.append(np.stack([np.bincount(own, row, len(photographs)) for row in scaled]))
        of_runs.append(_of_runs(entries))
    by_photograph: Floats = np.concatenate(sums)
    ends = np.cumsum([0, *(len(each.values) for each in tables)])
    strata = [np.unique(each.photograph[each.strata == s]) for each in tables for s in np.unique(each.strata)]
    return Moments(
        np.concatenate([each.values @ each.weights for each in tables]),
        np.asarray(by_photograph @ by_photograph.T),
        block_diag(*(runs for runs, _entries, _freedom in of_runs)),
        block_diag(*(entries for _runs, entries, _freedom in of_runs)),
        tuple(slice(start, end) for start, end in pairwise(ends)),
        (float(len(photographs) - len(tables)), tuple(freedom for _runs, _entries, freedom in of_runs)),
        1 + max((each.shared for each in tables), key=lambda share: (share != share, share)),
        min(map(len, strata)) >= MIN_PHOTOGRAPHS,
    )


def _of_runs(entries: Entries) -> tuple[Floats, Floats, float]:
    """The covariance of the groups' means by run and by single entry, and the freedom that they are known with."""
    weighted = entries.weights * entries.values
    runs, freedom = _between_runs(weighted, entries, np.zeros_like(entries.photograph))
    single, _ = _between_runs(weighted, entries, entries.photograph)
    splits = len(np.unique(entries.split))
    if not freedom and splits > 1:  # one seed: a split's models are all that tells what training's chance does
        centred = entries.weights * (entries.values - _stratum_means(entries))
        by_split = _sums(centred, entries.split)
        by_entry = _sums(centred, entries.split * (int(entries.photograph.max()) + 1) + entries.photograph)
        freedom = splits - 1.0
        runs, single = by_split @ by_split.T * (splits / freedom), by_entry @ by_entry.T
    return runs, single, freedom


def share(moments: Moments, gain: Floats, gap: Floats) -> tuple[float, float | None, float | None]:
    """A difference's share of another, gain / gap, with Fieller's (1954) interval; no ends where it has no bounds."""
    top, bottom = moments.difference(gain), moments.difference(gap)
    value = top.value / bottom.value

    def beyond(at: float) -> float:
        """Above 0 where this share is outside of the interval."""
        off = moments.difference(gain - at * gap)
        if off.error is None:
            return math.inf if off.value else -math.inf
        return abs(off.value) - float(stats.t.ppf((1 + LEVEL) / 2, off.freedom)) * off.error

    ends = []
    for side in (-1.0, 1.0):
        step = 0.01
        while beyond(value + side * step) <= 0 and step < 1000:
            step *= 2
        if step >= 1000:
            return value, None, None
        inner, outer = value, value + side * step
        for _ in range(50):
            middle = (inner + outer) / 2
            inner, outer = (inner, middle) if beyond(middle) > 0 else (middle, outer)
        ends.append((inner + outer) / 2)
    return value, ends[0], ends[1]


def _sums(table: Floats, place: Numbers) -> Floats:
    """Columns summed by their place: [rows, entries] -> [rows, places]."""
    numbers = np.unique(place, return_inverse=True)[1]
    return np.stack([np.bincount(numbers, row) for row in table])


def _stratum_means(entries: Entries) -> Floats:
    """Each entry's stratum mean, weighted: [groups, entries]."""
    numbers = np.unique(entries.strata, return_inverse=True)[1]
    weight = np.bincount(numbers, entries.weights)
    means = np.stack([np.bincount(numbers, entries.weights * row) / weight for row in entries.values])
    return np.asarray(means[:, numbers])


def _between_runs(weighted: Floats, entries: Entries, cell: Numbers) -> tuple[Floats, float]:
    """The covariance of the means that the runs of a split bring, sums taken within cells; and its freedom.

    A split of R runs whose sums are c_1 ... c_R brings R var(c) to the variance of the mean; one of a single run brings
    what the others do on average.
    """
    covariance = np.zeros((len(weighted), len(weighted)))
    freedom = told = every = 0.0
    for split in np.unique(entries.split):
        own = np.flatnonzero(entries.split == split)
        runs, run = np.unique(entries.run[own], return_inverse=True)
        part = float(entries.weights[own].sum()) ** 2 / len(runs)
        every += part
        if len(runs) < 2:
            continue
        told += part
        cells, place = np.unique(cell[own], return_inverse=True)
        sums = np.stack([np.bincount(place * len(runs) + run, row, len(cells) * len(runs)) for row in weighted[:, own]])
        sums = sums.reshape(len(weighted), len(cells), len(runs))
        sums = (sums - sums.mean(axis=2, keepdims=True)).reshape(len(weighted), -1)
        covariance += len(runs) / (len(runs) - 1) * (sums @ sums.T)
        freedom += len(runs) - 1
    return covariance * (every / told if told else 1.0), freedom
