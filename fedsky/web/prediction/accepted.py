"""The photographs that an administrator accepted from users: a folder with a manifest.csv that data=folder reads.

A file is named by its offer's id, never by what a user sent. The photograph comes first, then the manifest, each by
rename; the caller marks the offer last. So a kill in between leaves an offer that waits, and deciding it anew, either
way, sets the folder right.
"""

import csv
import io
import threading
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from PIL import Image

from fedsky.data import table
from fedsky.data.manifest import NAME
from fedsky.history import write_whole

PHOTOS = "photos"
SOURCE = "offered"
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Entry:
    """A line of the manifest, with the columns of the photographs that the project has elsewhere."""

    file: str
    label: str
    source: str
    original_name: str
    sha256: str
    width: int
    height: int
    review: str
    note: str


COLUMNS = tuple(field.name for field in fields(Entry))


def put(folder: Path, offer: str, label: str, photo: bytes, sha256: str, note: str) -> None:
    """Adds an offer's photograph (JPEG) to the folder, or gives it another label."""
    name = f"{PHOTOS}/{offer}.jpg"
    with Image.open(io.BytesIO(photo), formats=["JPEG"]) as image:  # ours: encoded by the prediction worker
        width, height = image.size
    entry = Entry(name, label, SOURCE, "", sha256, width, height, "ok", note)
    with _LOCK:
        write_whole(folder / name, photo)
        _write(folder, [row for row in _read(folder) if row["file"] != name] + [_text(entry)])


def drop(folder: Path, offer: str) -> None:
    """Takes an offer's photograph out of the folder, if it is there."""
    name = f"{PHOTOS}/{offer}.jpg"
    with _LOCK:
        rows = _read(folder)
        if any(row["file"] == name for row in rows):
            _write(folder, [row for row in rows if row["file"] != name])
        (folder / name).unlink(missing_ok=True)


def _text(entry: Entry) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(entry).items()}


def _read(folder: Path) -> list[dict[str, str]]:
    try:
        lines = table.read(folder / NAME, (), COLUMNS).lines
    except FileNotFoundError:
        return []
    return [{name: line.cells.get(name, "") for name in COLUMNS} for line in lines]


def _write(folder: Path, rows: list[dict[str, str]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(sorted(rows, key=lambda row: row["file"]))
    write_whole(folder / NAME, buffer.getvalue().encode())
