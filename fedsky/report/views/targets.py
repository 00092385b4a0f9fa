"""What it takes to come near pooled training: rounds, megabytes and seconds up to a share of its accuracy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fedsky.language import _

from ..groups import Group, Kind
from ..results import Result
from ..words import UNKNOWN, fixed, percent

SHARES = (0.90, 0.95, 0.99)
COSTS = ("round", "megabytes", "seconds")


@dataclass(frozen=True)
class Target:
    """A share of pooled accuracy and what each run of a group had spent when it first came there; NaN if it never did.

    accuracy: the balanced accuracy to be reached, as a fraction; costs: one row a run with the columns of COSTS.
    """

    group: Group
    share: float
    accuracy: float
    costs: pd.DataFrame

    @property
    def reached(self) -> int:
        return int(self.costs["round"].notna().sum())

    def mean(self, cost: str) -> float:
        """The mean over all runs; NaN unless every run came there, as those that did are the lucky ones."""
        values = self.costs[cost].to_numpy(float)
        return float(values.mean()) if len(values) and not np.isnan(values).any() else math.nan


def targets(kind: Kind) -> list[Target]:
    """For each context with pooled training, each group and share: what it took on the test images' curve."""
    found = []
    for groups in kind.contexts.values():
        pooled = next((group for group in groups if group.is_pooled), None)
        best = pooled.mean("balanced_accuracy") if pooled else None
        if best is not None:
            found += [
                Target(group, share, share * best.value, _costs(list(group.results.values()), share * best.value))
                for group in groups
                for share in SHARES
            ]
    return found


def _costs(runs: Sequence[Result], accuracy: float) -> pd.DataFrame:
    rows = []
    for run in runs:
        curve = run.rounds["balanced_accuracy"]
        there = curve.index[curve.to_numpy(float) >= accuracy - 1e-12]
        spent = {name: run.spent(name) for name in COSTS}
        rows.append({name: float(spent[name].loc[there[0]]) if len(there) else math.nan for name in COSTS})
    return pd.DataFrame(rows, columns=list(COSTS))


def targets_table(kind: Kind, found: Sequence[Target]) -> pd.DataFrame:
    """One row a group and share, raw; a mean is given only where every run came there."""
    return pd.DataFrame([
        {"data": kind.title, "group": each.group.label, "share_of_pooled": each.share,
         "balanced_accuracy": each.accuracy, "runs": len(each.costs), "runs_that_reach_it": each.reached,
         **{name: each.mean(name) for name in COSTS}}
        for each in found
    ])  # fmt: skip


def shown_targets(found: Sequence[Target]) -> pd.DataFrame:
    """The same as text."""
    rows = []
    for each in found:
        row = {
            _("group"): each.group.label,
            _("share of pooled"): f"{100 * each.share:.0f} %",
            _("balanced accuracy"): percent(each.accuracy),
            _("runs that reach it"): _("{n} of {all}", n=each.reached, all=len(each.costs)),
        }
        for name, title in (("round", _("rounds")), ("megabytes", "MB"), ("seconds", _("wall seconds"))):
            some = ", ".join(fixed(value) for value in each.costs[name].dropna())
            mean = each.mean(name)
            row[title] = fixed(mean) if mean == mean else f"({some})" if some else UNKNOWN
        rows.append(row)
    return pd.DataFrame(rows)
