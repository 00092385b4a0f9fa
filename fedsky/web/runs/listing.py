"""The list of runs: filtered, sorted, cut to a page, with the settings in which the runs differ."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from fedsky.history import reasons
from fedsky.untrusted import printable

from .rows import STATUSES, Row, RunRow

# What a list may be sorted by, and the row's value for it; None comes last, in either direction.
SORTS: dict[str, Callable[[Row], Any]] = {
    **{name: attrgetter(name) for name in RunRow.model_fields},
    "name": lambda row: row.folder.casefold(),
    "strategy": lambda row: row.label,
}
MOST_DIFFERING = 24
EVERY = "*"  # as a word: any run
SHOWN = set(RunRow.model_fields)


@dataclass(frozen=True)
class Note:
    """What an operator wrote on a run."""

    title: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return " ".join([self.title, self.note, *self.tags])


@dataclass(frozen=True)
class Question:
    """What is asked of the list.

    q: words that all must occur, or key=value pairs; sort: a key of SORTS, with a - in front from high to low.
    """

    q: str = ""
    status: str = ""
    strategy: str = ""
    group: str = ""
    sort: str = "-started"
    offset: int = 0
    limit: int = 50


def shown(row: Row, name: str, note: Note | None = None) -> dict[str, Any]:
    """A row as the API gives it, with its name."""
    values = row.model_dump(include=SHOWN) | {"name": name, "reason": reasons.told(row.reason)}
    values["note"] = (note.title or note.note) if note else ""
    values["tags"] = list(note.tags) if note else []
    return values


def matching(rows: Iterable[Row], question: Question, notes: Mapping[str, Note]) -> list[Row]:
    """The rows that a question is about, in its order."""
    words = question.q.casefold().split()
    kept = [
        row
        for row in rows
        if (not question.status or row.status == question.status)
        and (not question.strategy or row.strategy == question.strategy)
        and (not question.group or row.experiment == question.group)
        and all(word == EVERY or _holds(row, notes.get(row.id), word) for word in words)
    ]
    name = question.sort.removeprefix("-")
    value = SORTS.get(name, SORTS["started"])
    kept.sort(key=lambda row: row.folder)
    known = [row for row in kept if value(row) is not None]
    known.sort(key=value, reverse=question.sort.startswith("-"))
    return known + [row for row in kept if value(row) is None]


def _holds(row: Row, note: Note | None, word: str) -> bool:
    key, equals, value = word.partition("=")
    if equals and key:
        return any(
            (name.casefold() == key or name.casefold().endswith(f".{key}")) and _text(setting).casefold() == value
            for name, setting in ({**row.settings, "seed": row.seed} | _chosen(row)).items()
        )
    told = [row.folder, row.label, row.data, row.partition, row.chosen.get("model", ""), row.status]
    text = " ".join([*told, note.text if note else ""])
    return word in text.casefold()


def _chosen(row: Row) -> dict[str, Any]:
    return {**row.chosen, "strategy": row.strategy, "status": row.status}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def differing(rows: Sequence[Row]) -> list[str]:
    """The settings in which the rows are not alike, those with few values first.

    A setting that only some of the rows have counts as different among those that have it alone if they differ in it.
    """
    values: dict[str, dict[str, Any]] = {}
    for row in rows:
        for key, value in (("model", row.chosen.get("model", "")), *row.settings.items()):
            values.setdefault(key, {})[row.id] = value
    counts = {key: len({(type(value), value) for value in found.values()}) for key, found in values.items()}
    told = [key for key in values if counts[key] > 1 and not key.endswith("_target_")]
    told.sort(key=lambda key: (-len(values[key]), counts[key], key))
    return [printable(key, 80) for key in told[:MOST_DIFFERING]]


def listing(
    rows: Sequence[Row], question: Question, notes: Mapping[str, Note], name: Callable[[Row], str]
) -> dict[str, Any]:
    """The page of the list that a question asks for, and what there is to choose from."""
    kept = matching(rows, question, notes)
    page = kept[question.offset : question.offset + question.limit]
    return {
        "runs": [shown(row, name(row), notes.get(row.id)) for row in page],
        "total": len(kept),
        **choices(rows),
        "differs": differing(kept),
    }


def choices(rows: Sequence[Row]) -> dict[str, Any]:
    """What a list may be narrowed to."""
    return {
        "strategies": sorted({row.strategy for row in rows}),
        "statuses": [status for status in STATUSES if any(row.status == status for row in rows)],
    }
