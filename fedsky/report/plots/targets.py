"""Rounds, megabytes, seconds and virtual seconds until a share of pooled accuracy is first reached."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from fedsky.language import N_, _

from ..groups import Group
from ..style import Look
from . import layout

SHARES = (0.90, 0.95, 0.99)
COSTS = ("round", "megabytes", "seconds", "virtual_seconds")
TITLES = {
    "round": N_("Rounds"),
    "megabytes": N_("Megabytes sent"),
    "seconds": N_("Seconds on the wall"),
    "virtual_seconds": N_("Virtual seconds"),
}
MARKERS = ("o", "s", "^")


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


def known(found: Sequence[Target]) -> list[str]:
    """The costs that any run tells: those of earlier versions tell no virtual seconds."""
    return [
        cost for cost in COSTS if cost != "virtual_seconds" or any(each.costs[cost].notna().any() for each in found)
    ]


def targets(found: Sequence[Target], looks: dict[str, Look]) -> Figure:
    """One panel a cost, one row a group: a small dot a run, a mark the mean where all runs came there."""
    groups: list[Group] = list({each.group.label: each.group for each in found}.values())
    rows = layout.rows(groups)
    labels = [_("{share} % of pooled", share=f"{100 * share:.0f}") for share in SHARES]
    costs = known(found)
    figure, axes = layout.figure([0.45 + 1.5 * rows.inches] * len(costs), labels, share=False)
    for each, cost in zip(axes, costs, strict=True):
        for target in found:
            number, look = SHARES.index(target.share), looks[target.group.label]
            place = rows.places[target.group.label] + 0.27 * (number - 1)
            values = target.costs[cost].dropna().to_numpy(float)
            each.plot(values, [place] * len(values), **layout.dots(look, 2.6, 0.5, MARKERS[number]))
            mean = target.mean(cost)
            if mean == mean:
                shown = layout.mark(look, 4.6, 0.4) | {"marker": MARKERS[number], "linestyle": "none", "zorder": 3}
                each.plot(mean, place, **shown)
        rows.apply(each)
        each.set_xlim(left=0)
        each.margins(x=0.05)
        each.xaxis.set_major_locator(MaxNLocator(nbins=6))
        each.set_title(_(TITLES[cost]))
    for marker, label in zip(MARKERS, labels, strict=True):
        axes[0].plot([], [], linestyle="none", marker=marker, color="#444444", label=label)
    return layout.finish(figure)
