"""Owners first: each owner round by round, the best and the worst served, and what the number of images does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fedsky.language import _

from .. import statistics
from ..groups import Group, Kind
from ..reading import Floats
from ..results import Result
from ..words import UNKNOWN, fixed, percent

SPREAD = ("mean", "worst_tenth", "best_tenth", "deviation", "jain")


@dataclass(frozen=True)
class Heat:
    """A group's accuracy of each owner (rows) in each round (columns), mean over the runs that tell; in [0, 1]."""

    group: Group
    rounds: Floats
    owners: list[str]
    accuracy: Floats


def heat(group: Group) -> Heat | None:
    """The owners of a group round by round; None unless two rounds are known."""
    runs = list(group.results.values())
    tables = [run.owner_rounds for run in runs if run.owner_rounds.notna().to_numpy().any()]
    if not tables:
        return None
    index = sorted(set().union(*(table.index for table in tables)))
    clients = sorted(set().union(*(table.columns for table in tables)))
    cube = np.array([table.reindex(index=index, columns=clients).to_numpy(float) for table in tables])
    known = ~np.isnan(cube)
    sums = np.where(known, cube, 0).sum(axis=0)
    mean = np.where(known.any(axis=0), sums / np.maximum(known.sum(axis=0), 1), np.nan)
    if np.count_nonzero(known.any(axis=(0, 2))) < 2:
        return None
    names = runs[0].owners["name"].to_dict()
    return Heat(group, np.array(index, dtype=float), [names.get(client, str(client)) for client in clients], mean.T)


def jain(values: Floats) -> float:
    """Jain's index of fairness, 1/n to 1 where all are alike: (sum x)^2 / (n sum x^2), Jain, Chiu and Hawe (1984)."""
    total = float((values**2).sum())
    return float(values.sum() ** 2 / (len(values) * total)) if total > 0 else float("nan")


def spread(result: Result) -> dict[str, float]:
    """How unlike a run's owners fare in its last round; a tenth is rounded up to whole owners. NaN without owners.

    deviation is the standard deviation among the owners, which are all there are (divided by n).
    """
    values = np.sort(result.owners["accuracy"].dropna().to_numpy(float))
    if not len(values):
        return dict.fromkeys(SPREAD, float("nan"))
    tenth = -(-len(values) // 10)
    figures = (values.mean(), values[:tenth].mean(), values[-tenth:].mean(), values.std(), jain(values))
    return dict(zip(SPREAD, map(float, figures), strict=True))


def spread_table(kind: Kind, groups: Sequence[Group]) -> pd.DataFrame:
    """One row a group: the spread of its owners, each figure a mean over runs with its t-interval; raw."""
    rows = []
    for group in groups:
        found = {key: spread(result) for key, result in group.results.items()}
        row: dict[str, object] = {"data": kind.title, "group": group.label, "runs": len(found),
                                  "owners": max(int(r.owners["accuracy"].notna().sum())
                                                for r in group.results.values())}  # fmt: skip
        for name in SPREAD:
            known = {key: each[name] for key, each in found.items() if each[name] == each[name]}
            estimate = statistics.group_mean(known, group.repetitions)
            row[name] = estimate.value if estimate else None
            row[f"{name}_low"] = estimate.low if estimate else None
            row[f"{name}_high"] = estimate.high if estimate else None
        rows.append(row)
    return pd.DataFrame(rows)


def shown_spread(table: pd.DataFrame) -> pd.DataFrame:
    """The spread table as text."""
    rows = []
    for row in table.to_dict("records"):
        known = row["mean"] is not None and not pd.isna(row["mean"])
        rows.append({
            _("group"): row["group"], _("owners"): str(row["owners"]),
            _("mean"): percent(row["mean"]) if known else UNKNOWN,
            _("worst tenth"): percent(row["worst_tenth"]) if known else UNKNOWN,
            _("best tenth"): percent(row["best_tenth"]) if known else UNKNOWN,
            _("standard deviation, points"): fixed(100 * row["deviation"]) if known else UNKNOWN,
            _("Jain's index"): fixed(row["jain"], 4) if known and not pd.isna(row["jain"]) else UNKNOWN,
        })  # fmt: skip
    return pd.DataFrame(rows)


def size_table(kind: Kind, groups: Sequence[Group]) -> pd.DataFrame:
    """One row a group and owner: its training images and its accuracy, means over runs; none for owners without."""
    rows = []
    for group in groups:
        parts = []
        for result in group.results.values():
            train = result.partition[result.partition["part"] == "train"].groupby("client")["count"].sum()
            parts.append(pd.DataFrame({"images": train, "accuracy": result.owners["accuracy"],
                                       "name": result.owners["name"]}).dropna())  # fmt: skip
        for client, part in pd.concat(parts).groupby(level=0):
            rows.append({"data": kind.title, "group": group.label, "client": client, "owner": part["name"].iloc[0],
                         "train_images": float(part["images"].mean()),
                         "accuracy": float(part["accuracy"].mean())})  # fmt: skip
    return pd.DataFrame(rows, columns=["data", "group", "client", "owner", "train_images", "accuracy"])
