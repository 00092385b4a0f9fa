"""What joining gains against staying alone, what sets it apart from pooling, and the share of that gap it closes."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from fedsky.language import _

from .. import plots, verdict
from ..blocks import Plot, Plots, Section
from ..comparisons import Comparison, Joining, joining
from ..groups import ComparableGroups
from ..statistics import Estimate
from ..subject import Subject
from ..tables import flat
from ..words import UNKNOWN, fixed, judgement, points_interval

PLACE = 40


def joining_table(kind: ComparableGroups, found: Sequence[Joining]) -> pd.DataFrame:
    """One row a federated group, raw: differences of balanced accuracy as fractions, with their verdicts."""
    rows = []
    for each in found:
        row: dict[str, object] = {"data": kind.title, "group": each.federated.label}
        for name, comparison in (("minus_alone", each.gain), ("minus_pooled", each.pooled)):
            row |= flat(name, comparison.difference if comparison else None)
            row[f"{name}_p"] = comparison.difference.p if comparison and comparison.difference else None
            row[f"{name}_verdict"] = comparison.verdict if comparison else None
        rows.append(row | flat("share_closed", each.share))
    return pd.DataFrame(rows)


def shown_joining(found: Sequence[Joining]) -> pd.DataFrame:
    """The same as text, in points."""
    return pd.DataFrame(
        [
            {
                _("group"): each.federated.label,
                _("minus alone"): _points(each.gain),
                _("minus alone: verdict"): judgement(each.gain) if each.gain else "",
                _("minus pooled"): _points(each.pooled),
                _("minus pooled: verdict"): judgement(each.pooled) if each.pooled else "",
                _("share of the gap closed"): share_text(each.share),
            }
            for each in found
        ]
    )


def _points(comparison: Comparison | None) -> str:
    return points_interval(comparison.difference if comparison else None)


def share_text(share: Estimate | None) -> str:
    """A share in percent with its interval."""
    if share is None:
        return UNKNOWN
    value = f"{fixed(100 * share.value, 0)} %"
    if share.low is None or share.high is None:
        return value
    return f"{value} ({fixed(100 * share.low, 0)} to {fixed(100 * share.high, 0)})"


def section(about: Subject) -> Section | None:
    """What joining changes for all."""
    drawn: list[Plot] = []
    found = [each for each in joining(about.kind) if each.federated in about.shown]
    if found:
        about.writer.table("joining", joining_table(about.kind, found))
        shown = shown_joining(found)
        caption = _("Points of balanced accuracy that joining changes, with 95 % intervals that hold together.")
        alt = caption + " " + " ".join(verdict.headline(each) for each in found)
        draw = partial(plots.joining, found, about.looks)
        drawn.append(about.plot("joining", draw, alt, caption, shown, "tables/joining.csv"))
        known = [each for each in found if each.share is not None]
        if known:
            caption = _("Share of the gap between alone and pooled that a federation closes, with its 95 % interval.")
            said = "; ".join(f"{each.federated.label} {share_text(each.share)}" for each in known)
            draw = partial(plots.share, found, about.looks)
            drawn.append(about.plot("share", draw, f"{caption} {said}.", caption, shown, "tables/joining.csv"))
    return Section(
        f"{about.prefix}against", _("Against training alone and against pooling"), "", [Plots(drawn)] if drawn else []
    )
