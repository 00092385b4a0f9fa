"""Owners first: each owner round by round, the best and the worst served, and what the number of images does."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from fedsky.language import _

from .. import plots, statistics, tables, words
from ..blocks import Block, Plot, Plots, Section, sheet
from ..groups import ComparableGroups, Group
from ..plots.owners import Heat
from ..reading import Floats
from ..results import Result
from ..subject import Subject, numbered
from ..words import UNKNOWN, fixed, percent

PLACE = 70
FEW = 8  # partitions beyond which none is drawn, groups of one heat map

SPREAD = ("mean", "worst_tenth", "best_tenth", "deviation", "jain")


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


def spread_table(kind: ComparableGroups, groups: Sequence[Group]) -> pd.DataFrame:
    """One row a group: the spread of its owners, each figure a mean over runs with its t-interval; raw."""
    rows = []
    for group in groups:
        found = {key: spread(result) for key, result in group.results.items()}
        row: dict[str, object] = {
            "data": kind.title,
            "group": group.label,
            "runs": len(found),
            "owners": max(int(r.owners["accuracy"].notna().sum()) for r in group.results.values()),
        }
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
        rows.append(
            {
                _("group"): row["group"],
                _("owners"): str(row["owners"]),
                _("mean"): percent(row["mean"]) if known else UNKNOWN,
                _("worst tenth"): percent(row["worst_tenth"]) if known else UNKNOWN,
                _("best tenth"): percent(row["best_tenth"]) if known else UNKNOWN,
                _("standard deviation, points"): fixed(100 * row["deviation"]) if known else UNKNOWN,
                _("Jain's index"): fixed(row["jain"], 4) if known and not pd.isna(row["jain"]) else UNKNOWN,
            }
        )
    return pd.DataFrame(rows)


def size_table(kind: ComparableGroups, groups: Sequence[Group]) -> pd.DataFrame:
    """One row a group and owner: its training images and its accuracy, means over runs; none for owners without."""
    rows = []
    for group in groups:
        parts = []
        for result in group.results.values():
            train = result.partition[result.partition["part"] == "train"].groupby("client")["count"].sum()
            parts.append(
                pd.DataFrame(
                    {"images": train, "accuracy": result.owners["accuracy"], "name": result.owners["name"]}
                ).dropna()
            )
        for client, part in pd.concat(parts).groupby(level=0):
            rows.append(
                {
                    "data": kind.title,
                    "group": group.label,
                    "client": client,
                    "owner": part["name"].iloc[0],
                    "train_images": float(part["images"].mean()),
                    "accuracy": float(part["accuracy"].mean()),
                }
            )
    return pd.DataFrame(rows, columns=["data", "group", "client", "owner", "train_images", "accuracy"])


def section(about: Subject) -> Section | None:
    """Owners round by round, the best and the worst served, size, and who has which images."""
    writer, blocks = about.writer, list[Block]()
    table = spread_table(about.kind, about.kind.groups)
    writer.table("spread", table)
    mine = table[table["group"].isin({group.label for group in about.shown})]
    if about.thorough and mine["mean"].notna().any():
        drawn = _heats(about)
        shown = shown_spread(mine)
        caption = (
            _(
                "Owners in the last round: mean of the worst tenth (at least one owner), of all, and of the best "
                "tenth; means over runs."
            )
            + about.cut
        )
        said = "; ".join(
            f"{row[_('group')]}: {row[_('worst tenth')]} – {row[_('best tenth')]}" for row in shown.to_dict("records")
        )
        draw = partial(plots.spread, mine, about.shown, about.looks)
        drawn.append(about.plot("spread", draw, f"{caption} {said}", caption, shown, "tables/spread.csv"))
        sizes = size_table(about.kind, about.shown)
        writer.table("sizes", sizes)
        if sizes["train_images"].max() > 1.2 * sizes["train_images"].min():
            caption = _(
                "Accuracy of each owner on its own test images against the number of its training images; "
                "means over runs."
            )
            alt = (
                caption
                + " "
                + _(
                    "Owners have {low} to {high} training images.",
                    low=f"{sizes['train_images'].min():.0f}",
                    high=f"{sizes['train_images'].max():.0f}",
                )
            )
            draw = partial(plots.sizes, sizes, about.shown, about.looks)
            drawn.append(about.plot("sizes", draw, alt, caption, _shown_sizes(sizes), "tables/sizes.csv"))
        unlike = _(
            "How unlike the owners fare in the last round; means over runs. Jain's index is 1 where all fare alike."
        )
        blocks += [Plots(drawn), sheet(unlike, shown, file="tables/spread.csv")]
    if partitions := _partitions(about):
        blocks.append(Plots(partitions))
    return Section(f"{about.prefix}by-owner", _("The owners"), "", blocks)


def _shown_sizes(table: pd.DataFrame) -> pd.DataFrame:
    """One row an owner, one column a group."""
    rows: dict[int, dict[str, str]] = {}
    for row in table.sort_values("client", kind="stable").to_dict("records"):
        cells = rows.setdefault(row["client"], {_("owner"): str(row["owner"])})
        cells[row["group"]] = f"{words.percent(row['accuracy'])} ({row['train_images']:.0f})"
    return pd.DataFrame(list(rows.values())).fillna(words.UNKNOWN)


def _heats(about: Subject) -> list[Plot]:
    """One heat map a context, with a panel a group."""
    found = []
    for number, (context, groups) in enumerate(about.contexts, 1):
        heats = [each for group in groups[:FEW] if (each := heat(group)) is not None]
        if not heats:
            continue
        caption = _("Each owner's accuracy on its own test images in each round, mean over runs") + (
            f", {context}." if context else "."
        )
        rows = [
            {
                _("group"): each.group.label,
                _("owner"): name,
                _("first round"): words.percent(float(values[0])),
                _("last round"): words.percent(float(values[-1])),
                _("lowest"): words.percent(_least(values)),
                _("highest"): words.percent(-_least(-values)),
            }
            for each in heats
            for name, values in zip(each.owners, each.accuracy, strict=True)
        ]
        said = "; ".join(f"{row[_('group')]}, {row[_('owner')]}: {row[_('last round')]}" for row in rows[:20])
        name = numbered("heat", number, len(about.contexts))
        found.append(about.plot(name, partial(plots.heat, heats), f"{caption} {said}.", caption, pd.DataFrame(rows)))
    return found


def _least(values: Floats) -> float:
    known = values[values == values]
    return float(known.min()) if len(known) else float("nan")


def _partitions(about: Subject) -> list[Plot]:
    """One plot for each different partition, of a group's first repetition; the table has those beyond FEW too."""
    seen: dict[str, list[tuple[Group, Result]]] = {}
    for group in about.kind.groups:
        result = next(iter(group.results.values()))
        if len(result.partition):
            seen.setdefault(result.partition.to_csv(), []).append((group, result))
    found = []
    for number, members in enumerate(seen.values(), 1):
        first = members[0][1]
        who = ", ".join(group.label for group, _result in members)
        several = _(" of {groups}", groups=who) if len(seen) > 1 else ""
        caption = _(
            "Training images of each owner by class{several}; seed {seed}, data seed {data_seed}.",
            several=several,
            seed=first.key[0],
            data_seed=first.key[1],
        )
        shown = tables.partition_table(first)
        about.writer.table("partition", shown.assign(data=about.kind.title, groups=who))
        if number > FEW:
            continue
        alt = (
            caption
            + " "
            + "; ".join(
                f"{row.iloc[0]}: " + ", ".join(f"{value} {key}" for key, value in row.iloc[1:].items())
                for _i, row in shown.head(20).iterrows()
            )
        )
        names = dict(zip(first.owners.index, first.owners["name"], strict=True))
        name, draw = numbered("partition", number, len(seen)), partial(plots.partition, first.partition, names)
        found.append(about.plot(name, draw, alt, caption, shown, "tables/partition.csv"))
    return found
