"""What joining gains against staying alone and loses against pooling, and the share of that gap it closes."""

from collections.abc import Sequence

import pandas as pd

from fedsky.language import _

from ..comparisons import Joining
from ..groups import Kind
from ..statistics import Estimate
from ..words import UNKNOWN, fixed, points_interval


def _flat(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def joining_table(kind: Kind, found: Sequence[Joining]) -> pd.DataFrame:
    """One row a federated group, raw: differences of balanced accuracy as fractions, over runs and over test images."""
    rows = []
    for each in found:
        row: dict[str, object] = {"data": kind.title, "group": each.federated.label}
        for name, comparison in (("minus_alone", each.gain), ("pooled_minus", each.loss)):
            row |= _flat(f"{name}_over_runs", comparison.runs if comparison else None)
            row |= _flat(f"{name}_over_images", comparison.images if comparison else None)
        rows.append(row | _flat("share_closed", each.share))
    return pd.DataFrame(rows)


def shown_joining(found: Sequence[Joining]) -> pd.DataFrame:
    """The same as text, in points."""
    rows = []
    for each in found:
        row = {_("group"): each.federated.label}
        for comparison, sign, over_runs, over_images in (
            (each.gain, 1, _("minus alone, over runs"), _("minus alone, over test images")),
            (each.loss, -1, _("minus pooled, over runs"), _("minus pooled, over test images")),
        ):
            for estimate, title in ((comparison.runs if comparison else None, over_runs),
                                    (comparison.images if comparison else None, over_images)):  # fmt: skip
                row[title] = points_interval(estimate.scaled(sign) if estimate else None)
        row[_("share of the gap closed")] = share_text(each.share)
        rows.append(row)
    return pd.DataFrame(rows)


def share_text(share: Estimate | None) -> str:
    """A share in percent with its interval."""
    if share is None:
        return UNKNOWN
    value = f"{fixed(100 * share.value, 0)} %"
    if share.low is None or share.high is None:
        return value
    return f"{value} ({fixed(100 * share.low, 0)} to {fixed(100 * share.high, 0)})"
