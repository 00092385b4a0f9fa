"""Differences of pairs of groups, from single photographs where these are known, before intervals are made of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import crossed, statistics
from .crossed import Difference, Entries, Floats, Moments
from .entries import entries_of, judged, shared_repetitions
from .groups import Group
from .results import Key

# Why a difference has no interval: the two are the same on every photograph, or what there is does not tell.
SAME, FEW_PHOTOGRAPHS, FEW_RUNS, NO_SIZES, NO_SPREAD = "same", "few photographs", "few runs", "no sizes", "no spread"


@dataclass(frozen=True)
class Found:
    """A difference of two groups and what it rests on; its moments and the contrast in them where it has such."""

    difference: Difference
    runs: int
    splits: int
    seeds: int
    photographs: int = 0
    moments: Moments | None = None
    contrast: Floats | None = None
    reason: str = ""


def differences(pairs: Sequence[tuple[Group, Group]], metric: str) -> list[Found | None]:
    """Each pair's difference, from the photographs where runs that both have tell them; else over runs.

    Pairs that share the same runs have their entries in one table.
    """
    alike: dict[frozenset[Key], list[int]] = {}
    for number, (first, second) in enumerate(pairs):
        alike.setdefault(frozenset(judged(first, metric) & judged(second, metric)), []).append(number)
    found: list[Found | None] = [None] * len(pairs)
    for keys, numbers in alike.items():
        groups = list(dict.fromkeys(group for number in numbers for group in pairs[number]))
        entries = entries_of(groups, metric) if keys else None
        if entries is None:
            for number in numbers:
                found[number] = _over_runs(*pairs[number], metric)
            continue
        moments, place = crossed.moments(entries), {group: column for column, group in enumerate(groups)}
        for number in numbers:
            contrast = np.zeros(len(groups))
            contrast[[place[group] for group in pairs[number]]] = 1, -1
            found[number] = found_in(entries, moments, contrast)
    return found


def found_in(entries: Entries, moments: Moments, contrast: Floats) -> Found:
    """A difference with what it rests on and, where there is no interval, why."""
    difference, reason = moments.difference(contrast), ""
    if (contrast @ entries.values == 0).all():
        reason = SAME
    elif difference.error is None:
        reason = NO_SIZES if math.isnan(moments.widened) else NO_SPREAD if moments.enough else FEW_PHOTOGRAPHS
    splits, seeds = len(np.unique(entries.split)), len(np.unique(entries.run))
    runs = len(np.unique(np.stack([entries.split, entries.run]), axis=1).T)
    return Found(difference, runs, splits, seeds, len(np.unique(entries.photograph)), moments, contrast, reason)


def _over_runs(first: Group, second: Group, metric: str) -> Found | None:
    """The difference from the runs' results alone: the t-test, corrected where splits share training images."""
    ours, theirs = first.finals(metric), second.finals(metric)
    keys = sorted(set(ours) & set(theirs))
    if not keys:
        return None
    repeated = shared_repetitions([first, second])
    units = [repeated.of[key] for key in keys]
    difference = statistics.paired_difference([ours[key] - theirs[key] for key in keys], units, repeated.shared)
    splits = 1 if repeated.unit == "seed" else len(set(units))
    reason = ""
    if difference.error is None:
        few = len(set(units)) < statistics.FEWEST
        reason = FEW_RUNS if few else NO_SPREAD if repeated.shared == repeated.shared else NO_SIZES
    return Found(difference, len(keys), splits, len({key[0] for key in keys}), reason=reason)


def correlation(found: Sequence[Found]) -> Floats:
    """How the differences are correlated; 0 where that is unknown, which makes intervals wider, never narrower."""
    correlation = np.eye(len(found))
    if len(found) > crossed.MOST_TOGETHER:
        return correlation
    alike: dict[int, list[int]] = {}
    for number, each in enumerate(found):
        if each.moments is not None:
            alike.setdefault(id(each.moments), []).append(number)
    for numbers in alike.values():
        moments = found[numbers[0]].moments
        assert moments is not None
        contrasts = np.stack([c for number in numbers if (c := found[number].contrast) is not None])
        correlation[np.ix_(numbers, numbers)] = moments.correlation(contrasts)
    return correlation
