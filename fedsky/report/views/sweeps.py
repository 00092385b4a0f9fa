"""Sweeps: the final result against each numeric setting that differs between groups that are alike otherwise."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from fedsky.untrusted import printable

from ..groups import Group, Kind
from ..statistics import Estimate

MOST_SERIES = 8  # lines beyond which a panel shows the first only


@dataclass(frozen=True)
class Point:
    """A group's place on a sweep: the setting's value, the mean with its interval, and each run."""

    group: Group
    x: float
    estimate: Estimate
    runs: list[float]


@dataclass(frozen=True)
class Series:
    """Groups that differ in the one setting alone, in order of it. label: what they share that others do not."""

    label: str
    points: list[Point]


@dataclass(frozen=True)
class Sweep:
    """A setting and the series over it."""

    key: str
    series: list[Series]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def sweeps(groups: Sequence[Group], metric: str = "balanced_accuracy") -> list[Sweep]:
    """A sweep for each numeric setting of which some strategy has groups that differ in nothing else."""
    keys = sorted({key for group in groups for key in group.settings})
    found = []
    for key in keys:
        values = {number for group in groups if (number := _number(group.settings.get(key))) is not None}
        if len(values) < 2:
            continue
        alike: dict[str, list[Group]] = {}
        for group in groups:
            if _number(group.settings.get(key)) is not None:
                rest = {name: value for name, value in group.settings.items() if name != key}
                alike.setdefault(json.dumps([group.strategy, rest], sort_keys=True, default=str), []).append(group)
        series = []
        for members in alike.values():
            points = _points(members, key, metric)
            if len(points) > 1:
                series.append(Series(_label(members[0], key), points))
        if series:
            found.append(Sweep(key, series))
    return found


def _points(members: Sequence[Group], key: str, metric: str) -> list[Point]:
    points = []
    for group in members:
        runs = list(group.finals(metric).values())
        estimate, x = group.mean(metric), _number(group.settings[key])
        if estimate is not None and x is not None:
            points.append(Point(group, x, estimate, runs))
    return sorted(points, key=lambda point: point.x)


def _label(group: Group, key: str) -> str:
    """The group's label without the setting that is swept."""
    last = key.split(".")[-1]
    parts = [part for part in group.label.split(", ") if part.split("=")[0] not in (key, last)]
    return printable(", ".join(parts), 60)


def sweep_table(kind: Kind, found: Sequence[Sweep]) -> pd.DataFrame:
    """One row a point, raw."""
    return pd.DataFrame([
        {"data": kind.title, "setting": sweep.key, "series": series.label, "group": point.group.label,
         "value": point.x, "balanced_accuracy": point.estimate.value, "balanced_accuracy_low": point.estimate.low,
         "balanced_accuracy_high": point.estimate.high, "runs": point.estimate.n}
        for sweep in found for series in sweep.series for point in series.points
    ])  # fmt: skip
