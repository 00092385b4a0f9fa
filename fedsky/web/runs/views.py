"""Views of one run: its rounds by cursor, its clients, its partition, its confusion matrix.

Nothing is computed here: what rounds cost and what is taken for what are counted by the report.
"""

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fedsky.history import FEDERATED, Run, changed, reasons
from fedsky.history.columns import COLUMNS, OK, ROUNDS, STATUSES, TABLES
from fedsky.report import reading, spending
from fedsky.report.confusion import confusion as confusion_of
from fedsky.untrusted import number, printable, section

from .rows import flat_config, known, whole
from .scan import looked_into

MOST_CLIENTS, MOST_TOLD, MOST_CLASSES = 2000, 100, 200
PAGE = 1000  # rounds of one answer
CELLS = 50_000  # values of one answer by clients and rounds, or by owners and classes
TEXT = 400  # characters of a text that a file holds


def about(run: Run) -> dict[str, Any]:
    """What a run was asked for and ran on."""
    info = run.info
    why = changed(run.folder, info, looked_into(run.folder))
    problems = [reasons.told(why), *run.problems] if why else run.problems
    result = {printable(key, 60): _plain(value) for key, value in section(info, "result").items()}
    return {
        "config": flat_config(run.config),
        "choices": {printable(key, 60): printable(value, 60) for key, value in section(info, "choices").items()},
        "result": result,
        "versions": {printable(key, 60): printable(value, 60) for key, value in section(info, "versions").items()},
        "machine": {printable(key, 60): _plain(value) for key, value in section(info, "machine").items()},
        "data": {printable(key, 60): _plain(value) for key, value in section(info, "data").items()},
        "model": {printable(key, 60): _plain(value) for key, value in section(info, "model").items()},
        "command": printable(info.get("command") or "", 4000),
        "commit": printable(info.get("commit") or "", 60),
        "changed": info.get("changed") is True,
        "problems": [printable(problem, 200) for problem in problems[:50]],
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | bool) or value is None else printable(value, TEXT)


