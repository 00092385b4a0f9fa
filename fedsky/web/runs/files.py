"""The files of a run that may be fetched: an allow-list of names, opened without following a link."""

import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

# What says how a run went, and may name places of this machine.
TOLD = ("run.json", "run.log")
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


def listed(folder: Path) -> list[dict[str, Any]]:
    """Which of the allowed files a run has, with their sizes in bytes."""
    found = []
    for name in ALLOWED:
        try:
            known = os.lstat(folder / name)
        except OSError:
            continue
        if stat.S_ISREG(known.st_mode):
            found.append({"name": name, "bytes": known.st_size})
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
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    return os.fdopen(handle, "rb")
