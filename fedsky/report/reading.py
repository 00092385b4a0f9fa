"""The files of a run folder as tables, each number checked: what is missing or of the wrong kind is NaN and told."""

import csv
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fedsky.history import Row, Run
from fedsky.history.columns import CLIENT_METRICS, COLUMNS, ROUND_METRICS
from fedsky.language import _
from fedsky.untrusted import number, printable, section

Floats = NDArray[np.float64]
# Seconds of a round: on the wall, of all clients together, and of the client that took longest.
SECONDS = ("seconds", "train_seconds", "longest_train_seconds", "evaluate_seconds", "longest_evaluate_seconds")
MOST_ROUNDS, MOST_CLIENTS = 1_000_000, 1_000_000


def numbers(values: Sequence[Any], low: float = -math.inf, high: float = math.inf) -> Floats:
    """``number`` of each value; fast where all are floats or None."""
    if {type(value) for value in values} <= {float, type(None)}:
        array = np.array(values, dtype=np.float64)
        array[~(np.isfinite(array) & (array >= low) & (array <= high))] = math.nan
        return array
    return np.array([number(value, low, high) for value in values], dtype=np.float64)


def _whole(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


def rounds_of(run: Run, problems: list[str]) -> pd.DataFrame:
    """One row a round with the columns of ROUND_METRICS and SECONDS."""
    kept: dict[int, Row] = {}
    for row in run.rounds:
        current = row["round"]
        if not _whole(current, MOST_ROUNDS):
            problems.append(f"rounds.jsonl: {printable(current, 30)} is not a round")
            continue
        if current in kept:
            problems.append(f"rounds.jsonl: round {current} comes more than once, the last line counts")
        kept[current] = row
    order = sorted(kept)
    columns = {}
    for name in ROUND_METRICS:
        raw = [kept[current].get(name) for current in order]
        columns[name] = numbers(raw, *COLUMNS[name].range)
        for place in np.flatnonzero(np.isnan(columns[name])):
            if raw[place] is not None:
                problems.append(f"rounds.jsonl round {order[place]}: {name} is {printable(raw[place], 40)}")
    return pd.DataFrame(columns | _seconds(run.timing, order), index=pd.Index(order, dtype=np.int64))


def _seconds(rows: list[Row], order: list[int]) -> dict[str, Floats]:
    """The columns of SECONDS for the rounds in order; NaN where no line tells. In numpy, as there are many lines."""
    place = {current: number for number, current in enumerate(order)}
    found = {name: np.full(len(order), math.nan) for name in SECONDS}
    single = []
    for row in rows:
        if (where := place.get(row["round"])) is not None:
            if row.get("client") is None:
                found["seconds"][where] = number(row.get("round_seconds"), 0)
            else:
                single.append((where, row))
    places = np.array([place for place, _row in single], dtype=np.int64)
    for name in ("train_seconds", "evaluate_seconds"):
        values = numbers([row.get(name) for _place, row in single], 0)
        known = ~np.isnan(values)
        told = np.bincount(places[known], minlength=len(order)) > 0
        longest = np.zeros(len(order))
        np.maximum.at(longest, places[known], values[known])
        sums = np.bincount(places[known], weights=values[known], minlength=len(order))
        found[name], found[f"longest_{name}"] = np.where(told, sums, math.nan), np.where(told, longest, math.nan)
    return found


def owners_by_round(run: Run) -> pd.DataFrame:
    """Each owner's accuracy on its own test images: one row a round, one column an owner."""
    rows = [row for row in run.clients if _whole(row.get("client"), MOST_CLIENTS) and _whole(row["round"], MOST_ROUNDS)]
    rounds, row_of = np.unique(np.array([row["round"] for row in rows], dtype=np.int64), return_inverse=True)
    clients, column_of = np.unique(np.array([row["client"] for row in rows], dtype=np.int64), return_inverse=True)
    if len(rounds) * len(clients) > 100 * len(rows) + 1_000_000:  # a line here and there of a damaged file
        return pd.DataFrame(dtype=float)
    table = np.full((len(rounds), len(clients)), math.nan)
    table[row_of, column_of] = numbers([row.get("accuracy") for row in rows], *COLUMNS["accuracy"].range)
    return pd.DataFrame(table, index=rounds, columns=clients)


def owners_of(run: Run, last: int, partition: pd.DataFrame, problems: list[str]) -> pd.DataFrame:
    """One row an owner with its name and CLIENT_METRICS, of the last round."""
    names = run.config.get("client_names")
    chosen = dict(enumerate(names)) if isinstance(names, list) else {}
    written = dict(zip(partition["client"], partition["name"], strict=True))
    rows: dict[int, Row] = {}
    for row in run.clients:
        client = row.get("client")
        if row["round"] != last or not isinstance(client, int) or not _whole(client, MOST_CLIENTS):
            continue
        label = printable(chosen.get(client, written.get(client, str(client))), 40)
        rows[client] = {"name": _("owner {number}", number=label) if label == str(client) else label}
        for name in CLIENT_METRICS:
            rows[client][name] = number(row.get(name), *COLUMNS[name].range)
    if not rows:
        problems.append(f"clients.jsonl: no owner in round {last}")
    return pd.DataFrame.from_dict(rows, orient="index", columns=["name", *CLIENT_METRICS]).sort_index()


def partition_of(content: Row, problems: list[str]) -> pd.DataFrame:
    """Long: client, name, part (train, validation, test), class, count; empty if anything in the file is wrong."""
    columns = ["client", "name", "part", "class", "count"]
    rows = []
    try:
        classes = [printable(name, 40) for name in content["classes"]]
        for client in content["clients"]:
            for part in ("train", "validation", "test"):
                for name, count in zip(classes, client[part], strict=True):
                    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                        raise ValueError(f"{printable(count, 30)} is not a count")
                    rows.append((int(client["client"]), printable(client.get("name", ""), 40), part, name, count))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if content:
            problems.append(f"partition.json: not as expected ({printable(str(error), 80)})")
        rows = []
    return pd.DataFrame(rows, columns=columns)


def keeps_predictions(run: Run) -> bool:
    """Whether it is a real federation, whose owners may let no predictions leave."""
    return section(run.config, "engine").get("kind") == "deployment"


def predictions_of(run: Run, expected: int, accuracy: float, problems: list[str]) -> pd.DataFrame | None:
    """Each test image's label and whether it was judged rightly; None, and told, if the file contradicts the others.

    photograph: equal for images of a group of near duplicates, else the image; client: whose it is, as text.

    expected: the number of test images by partition.json, 0 where it does not tell; accuracy: that of the last round.
    """
    try:
        rows = run.predictions()
        images = [(row["image"], row["label"], row["predicted"]) for row in rows]
        groups = [row.get("group", "") for row in rows]  # runs of before 0.2.0 know none
    except (OSError, ValueError, KeyError, csv.Error) as error:
        problems.append(f"predictions.csv: cannot be read ({printable(str(error), 80)})")
        return None
    right = np.array([label == predicted for _, label, predicted in images], dtype=float)
    if not images and keeps_predictions(run):
        return None
    if not images:
        reason = "missing or empty"
    elif any(not cell for row in images for cell in row) or None in groups:
        reason = "a line is cut"
    elif any("nan" in row.values() for row in rows):
        reason = "a probability is not a number"
    elif len({image for image, _, _ in images}) < len(images):
        reason = "an image comes more than once"
    elif expected and expected != len(images):
        reason = f"{len(images)} images where partition.json has {expected}"
    elif math.isnan(accuracy) or abs(right.mean() - accuracy) > 0.5 / len(images):
        reason = f"its accuracy, {right.mean():.4f}, is not that of rounds.jsonl, {accuracy:.4f}"
    else:
        return pd.DataFrame(
            {
                "label": [row[1] for row in images],
                "predicted": [row[2] for row in images],
                "correct": right,
                "photograph": [f"\0{group}" if group else row[0] for group, row in zip(groups, images, strict=True)],
                "client": [str(row.get("client")) for row in rows],
            },
            index=[row[0] for row in images],
        )
    problems.append(f"predictions.csv: {reason}; the run is left out of comparisons image by image")
    return None


def probabilities_of(run: Run, predictions: pd.DataFrame) -> tuple[pd.DataFrame | None, str]:
    """The probability of each class: one row an image of ``predictions``; or None and why there is none."""
    try:
        rows = {row["image"]: row for row in run.predictions()}
        first = next(iter(rows.values()))
        names = [name for name in first if isinstance(name, str) and name.startswith("probability_")]
        values = np.array([[float(rows[image][name]) for name in names] for image in predictions.index])
    except (OSError, ValueError, KeyError, TypeError, StopIteration, csv.Error) as error:
        return None, f"predictions.csv: no probabilities ({printable(str(error), 80)})"
    classes = [name.removeprefix("probability_") for name in names]
    if len(classes) < 2 or not (np.isfinite(values).all() and (values >= 0).all()):
        return None, "predictions.csv: no probabilities, each 0 or more, of two or more classes"
    if np.abs(values.sum(axis=1) - 1).max() > 0.001:
        return None, "predictions.csv: the probabilities of an image do not add up to 1"
    if not set(predictions["label"]) <= set(classes):
        return None, "predictions.csv: no probability for a class that is a label"
    return pd.DataFrame(values, index=predictions.index, columns=classes), ""
