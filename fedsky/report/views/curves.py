"""A metric against what was spent by then: rounds, megabytes, seconds, local steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fedsky.columns import COLUMNS
from fedsky.language import N_

from ..groups import Group, Kind
from ..reading import Floats
from ..words import UNKNOWN, fixed

AXES = {
    "round": N_("Round"),
    "megabytes": N_("Megabytes sent, both directions"),
    "seconds": N_("Seconds on the wall"),
    "steps": N_("Local steps of all clients"),
}
MOST_LINES = 36  # single runs beyond which none are drawn
MOST_POINTS = 300  # rounds beyond which every k-th is drawn


@dataclass(frozen=True)
class Curve:
    """One group's mean with its interval, and each of its runs as (x, y). flat: nothing is sent, x has no meaning."""

    group: Group
    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    runs: list[tuple[Floats, Floats]]
    flat: bool = False


def spent_table(kind: Kind) -> pd.DataFrame:
    """One row a group and round: what was spent by its end, mean over runs; NaN where not every run tells."""
    tables = []
    for group in kind.groups:
        runs = list(group.results.values())
        columns = {"data": kind.title, "group": group.label}
        spent = {}
        for axis in AXES:
            table = pd.DataFrame({number: run.spent(axis) for number, run in enumerate(runs)}).sort_index()
            spent[axis] = table.mean(axis=1, skipna=False).rename(axis)
        frame = pd.DataFrame(spent)
        frame["round"] = frame.index
        tables.append(frame.assign(**columns)[["data", "group", *AXES]])
    return pd.concat(tables, ignore_index=True)


def curves(
    table: pd.DataFrame, spent: pd.DataFrame, groups: Sequence[Group], metric: str, axis: str
) -> tuple[list[Curve], list[str]]:
    """The curves of the groups whose x is known, and the labels of the others.

    A point is a round: its x is what the group's runs had spent by then and its y what they had reached, both means
    over runs. Nothing is interpolated or carried on beyond the last round.
    """
    found, unknown = [], []
    scale = 100 if COLUMNS[metric].is_fraction else 1
    for group in groups:
        rows = table[table["group"] == group.label]
        runs = list(group.results.values())
        flat = axis == "megabytes" and all(run.sends_nothing for run in runs)
        mine = spent[spent["group"] == group.label]
        x = pd.Series(mine[axis].to_numpy(float), index=mine["round"]).reindex(rows["round"]).to_numpy(float)
        if np.isnan(x[1:]).all() and not flat:
            unknown.append(group.label)
            continue
        step = max(1, math.ceil(len(rows) / MOST_POINTS))
        kept = np.arange(len(rows))[::-1][::step][::-1]
        mean, low, high = (scale * rows[name].to_numpy(float)[kept] for name in
                           (metric, f"{metric}_low", f"{metric}_high"))  # fmt: skip
        single = []
        if len(runs) > 1:
            for run in runs:
                values = scale * run.rounds[metric].to_numpy(float)
                single.append((run.spent(axis).to_numpy(float)[::step], values[::step]))
        found.append(Curve(group, x[kept], mean, low, high, single, flat))
    return found, unknown


def shown_spent(spent: pd.DataFrame, groups: Sequence[Group], axis: str) -> pd.DataFrame:
    """What was spent by each round as text: one row a round, one column a group."""
    rows: dict[int, dict[str, str]] = {}
    labels = {group.label for group in groups}
    for row in spent[spent["group"].isin(labels)].to_dict("records"):
        text = fixed(row[axis], 0 if axis == "steps" else 1)
        rows.setdefault(int(row["round"]), {"round": str(int(row["round"]))})[row["group"]] = text
    return pd.DataFrame([rows[current] for current in sorted(rows)]).fillna(UNKNOWN)
