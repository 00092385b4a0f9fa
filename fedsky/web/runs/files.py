"""The files of a run that may be fetched: an allow-list of names, opened without following a link."""

import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

# What says how a run went, and may name places of this machine. It is searched for them, which takes a core for a
# tenth of a second for every million bytes: a log's last bytes are sent, and no run.json that is larger.
TOLD = ("run.json", "run.log")
MOST_TOLD = 4_000_000  # bytes
MOST = 500_000_000  # bytes of any other file
# Name: type. Nothing here is shown by a browser in place of a page: all are sent as attachments.
ALLOWED = {
    "run.json": "application/json",
    "rounds.jsonl": "application/x-ndjson",
    "clients.jsonl": "application/x-ndjson",
    "timing.jsonl": "application/x-ndjson",
    "partition.json": "application/json",
    "predictions.csv": "text/csv",
    "run.log": "text/plain",
    "model.safetensors": "application/octet-stream",
    "best.safetensors": "application/octet-stream",
}


def most_of(name: str) -> int | float:
    """The bytes that a file may have to be sent."""
    return {"run.json": MOST_TOLD, "run.log": math.inf}.get(name, MOST)


def listed(folder: Path) -> list[dict[str, Any]]:
    """Which of the allowed files a run has, with their sizes in bytes."""
    found = []
    for name in ALLOWED:
        try:
            known = os.lstat(folder / name)
        except OSError:
            continue
        if stat.S_ISREG(known.st_mode) and known.st_size <= most_of(name):
            found.append({"name": name, "bytes": min(known.st_size, MOST_TOLD) if name in TOLD else known.st_size})
    return found


def opened(folder: Path, name: str) -> BinaryIO | None:
    """An allowed file of a run, open for reading; None for any other name, a link, or what is no plain file."""
    if name not in ALLOWED:
        return None
    try:
        # Not blocking: a pipe of that name must not hold the request.
        handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    known = os.fstat(handle)
    if not stat.S_ISREG(known.st_mode) or known.st_size > most_of(name):
        os.close(handle)
        return None
    return os.fdopen(handle, "rb")


def told(file: BinaryIO) -> bytes:
    """The text of a file of TOLD, to be searched for places: whole, or its last lines and how much they leave out."""
    begin = max(0, file.seek(0, os.SEEK_END) - MOST_TOLD)
    file.seek(begin)
    text = file.read(MOST_TOLD)
    if not begin:
        return text
    first = text.find(b"\n") + 1
    return f"(the first {begin + first} bytes are left out)\n".encode() + text[first:]