def _latest(rows: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """The rows by round, the last line of a round counts; rounds in order."""
    kept = {line["round"]: line for line in rows if 0 <= line["round"] <= 1_000_000}
    return dict(sorted(kept.items()))


@dataclass(frozen=True)
class Rounds:
    """A run's rounds in order: their numbers, their metrics with what was spent, and what happened in each."""

    numbers: list[int]
    rounds: list[dict[str, Any]]
    feed: list[dict[str, Any]]


def rounds_of(run: Run) -> Rounds:
    """The rounds of a run."""
    every = _latest(run.rounds)
    trained: dict[int, list[int]] = {}
    for row in run.clients:
        client = whole(row.get("client"))
        if row.get("status") == OK and client is not None and row["round"] in every:
            trained.setdefault(row["round"], []).append(client)
    table, sends_nothing = reading.rounds_of(run, []), run.role != FEDERATED
    seconds = table["seconds"].to_dict()
    each = dict(zip(table.index, spending.per_round(table, "megabytes", sends_nothing), strict=True))
    spent = {what: spending.spent(table, what, sends_nothing).to_dict() for what in spending.COSTS}
    metrics: list[dict[str, Any]] = [
        {key: measured(row, key) for key in TABLES[ROUNDS]}
        | {"seconds": known(seconds[now]), "spent": {what: known(sums[now]) for what, sums in spent.items()}}
        for now, row in every.items()
    ]
    events = [_event(run, row, trained.get(now, []), known(float(each[now]))) for now, row in every.items()]
    return Rounds(list(every), metrics, events)


def page(rounds: Rounds, after: int) -> dict[str, Any]:
    """The first ``PAGE`` rounds later than ``after``. last: the cursor for what follows; more: whether that is."""
    begin = bisect.bisect_right(rounds.numbers, after)
    end = begin + PAGE
    told = rounds.numbers[begin:end]
    return {
        "rounds": rounds.rounds[begin:end],
        "feed": rounds.feed[begin:end],
        "last": told[-1] if told else max(rounds.numbers, default=-1),
        "more": end < len(rounds.numbers),
    }


def measured(row: dict[str, Any], key: str) -> float | int | None:
    """A value of a table's row, if it is within its column's range."""
    value = row.get(key)
    checked = known(number(value, *COLUMNS[key].range))
    return value if checked is not None and whole(value) is not None else checked


def _event(run: Run, row: dict[str, Any], trained: list[int], megabytes: float | None) -> dict[str, Any]:
    return {
        "round": row["round"],
        "num_trained": whole(row.get("num_trained")),
        "num_owners": whole(run.config.get("num_clients")),
        "clients": sorted(set(trained))[:MOST_TOLD],
        "megabytes": megabytes,
        "accuracy": measured(row, "accuracy"),
        "failures": whole(row.get("num_failures")),
    }


def clients(run: Run, metric: str) -> dict[str, Any]:
    """A metric of every client in every round, as a matrix [client][round]; null where unknown.

    Where there are many rounds, only every k-th is told, and the last one; of many clients the first.
    """
    every: list[int] = list(_latest(run.clients))
    ids = {client for row in run.clients if (client := whole(row.get("client"))) is not None and client >= 0}
    step = math.ceil(len(every) * min(len(ids), MOST_CLIENTS) / CELLS) or 1
    shown = every[::-step][::-1]
    told = set(sorted(ids)[:MOST_CLIENTS])
    column = {current: place for place, current in enumerate(shown)}
    values: dict[int, list[float | int | None]] = {}
    status: dict[int, list[str | None]] = {}
    examples: dict[int, int] = {}
    for row in run.clients:
        client = whole(row.get("client"))
        if client is None or client not in told or row["round"] not in column:
            continue
        place = column[row["round"]]
        values.setdefault(client, [None] * len(shown))[place] = measured(row, metric)
        state = row.get("status")
        status.setdefault(client, [None] * len(shown))[place] = state if state in STATUSES else None
        count = whole(row.get("num_examples"))
        if count is not None:
            examples[client] = count
    names = owner_names(run)
    order = sorted(values)
    return {
        "metric": metric,
        "num_clients": len(ids),
        "clients": [
            {"client": each, "name": names.get(each, str(each)), "num_examples": examples.get(each)} for each in order
        ],
        "rounds": shown,
        "values": [values[each] for each in order],
        "status": [status[each] for each in order],
    }


def owner_names(run: Run) -> dict[int, str]:
    """What owners are called: client_names of the configuration, else partition.json's."""
    names: dict[int, str] = {}
    listed = run.partition.get("clients")
    for entry in listed if isinstance(listed, list) else []:
        client = whole(entry.get("client")) if isinstance(entry, dict) else None
        if client is not None:
            names[client] = printable(entry.get("name", client), 40)
    chosen = run.config.get("client_names")
    if isinstance(chosen, list):
        names |= {client: printable(name, 40) for client, name in enumerate(chosen)}
    return names


def partition(run: Run) -> dict[str, Any]:
    """Every owner's images of each class in each part, as partition.json has them; no owners where it is not right.

    Of many owners the first are told; num_owners counts all.
    """
    content, names = run.partition, owner_names(run)
    nothing: dict[str, Any] = {"classes": [], "clients": [], "num_owners": 0, "heterogeneity": None}
    classes = content.get("classes")
    if not isinstance(classes, list) or len(classes) > MOST_CLASSES:
        return nothing
    kinds = [printable(name, 60) for name in classes]
    owners = []
    listed = content.get("clients")
    listed = listed if isinstance(listed, list) else []
    for entry in listed[: min(MOST_CLIENTS, CELLS // (len(kinds) or 1))]:
        client = whole(entry.get("client")) if isinstance(entry, dict) else None
        parts = (
            {part: _counts(entry.get(part), len(kinds)) for part in ("train", "validation", "test")}
            if client is not None
            else {}
        )
        if client is None or None in parts.values():
            return nothing
        owners.append({"client": client, "name": names.get(client, str(client)), **parts})
    return {
        "classes": kinds,
        "clients": owners,
        "num_owners": len(listed),
        "heterogeneity": known(number(content.get("heterogeneity"), 0, 1)),
    }


def _counts(value: Any, length: int) -> list[int] | None:
    if not isinstance(value, list) or len(value) != length:
        return None
    counts = [count for each in value if (count := whole(each)) is not None and count >= 0]
    return counts if len(counts) == length else None


def confusion(lines: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The report's confusion of the lines of predictions.csv, of the first classes where there are many.

    precision, recall: of each class, None where no image was predicted so, or none is of it.
    """
    pairs = [(line.get("label"), line.get("predicted")) for line in lines]
    good = [(label, said) for label, said in pairs if isinstance(label, str) and isinstance(said, str) and label]
    classes = sorted({name for pair in good for name in pair})[:MOST_CLASSES]
    counted = confusion_of([label for label, _ in good], [said for _, said in good], classes)
    return {
        "classes": [printable(name, 60) for name in classes],
        "matrix": counted.matrix.tolist(),
        "precision": [known(value) for value in counted.precision.tolist()],
        "recall": [known(value) for value in counted.recall.tolist()],
        "n": int(counted.matrix.sum()),
    }
