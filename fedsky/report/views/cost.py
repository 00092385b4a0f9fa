"""What a round costs: seconds by what they went into, megabytes by direction."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from fedsky.language import _

from .. import plots
from ..blocks import Block, Plots, Section, sheet
from ..groups import ComparableGroups, Group
from ..results import Result
from ..subject import Subject
from ..words import fixed

PLACE = 110


def split(result: Result) -> dict[str, float]:
    """Seconds of a mean round after round 0: on the wall, and what of it went into training, evaluation and the rest.

    Of clients that work at a time only the sum of their seconds and the longest are known. Training takes at least the
    longest, and at least the sum divided by how many work at a time: the larger of the two is taken. evaluation is that
    by clients; what the server evaluates, sends, waits for and averages is not told apart and is the rest.
    """
    table = result.rounds[result.rounds.index > 0]
    at_once = result.clients_at_once
    wall = table["seconds"].to_numpy(float)
    row = {"wall": float(wall.mean()) if len(wall) else float("nan")}
    left = wall.copy()
    for name, column in (("training", "train_seconds"), ("evaluation", "evaluate_seconds")):
        total, longest = (table[key].to_numpy(float) for key in (column, f"longest_{column}"))
        took = np.fmin(np.fmax(longest, total / at_once), left)
        took = np.where(np.isnan(total), 0.0 if name == "evaluation" else np.nan, took)
        left = left - took
        row[name] = float(took.mean()) if len(took) else float("nan")
        row[f"client_seconds_{name}"] = float(np.nan_to_num(total).mean()) if len(took) else float("nan")
    row["rest"] = float(left.mean()) if len(left) else float("nan")
    row["clients_at_once"] = at_once
    for name in ("bytes_up", "bytes_down"):
        row[name.replace("bytes", "megabytes")] = result.megabytes(name) / max(1, result.last_round)
    return row


def cost_table(kind: ComparableGroups, groups: Sequence[Group]) -> pd.DataFrame:
    """One row a group: seconds and megabytes of a mean round, means over runs; NaN where a run does not tell."""
    rows = []
    for group in groups:
        table = pd.DataFrame([split(result) for result in group.results.values()])
        rows.append(
            {
                "data": kind.title,
                "group": group.label,
                "runs": len(table),
                **{str(name): float(values.mean(skipna=False)) for name, values in table.items()},
            }
        )
    return pd.DataFrame(rows)


def shown_cost(table: pd.DataFrame) -> pd.DataFrame:
    """The cost table as text."""
    titles = {
        "wall": _("seconds a round, on the wall"),
        "training": _("of it training"),
        "evaluation": _("of it evaluation by clients"),
        "rest": _("the rest"),
        "client_seconds_training": _("training, all clients together"),
        "clients_at_once": _("clients at a time"),
        "megabytes_up": _("MB up a round"),
        "megabytes_down": _("MB down a round"),
    }
    return pd.DataFrame(
        [
            {
                _("group"): row["group"],
                **{title: fixed(row[name], 0 if name == "clients_at_once" else 2) for name, title in titles.items()},
            }
            for row in table.to_dict("records")
        ]
    )


def section(about: Subject) -> Section | None:
    """Seconds and megabytes of a mean round."""
    table = cost_table(about.kind, about.kind.groups)
    about.writer.table("cost", table)
    mine = table[table["group"].isin({group.label for group in about.shown})]
    shown = shown_cost(mine)
    caption = _("What a mean round costs.") + about.cut
    said = "; ".join(
        f"{row[_('group')]}: {row[_('seconds a round, on the wall')]} s, {row[_('MB up a round')]} MB up"
        for row in shown.to_dict("records")
    )
    blocks: list[Block] = []
    if about.thorough:
        draw = partial(plots.cost, mine, about.shown)
        blocks.append(Plots([about.plot("cost", draw, f"{caption} {said}.", caption, shown, "tables/cost.csv")]))
    else:
        blocks.append(sheet(caption, shown, file="tables/cost.csv"))
    lead = _(
        "Clients work several at a time and only their own seconds are kept: training takes the longest client's, "
        "or all clients' divided by how many work at a time, if that is more. What the server evaluates, sends, "
        "waits for and averages is not told apart: it is the rest. Seconds depend on the machine and on what else "
        "it did."
    )
    return Section(f"{about.prefix}cost-section", _("What it costs"), lead, blocks)
