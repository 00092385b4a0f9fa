"""The mean of a group's runs with its interval: over photographs and runs where single photographs are known."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fedsky.history.columns import COLUMNS

from . import crossed, statistics
from .entries import entries_of, judged
from .groups import Group, by_context
from .statistics import Estimate


def mean(group: Group, metric: str = "balanced_accuracy") -> Estimate | None:
    """The mean of the last rounds' metric; None where no run knows it. Computed once.

    Where every run tells what each photograph was taken for, each photograph counts alike, and the interval covers
    photographs, seeds and splits as that of a difference does: means differ by what their comparison tells. Else it is
    Student's t over the repetitions. Without an interval the runs' extremes are told.
    """
    if metric not in group.means:
        group.means[metric] = _possible(_mean(group, metric), metric)
    return group.means[metric]


def ranked(groups: Sequence[Group]) -> list[Group]:
    """The groups of each context, the highest mean balanced accuracy first; equals and unknown ones as they came."""

    def place(group: Group) -> float:
        found = mean(group)
        return math.inf if found is None else -found.value

    return [group for own in by_context(groups).values() for group in sorted(own, key=place)]


def _possible(found: Estimate | None, metric: str) -> Estimate | None:
    """An estimate whose interval ends where the metric does, as a share at 0 and 1: it covers as often as before."""
    if found is None or found.low is None or found.high is None:
        return found
    least, most = COLUMNS[metric].range
    return replace(found, low=max(found.low, least), high=min(found.high, most))


def _mean(group: Group, metric: str) -> Estimate | None:
    values = group.finals(metric)
    over_runs = statistics.group_mean(values, group.repetitions)
    if over_runs is None or set(values) != judged(group, metric):
        return over_runs
    [(_groups, entries)] = entries_of([group], metric)
    found = crossed.moments(entries).difference(np.ones(1))
    photographs = len(np.unique(entries.photograph))
    told = replace(over_runs, value=found.value, low=None, high=None, photographs=photographs)
    if found.interval is None:
        return told
    low, high = found.interval
    return replace(told, low=low, high=high)
