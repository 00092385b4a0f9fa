"""Sweeps: the final result against each numeric setting that differs between groups that are alike otherwise."""

import json
from collections.abc import Sequence
from functools import partial

import pandas as pd

from fedsky.language import _
from fedsky.untrusted import printable

from .. import plots, words
from ..blocks import Plots, Section
from ..groups import Group, Kind
from ..plots.sweeps import MOST_SERIES, Point, Series, Sweep
from ..subject import Subject, numbered

PLACE = 60


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


def section(about: Subject) -> Section | None:
    """The final result against each setting that is swept."""
    title = _("Settings that were swept")
    found = sweeps(about.kind.groups) if about.thorough else []
    if not found:
        return None
    table = sweep_table(about.kind, found)
    about.writer.table("sweeps", table)
    drawn = []
    for number, start in enumerate(range(0, min(len(found), 6), 3), 1):
        some = found[start : start + 3]
        keys = ", ".join(each.key for each in some)
        caption = _("Balanced accuracy after the last round against {keys}: lines join groups that differ in nothing "
                    "else; mean, 95 % interval over runs, every run a dot.", keys=keys)  # fmt: skip
        more = max(len(each.series) for each in some) - MOST_SERIES
        if more > 0:
            caption += " " + _("The first {n} lines of a panel are drawn.", n=MOST_SERIES)
        mine = _shown_sweeps(some)
        said = "; ".join(", ".join(map(str, row.values())) for row in mine.head(20).to_dict("records"))
        drawn.append(about.writer.plot(
            numbered(f"{about.prefix}sweep", number, min(len(found), 6) // 4 + 1),
            partial(plots.sweep, some, about.looks), f"{caption} {said}.", caption, mine, "tables/sweeps.csv",
        ))  # fmt: skip
    return Section(f"{about.prefix}sweeps", title, "", [Plots(drawn)])


def _shown_sweeps(found: Sequence[Sweep]) -> pd.DataFrame:
    return pd.DataFrame([
        {_("setting"): each.key, _("value"): f"{point.x:g}", _("groups"): series.label,
         _("balanced accuracy"): words.percent_interval(point.estimate), _("runs"): str(point.estimate.n)}
        for each in found for series in each.series for point in series.points
    ])  # fmt: skip
