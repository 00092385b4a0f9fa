"""Differences of pairs of groups, from single photographs where these are known, before intervals are made of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from . import crossed, statistics
from .crossed import Entries, Moments
from .entries import entries_of, judged, shared_repetitions
from .family import MOST_TOGETHER, Difference, Family, Floats, apart
from .groups import Group
from .results import Key

# Why a difference has no interval: the two are the same on every photograph, or what there is does not tell.
SAME, FEW_PHOTOGRAPHS, FEW_RUNS, NO_SIZES, NO_SPREAD = "same", "few photographs", "few runs", "no sizes", "no spread"
UNLIKE_RUNS = "unlike runs"
# How two groups' photographs match: the same in every run, the same over all runs, some of them, or none.
PAIRED, OVER_FOLDS, PARTLY, UNPAIRED = "paired", "over folds", "partly", "unpaired"


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
    pairing: str = PAIRED


def differences(pairs: Sequence[tuple[Group, Group]], metric: str) -> list[Found | None]:
    """Each pair's difference, from the photographs where runs that both have tell them; else over runs.

    Pairs that share the same runs have their entries in common tables.
    """
    alike: dict[frozenset[Key], list[int]] = {}
    for number, (first, second) in enumerate(pairs):
        alike.setdefault(frozenset(judged(first, metric) & judged(second, metric)), []).append(number)
    found: list[Found | None] = [None] * len(pairs)
    for keys, numbers in alike.items():
        groups = list(dict.fromkeys(group for number in numbers for group in pairs[number]))
        tables = entries_of(groups, metric) if keys else []
        if not tables:
            for number in numbers:
                found[number] = _over_runs(*pairs[number], metric)
            continue
        moments = crossed.moments(*(entries for _groups, entries in tables))
        place = {group: column for column, group in enumerate(g for own, _entries in tables for g in own)}
        own = {group: entries for members, entries in tables for group in members}
        for number in numbers:
            contrast = np.zeros(len(groups))
            contrast[[place[group] for group in pairs[number]]] = 1, -1
            found[number] = found_in([own[group] for group in pairs[number]], moments, contrast)
    return found


def found_in(tables: Sequence[Entries], moments: Moments, contrast: Floats) -> Found:
    """A difference with what it rests on and, where there is no interval, why. tables: the groups' own."""
    difference, reason = moments.difference(contrast), ""
    first, second = tables[0], tables[-1]
    if first is second and (contrast[_place(moments, contrast)] @ first.values == 0).all():
        reason = SAME
    elif difference.error is None:
        few = difference.freedom < crossed.FEWEST_FREEDOM and moments.enough
        unlike = UNLIKE_RUNS if few else NO_SPREAD if moments.enough else FEW_PHOTOGRAPHS
        reason = NO_SIZES if math.isnan(moments.widened) else unlike
    splits = min(len(np.unique(each.split)) for each in tables)
    seeds = min(len(np.unique(each.run)) for each in tables)
    runs = min(len(np.unique(np.stack([each.split, each.run]), axis=1).T) for each in tables)
    photographs, others = (set(each.photograph.tolist()) for each in (first, second))
    pairing = PAIRED
    if first is not second:
        apart = UNPAIRED if not photographs & others else PARTLY
        pairing = OVER_FOLDS if photographs == others else apart
    return Found(difference, runs, splits, seeds, len(photographs | others), moments, contrast, reason, pairing)


def _place(moments: Moments, contrast: Floats) -> slice:
    """The part that the contrast's groups are of."""
    return next(part for part in moments.parts if contrast[part].any())


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


def together(found: Sequence[Found]) -> Family:
    """The differences as one family; what is not known in common makes intervals wider, never narrower."""
    family = apart([each.difference.freedom for each in found])
    if len(found) > MOST_TOGETHER:
        return family
    alike: dict[int, list[int]] = {}
    for number, each in enumerate(found):
        if each.moments is not None:
            alike.setdefault(id(each.moments), []).append(number)
    for numbers in alike.values():
        moments = found[numbers[0]].moments
        assert moments is not None
        contrasts = np.stack([c for number in numbers if (c := found[number].contrast) is not None])
        own = moments.family([found[number].difference for number in numbers], contrasts)
        family.correlation[np.ix_(numbers, numbers)] = own.correlation
        family.errors[np.ix_(numbers, numbers)] = own.errors
    return family
