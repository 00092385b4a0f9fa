"""Sweeps: the result, and what joining gains, against each setting that differs between groups alike otherwise."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from fedsky.language import _

from .. import plots, words
from ..blocks import Block, Plots, Section, Text
from ..groups import ComparableGroups
from ..plots.sweeps import MOST_SERIES
from ..subject import Subject, numbered
from ..swept import Sweep, sweeps
from ..tables import flat
from ..trends import sentences

PLACE = 60
MOST = 6  # sweeps that are drawn and told; all are in the tables


def sweep_table(kind: ComparableGroups, found: Sequence[Sweep]) -> pd.DataFrame:
    """One row a point, raw."""
    rows = []
    for sweep in found:
        for series in sweep.series:
            for point in series.points:
                gain = point.gain.difference if point.gain else None
                row: dict[str, object] = {"data": kind.title, "setting": sweep.key, "series": series.label}
                row |= {"group": point.group.label, "value": point.value}
                row |= flat("balanced_accuracy", point.estimate) | {"runs": len(point.runs)} | flat("minus_alone", gain)
                rows.append(row | {"minus_alone_verdict": point.gain.verdict if point.gain else None})
    return pd.DataFrame(rows)


def section(about: Subject) -> Section | None:
    """Of each setting that is swept, a figure and what it comes to in sentences."""
    found = sweeps(about.kind) if about.thorough else []
    if not found:
        return None
    about.writer.table("sweeps", sweep_table(about.kind, found))
    blocks: list[Block] = []
    some = found[:MOST]
    for number, each in enumerate(some, 1):
        said = sentences(each)
        caption = _(
            "Balanced accuracy after the last round, and what is gained over training alone at the same "
            "settings, against {setting}: a line joins groups that differ in nothing else; 95 % intervals, "
            "every run a dot.",
            setting=each.key,
        )
        if len(each.series) > MOST_SERIES:
            caption += " " + _("The first {n} lines of a panel are drawn.", n=MOST_SERIES)
        name, alt = numbered("sweep", number, len(some)), " ".join([caption, *said])
        draw = partial(plots.sweep, each, about.looks)
        plot = about.plot(name, draw, alt, caption, _shown(each), "tables/sweeps.csv")
        blocks += [Plots([plot]), Text(said, "", _("What {setting} changes", setting=each.name))]
    lead = _(
        "The differences are those of the comparisons, with the same intervals. A setting that cuts the "
        "photographs anew has other test photographs in each fold, and over all folds the same ones, each of "
        "which is then compared with itself."
    )
    return Section(f"{about.prefix}sweeps", _("Settings that were swept"), lead, blocks)


def _shown(sweep: Sweep) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                _("value"): point.value,
                _("groups"): series.label,
                _("balanced accuracy"): words.percent_interval(point.estimate),
                _("runs"): str(len(point.runs)),
                _("minus alone"): words.points_interval(point.gain.difference if point.gain else None),
                _("minus alone: verdict"): words.judgement(point.gain) if point.gain else "",
            }
            for series in sweep.series
            for point in series.points
        ]
    )
