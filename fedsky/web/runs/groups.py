"""The list of runs by experiment: a row a group of runs that repeat one, whose mean the report computes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from fedsky.history import DONE

from .listing import Note, Question, choices, matching
from .rows import Row, Status


class GroupRow(BaseModel):
    """Runs that repeat one experiment. name: what they share of their names; runs: how many of each status.

    folder: where they all lie; started: the latest; ids: of all of them, of which the mean counts those that are done.
    """

    id: str
    name: str
    folder: str
    role: str
    is_reference: bool
    data: str
    partition: str
    num_clients: int | None
    started: str | None
    runs: dict[Status, int]
    ids: list[str]


def grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by experiment, in their order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.experiment, []).append(row)
    return found


def counted(rows: Sequence[Row]) -> list[Row]:
    """The rows that a mean counts."""
    return [row for row in rows if row.status == DONE]


def listing(
    rows: Sequence[Row], question: Question, notes: Mapping[str, Note], name: Callable[[Row], str]
) -> dict[str, Any]:
    """A page of groups, and what there is to choose from. name: what a run's repetitions are called."""
    kept = matching(rows, question, notes)
    found = grouped(kept)
    page = list(found.items())[question.offset : question.offset + question.limit]
    return {
        "groups": [_shown(id, each, name(each[0])) for id, each in page],
        "total": len(found),
        "num_runs": len(kept),
        **choices(rows),
    }


def _shown(id: str, rows: Sequence[Row], name: str) -> dict[str, Any]:
    first = rows[0]
    return GroupRow(
        id=id,
        name=name,
        folder=_common([row.folder.rpartition("/")[0] for row in rows]),
        role=first.role,
        is_reference=first.is_reference,
        data=first.data,
        partition=first.partition,
        num_clients=first.num_clients,
        started=max((row.started for row in rows if row.started), default=None),
        runs=dict(Counter(row.status for row in rows)),
        ids=[row.id for row in rows],
    ).model_dump()


def _common(folders: Sequence[str]) -> str:
    """The folder in which all of these lie."""
    parts = [folder.split("/") for folder in folders]
    shared = 0
    while all(len(each) > shared and each[shared] == parts[0][shared] for each in parts):
        shared += 1
    return "/".join(parts[0][:shared])
