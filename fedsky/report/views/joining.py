"""What joining gains against staying alone, what sets it apart from pooling, and the share of that gap it closes."""

from collections.abc import Sequence

import pandas as pd

from fedsky.language import _

from ..comparisons import Comparison, Joining
from ..groups import Kind
from ..statistics import Estimate
from ..words import UNKNOWN, fixed, judgement, points_interval


def _flat(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def joining_table(kind: Kind, found: Sequence[Joining]) -> pd.DataFrame:
    """One row a federated group, raw: differences of balanced accuracy as fractions, with their verdicts."""
    rows = []
    for each in found:
        row: dict[str, object] = {"data": kind.title, "group": each.federated.label}
        for name, comparison in (("minus_alone", each.gain), ("minus_pooled", each.pooled)):
            row |= _flat(name, comparison.difference if comparison else None)
            row[f"{name}_p"] = comparison.difference.p if comparison and comparison.difference else None
            row[f"{name}_verdict"] = comparison.verdict if comparison else None
        rows.append(row | _flat("share_closed", each.share))
    return pd.DataFrame(rows)


def shown_joining(found: Sequence[Joining]) -> pd.DataFrame:
    """The same as text, in points."""
    return pd.DataFrame([
        {_("group"): each.federated.label,
         _("minus alone"): _points(each.gain), _("minus alone: verdict"): judgement(each.gain) if each.gain else "",
         _("minus pooled"): _points(each.pooled),
         _("minus pooled: verdict"): judgement(each.pooled) if each.pooled else "",
         _("share of the gap closed"): share_text(each.share)}
        for each in found
    ])  # fmt: skip


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
