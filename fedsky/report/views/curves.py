"""A metric against what was spent by then: rounds, megabytes, seconds on the wall and virtual ones, local steps."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from fedsky.history.columns import COLUMNS, FINAL_METRICS
from fedsky.language import _

from .. import plots, tables, words
from ..blocks import Block, Plots, Section
from ..groups import ComparableGroups, Group
from ..plots.curves import AXES, MOST_BANDS, MOST_LINES, Curve
from ..subject import Subject
from ..words import UNKNOWN, fixed

PLACE = 80
MOST_POINTS = 300  # rounds beyond which every k-th is drawn


def spent_table(kind: ComparableGroups) -> pd.DataFrame:
    """One row a group and round: what was spent by its end, mean over runs; NaN where not every run tells."""
    found = []
    for group in kind.groups:
        runs = list(group.results.values())
        columns = {"data": kind.title, "group": group.label}
        spent = {}
        for axis in AXES:
            table = pd.DataFrame({number: run.spent(axis) for number, run in enumerate(runs)}).sort_index()
            spent[axis] = table.mean(axis=1, skipna=False).rename(axis)
        frame = pd.DataFrame(spent)
        frame["round"] = frame.index
        found.append(frame.assign(**columns)[["data", "group", *AXES]])
    return pd.concat(found, ignore_index=True)


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
        mean, low, high = (
            scale * rows[name].to_numpy(float)[kept] for name in (metric, f"{metric}_low", f"{metric}_high")
        )
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
        rows.setdefault(int(row["round"]), {_("round"): str(int(row["round"]))})[row["group"]] = text
    return pd.DataFrame([rows[current] for current in sorted(rows)]).fillna(UNKNOWN)


def against(reached: pd.DataFrame, spent: pd.DataFrame) -> pd.DataFrame:
    """Where the points of a plot stand, as text: what was spent by a round, and what was reached in it."""
    both, round = reached.copy(), _("round")
    at = spent.set_index(round).reindex(reached[round]).fillna(UNKNOWN)
    for group in at.columns.intersection(reached.columns):
        both[group] = [f"{place}: {value}" for place, value in zip(at[group], reached[group], strict=True)]
    return both


def section(about: Subject) -> Section | None:
    """Each metric against each of what is spent: rounds unfolded, the rest folded."""
    kind, writer = about.kind, about.writer
    spent = spent_table(kind)
    writer.table("spent", spent)
    by_metric = {metric: tables.rounds_table(kind, kind.groups, metric) for metric in FINAL_METRICS}
    for metric, table in by_metric.items():
        writer.table(metric, table)
    single = all(len(group.results) == 1 for group in about.shown)
    lines = sum(len(group.results) for group in about.shown)
    crowded = any(len(groups) > MOST_BANDS for _context, groups in about.contexts)
    how = _("One run a group: no interval.")
    if not single and crowded:
        how = _("Line: mean over runs; of so many groups no interval is drawn, all are in tables/.")
    elif not single:
        how = _("Line: mean over runs; band: 95 % interval over runs (Student's t).")
    if not single and lines <= MOST_LINES:
        how += " " + _("Faint lines: single runs.")
    blocks: list[Block] = []
    for axis, title in (AXES if about.thorough else {"round": AXES["round"]}).items():
        drawn = []
        for metric in FINAL_METRICS:
            found, unknown = curves(by_metric[metric], spent, about.shown, metric, axis)
            if not found:
                continue
            name = metric if axis == "round" else f"{metric}-{axis}"
            head = _("{metric} against: {axis}.", metric=_(COLUMNS[metric].label).capitalize(), axis=_(title).lower())
            ends = "; ".join(f"{curve.group.label} {words.final_words(curve.group, metric)}" for curve in found)
            without = _("Unknown, and so not drawn: {groups}.", groups=", ".join(unknown)) if unknown else ""
            numbers = by_metric[metric][by_metric[metric]["group"].isin({group.label for group in about.shown})]
            frame = tables.shown_rounds(numbers, metric)
            if axis != "round":
                frame = against(frame, shown_spent(spent, about.shown, axis))
            draw = partial(plots.curves, found, metric, axis, about.looks)
            alt = _("{head} In the last round: {ends}.", head=head, ends=ends)
            caption = f"{head} {how} {without}".strip() + about.cut
            file = f"tables/{metric}.csv" + ("" if axis == "round" else ", tables/spent.csv")
            drawn.append(about.plot(name, draw, alt, caption, frame, file))
        if drawn:
            blocks.append(Plots(drawn, _("Against: {axis}", axis=_(title).lower()), axis == "round"))
    lead = _(
        "On the test images. A point is a round: its place is what the group's runs had spent by then and its "
        "height what they had reached, both means over runs; nothing is interpolated. Training alone and pooled "
        "training send no models: against megabytes they are level lines at their last result."
    )
    return Section(
        f"{about.prefix}rounds", _("Over rounds, megabytes, seconds, virtual seconds and local steps"), lead, blocks
    )
