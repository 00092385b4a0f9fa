"""A manifest of photographs: a CSV table with the columns file and label, and any others.

A column ``review`` may hold a verdict: a row with ``drop`` is left out, ``relabel:NAME`` puts the photograph into the
class NAME, anything else (keep, ok, doubtful, nothing) changes nothing. ``owner`` says whose a photograph is, ``part``
that it is to train, validate or test with, ``group`` what it must not be parted from, ``taken`` when it was taken.
Further columns are for people.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from fedsky.data import table
from fedsky.data.listing import locate
from fedsky.machine.remedies import in_full

NAME = "manifest.csv"
FILE, LABEL, REVIEW = COLUMNS = "file", "label", "review"
OWNER, PART, GROUP, TAKEN = DECLARED = "owner", "part", "group", "taken"
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, order=True)
class Row:
    """One photograph of a data set: its class, its unique name and where it is; what is declared of it.

    owner, part and group are empty where nothing is; taken is in seconds since 1970, NaN where it is not known.
    """

    label: str
    name: str
    path: Path
    owner: str = ""
    part: str = ""
    group: str = ""
    taken: float = math.nan


def find(root: Path, asked: str | bool | None) -> Path | None:
    """The manifest of the photographs under root: the one asked for, or manifest.csv there (False: never)."""
    if asked is None:
        return root / NAME if (root / NAME).is_file() else None
    if asked is False:
        return None
    manifest = in_full(str(asked))
    if asked is True or not manifest.is_file():
        said = str(asked).lower() if asked is True else asked
        raise ValueError(
            f"data.manifest={said} is not a file: name a CSV with the columns file and label, "
            "or set data.manifest=false for one folder a class"
        )
    return manifest


def read(manifest: Path, root: Path, num_classes: int = 2) -> tuple[list[Row], list[str]]:
    """The rows that are not dropped, by class and name, and the names of those that are; ValueError names the line.

    Files are relative to root.
    """
    rows, dropped = [], []
    for line in lines(manifest).lines:
        row = _row(line.cells, f"{manifest}, line {line.number}", root)
        if isinstance(row, Row):
            rows.append(row)
        else:
            dropped.append(row)
    rows.sort()
    seen: set[str] = set()
    for name in (row.name for row in rows):
        if name in seen:
            raise ValueError(f"{manifest} names {name} twice: remove one of the rows")
        seen.add(name)
    if len(classes := sorted({row.label for row in rows})) < num_classes:
        found = ", ".join(classes) or "none"
        raise ValueError(f"{manifest} has photographs of {len(classes)} classes ({found}): two or more are needed")
    if any(row.owner for row in rows) and (nobodys := [row.name for row in rows if not row.owner]):
        raise ValueError(
            f"{manifest}: {nobodys[0]} has no owner ({len(nobodys)} have none): fill in the column for every photograph"
        )
    return rows, dropped


def lines(manifest: Path) -> table.Table:
    """The table of a manifest as it stands."""
    return table.read(manifest, (FILE, LABEL), (REVIEW, *DECLARED))


def _row(cells: dict[str, str], where: str, root: Path) -> Row | str:
    """The photograph of a line; its name alone where the review drops it."""
    file, label, review = (cells.get(column, "").strip() for column in COLUMNS)
    name = str(PurePosixPath(file)) if file else ""
    verdict, _, other = review.partition(":")
    if verdict.strip().lower() == "drop":
        return name
    if verdict.strip().lower() == "relabel":
        if not other.strip():
            raise ValueError(f"{where}: review={review} names no class: write relabel:NAME")
        label = other.strip()
    if not file or not label:
        raise ValueError(f"{where}: {'label' if file else 'file'} is empty: fill it in, or set review to drop")
    owner, part, group, taken = (cells.get(column, "").strip() for column in DECLARED)
    if part.lower() not in ("", *PARTS):
        raise ValueError(f"{where}: part={part}: write {', '.join(PARTS)}, or nothing to leave it to the split")
    return Row(label, name, locate(root, file), owner, part.lower(), group, _seconds(taken, where))


def _seconds(taken: str, where: str) -> float:
    """A date, with or without a time, as seconds since 1970; without a time zone it is taken for UTC."""
    if not taken:
        return math.nan
    day, _, rest = taken.partition(" ")
    iso = day.replace(":", "-") + (f" {rest}" if rest else "") if day.count(":") == 2 else taken  # as EXIF has it
    try:
        when = datetime.fromisoformat(iso)
    except ValueError as error:
        raise ValueError(
            f"{where}: taken={taken} is not a date: write one such as 2026-05-31 or 2026-05-31 14:05"
        ) from error
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
