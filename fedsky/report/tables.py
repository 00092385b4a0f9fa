"""The tables of a report: raw numbers for the CSV files, and the same numbers as words for the page.

Raw frames hold fractions, megabytes (10^6 bytes) and seconds; NaN is an empty cell. `shown` frames hold text only.
"""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from fedsky.history import Row
from fedsky.history.columns import COLUMNS, FINAL_METRICS
from fedsky.language import N_, _
from fedsky.untrusted import printable, section

from . import statistics
from .comparisons import EXPLORATORY, PLANNED, Comparison
from .groups import ComparableGroups, Group
from .means import mean, ranked
from .results import LeftOut, Result, planned_rounds, strategy_name
from .statistics import Estimate
from .words import UNKNOWN, count, fixed, interval_of, judgement, p_text, percent, points_interval

OWN_MODELS = N_("own models on all images")
PARTS = {"train": N_("training"), "validation": N_("validation"), "test": N_("test")}


def flat(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    """An estimate as columns: its value, and its interval's ends; None where it is unknown."""
    value, low, high = (estimate.value, estimate.low, estimate.high) if estimate else (None, None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _mean(values: Sequence[float]) -> float:
    """The mean, unknown if any value is: a total without one of its parts would be too small."""
    return sum(values) / len(values) if values else math.nan


def final_table(kind: ComparableGroups) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a group, the best first: the last round on the test images, means with intervals; raw and shown."""
    raw, shown = [], []
    for group in ranked(kind.groups):
        runs = list(group.results.values())
        estimates = {metric: mean(group, metric) for metric in FINAL_METRICS}
        up, down = (_mean([run.megabytes(name) for run in runs]) for name in ("bytes_up", "bytes_down"))
        seconds = _mean([run.seconds for run in runs])
        rounds = max(run.last_round for run in runs)
        row: dict[str, object] = {"data": kind.title, "group": group.label, "runs": len(runs)}
        for metric in FINAL_METRICS:
            estimate = estimates[metric]
            row |= flat(metric, estimate) | {f"{metric}_n": estimate.n if estimate else 0}
        worst = worst_owner(group)
        row |= {f"worst_owner{suffix}": value for suffix, value in zip(("", "_accuracy", "_n"), worst, strict=True)}
        row["own_models_on_all_images"] = elsewhere = group.own_models_on_all_images()
        raw.append(row | {"megabytes_up": up, "megabytes_down": down, "rounds": rounds, "wall_seconds": seconds})
        known = estimates["balanced_accuracy"]
        unknown = len(runs) == 1 and (known is None or known.low is None)
        texts = {metric: interval_of(metric)(estimates[metric]) for metric in FINAL_METRICS}
        for metric, estimate in estimates.items():
            if estimate is not None and estimate.n < len(runs):
                texts[metric] += _(" [{n} of {all} runs]", n=estimate.n, all=len(runs))
        shown.append(
            {
                _("group"): group.label,
                _("runs"): _("1 (one run: no interval)") if unknown else str(len(runs)),
                **{_(COLUMNS[metric].label): text for metric, text in texts.items()},
                _("worst owner"): _owner_words(*worst),
                _(OWN_MODELS): percent(elsewhere) if elsewhere == elsewhere else "",
                _("MB up"): fixed(up),
                _("MB down"): fixed(down),
                _("rounds"): str(rounds),
                _("wall seconds"): fixed(seconds),
            }
        )
    table = pd.DataFrame(shown)
    return pd.DataFrame(raw), table if table[_(OWN_MODELS)].any() else table.drop(columns=_(OWN_MODELS))


def worst_owner(group: Group) -> tuple[str, float, float]:
    """The owner with the lowest mean accuracy over the runs, that accuracy, and its test images over all folds."""
    owners = pd.concat([result.owners.assign(cut=str(key[1:])) for key, result in group.results.items()])
    means = owners.groupby(level=0)["accuracy"].mean().dropna()
    if means.empty:
        return "", math.nan, 0
    mine = owners.loc[[means.idxmin()]]
    return str(mine["name"].iloc[0]), float(means.min()), float(mine.groupby("cut")["num_test"].max().sum())


def _owner_words(name: str, accuracy: float, images: float) -> str:
    if not images:
        return UNKNOWN
    photographs = count(int(images), "photograph")
    return _("{percent} ({owner}, {photographs})", percent=percent(accuracy), owner=name, photographs=photographs)


FAMILIES = {PLANNED: N_("planned"), EXPLORATORY: N_("exploratory")}


def comparison_table(kind: ComparableGroups, comparisons: Sequence[Comparison]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a pair of groups: the difference of balanced accuracy and what it rests on; raw and shown."""
    raw, shown = [], []
    for each in comparisons:
        told = each.difference
        counts = {"runs": told.n if told else 0, "splits": each.splits, "photographs": told.photographs if told else 0}
        pair = {"data": kind.title, "first": each.first.label, "second": each.second.label, "family": each.family}
        rest = {"p": told.p if told else None, "comparisons": each.size, "verdict": each.verdict}
        raw.append(pair | flat("difference", told) | rest | counts)
        shown.append(
            {
                _("first"): each.first.label,
                _("second"): each.second.label,
                _("points"): points_interval(told),
                _("verdict"): judgement(each),
                "p": p_text(told.p if told else None),
                _("family"): _(FAMILIES[each.family]),
                _("photographs"): str(counts["photographs"] or UNKNOWN),
                _("runs"): str(counts["runs"]),
                _("splits"): str(counts["splits"]),
            }
        )
    return pd.DataFrame(raw), pd.DataFrame(shown)


def runs_table(kind: ComparableGroups) -> pd.DataFrame:
    """One row a run: its last round, as the final table's means are made of."""
    rows = []
    for group in kind.every:
        for key, result in group.results.items():
            row: dict[str, object] = {"data": kind.title, "group": group.label, "run": result.name}
            row |= {"seed": key[0], "data_seed": key[1], "fold": key[2], "rounds": result.last_round}
            row |= {metric: result.final(metric) for metric in FINAL_METRICS}
            row |= {f"mega{name}": result.megabytes(name) for name in ("bytes_up", "bytes_down")}
            rows.append(row | {"wall_seconds": result.seconds})
    return pd.DataFrame(rows)


def rounds_table(kind: ComparableGroups, groups: Sequence[Group], metric: str) -> pd.DataFrame:
    """One row a group and round: mean and t-interval where all its runs have a value, and the extremes of runs."""
    tables = []
    for group in groups:
        columns = {key: result.rounds[metric] for key, result in group.results.items()}
        table = pd.DataFrame(columns).sort_index()
        values, repetitions = table.to_numpy(float).T, group.repetitions
        mean, low, high = statistics.mean_intervals(
            values, [repetitions.of[key] for key in columns], repetitions.shared
        )
        known = ~np.isnan(values)
        row = {"data": kind.title, "group": group.label, "round": table.index, "runs": len(columns)}
        row |= {metric: mean, f"{metric}_low": low, f"{metric}_high": high}
        row |= {
            f"{metric}_n": np.where(known.all(axis=0), len(columns), 0),
            "lowest": np.where(known.any(axis=0), np.where(known, values, np.inf).min(axis=0), np.nan),
            "highest": np.where(known.any(axis=0), np.where(known, values, -np.inf).max(axis=0), np.nan),
        }
        tables.append(pd.DataFrame(row))
    return pd.concat(tables, ignore_index=True)


def shown_rounds(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The rounds table as text: one row a round, one column a group."""
    rows: dict[int, dict[str, str]] = {}
    for row in table.to_dict("records"):
        known = not pd.isna(row[metric])
        bounds = [None if pd.isna(row[f"{metric}_{end}"]) else row[f"{metric}_{end}"] for end in ("low", "high")]
        estimate = Estimate(row[metric], bounds[0], bounds[1], row["runs"]) if known else None
        text = interval_of(metric)(estimate)
        rows.setdefault(row["round"], {_("round"): str(row["round"])})[row["group"]] = text
    return pd.DataFrame([rows[current] for current in sorted(rows)]).fillna(UNKNOWN)


def owners_table(kind: ComparableGroups, groups: Sequence[Group]) -> pd.DataFrame:
    """One row an owner and group: the accuracy of the model that serves it on its own test images, mean over runs.

    pooled_accuracy is a lone owner's model on everyone's test images. num_test_* are the fewest and most of any run.
    """
    tables = []
    for group in groups:
        owners = pd.concat([result.owners for result in group.results.values()])
        found = owners.groupby(level=0).agg(
            owner=("name", "first"),
            runs=("accuracy", "count"),
            accuracy=("accuracy", "mean"),
            pooled_accuracy=("pooled_accuracy", "mean"),
            num_test_min=("num_test", "min"),
            num_test_max=("num_test", "max"),
        )
        tables.append(found.rename_axis("client").reset_index().assign(data=kind.title, group=group.label))
    columns = ["data", "group", "client", "owner", "runs", "accuracy", "pooled_accuracy"]
    columns += ["num_test_min", "num_test_max"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def shown_owners(table: pd.DataFrame) -> pd.DataFrame:
    """The owners table as text: one row an owner, one column a group."""
    rows: dict[int, dict[str, str]] = {}
    for row in table.sort_values("client", kind="stable").to_dict("records"):
        images = image_count(row["num_test_min"], row["num_test_max"])
        cells = rows.setdefault(row["client"], {_("owner"): row["owner"], _("test images"): images})
        cells[row["group"]] = percent(row["accuracy"])
        if not math.isnan(row["pooled_accuracy"]):
            cells[_("{group}, on everyone's images", group=row["group"])] = percent(row["pooled_accuracy"])
    return pd.DataFrame(list(rows.values())).fillna(UNKNOWN)


def image_count(low: float, high: float) -> str:
    """How many test images of its own an owner has: one number, or a range where runs differ."""
    if pd.isna(low) or pd.isna(high):
        return UNKNOWN
    return f"{low:.0f}" if low == high else _("{low} to {high}", low=f"{low:.0f}", high=f"{high:.0f}")


def partition_table(result: Result) -> pd.DataFrame:
    """One row an owner: its images of each part and class."""
    parts = {name: _(word) for name, word in PARTS.items()}
    table = result.partition.assign(column=result.partition["part"].map(parts) + ", " + result.partition["class"])
    names = result.owners["name"].to_dict()
    wide = table.pivot_table(index="client", columns="column", values="count", aggfunc="sum", sort=False)
    wide.insert(0, _("owner"), [names.get(client, _("owner {number}", number=client)) for client in wide.index])
    return wide.reset_index(drop=True).rename_axis(columns=None)


def left_out_table(left_out: Sequence[LeftOut]) -> pd.DataFrame:
    """One row a run that no number is taken from."""
    rows = []
    for each in left_out:
        run = each.run
        reached = max((row["round"] for row in run.rounds), default=_("none"))
        rows.append(
            {
                _("run"): each.name,
                _("strategy"): strategy_name(run),
                _("status"): printable(run.status, 30),
                _("reason"): each.reason or UNKNOWN,
                _("rounds"): _("{n} of {all}", n=reached, all=planned_rounds(run) or _("unknown")),
                _("started"): printable(run.info.get("started") or UNKNOWN, 40),
            }
        )
    return pd.DataFrame(rows)


def provenance_table(kind: ComparableGroups) -> pd.DataFrame:
    """One row a run: what it takes to run it again."""
    rows = []
    for group in kind.every:
        for result in group.results.values():
            seed, data_seed, fold = result.key
            info = result.run.info
            rows.append(
                {
                    _("run"): result.name,
                    _("group"): group.label,
                    _("seed"): seed,
                    _("data seed"): data_seed,
                    _("fold"): UNKNOWN if fold == "null" else fold,
                    _("started"): printable(info.get("started") or UNKNOWN, 40),
                    _("commit"): printable(info.get("commit") or UNKNOWN, 60),
                    _("data fingerprint"): result.fingerprint,
                    _("versions"): listed(section(info, "versions")),
                    _("machine"): listed(section(info, "machine")),
                    _("command"): printable(info.get("command") or UNKNOWN, 1000),
                }
            )
    return pd.DataFrame(rows)


def listed(values: Row) -> str:
    """Names and values in one line."""
    return printable(", ".join(f"{key} {value}" for key, value in sorted(values.items())) or UNKNOWN, 400)
