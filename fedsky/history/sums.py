"""The sha256 of a run's files: what it left when it ended is told from what was edited, cut or rotted since.

run.json of a run that ended lists in ``files`` the length and sha256 of every other file, and ends in its own: of its
text with zeros in that place. That of a run that goes on lists those alone that it will not write to again; of the
others its checkpoint tells (kept.py), should it be killed. ``format`` says that both are there, so that neither can go
unseen; runs of before 0.2.0 have none.
Files that are missing are told by whoever needs them: a checkpoint may be removed.
"""

import hashlib
import os
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fedsky import untrusted
from fedsky.history import kept
from fedsky.history.columns import TABLES

FORMAT = 3  # 2: without sums before the end
INFO = "run.json"
READ = (INFO, *TABLES, "partition.json", "predictions.csv")  # what figures come from
# What a run leaves beside those; of other names, as 3 (copy).safetensors, nothing is read.
_LEFT = re.compile(
    r"\.hydra/\w+\.yaml|(model|best|checkpoint/\d+|clients/\d+(-[\w-]+)?@\d+|models/\d+)\.safetensors", re.ASCII
)
_OWN = re.compile(rb'"sha256": "([0-9a-f]{64})"\n}\n\Z')


def with_sums(folder: Path, info: Mapping[str, Any], settled: Iterable[str]) -> dict[str, Any]:
    """What run.json says, to be written by ``sealed``; settled: the files that the run will not write to again."""
    files = {}
    for name in settled:
        with suppress(OSError):  # a link out of the folder, which nobody follows
            files[name] = {"bytes": os.lstat(folder / name).st_size, "sha256": _digest(folder, name)}
    return {**without_sums(info), "format": FORMAT, "files": files, "sha256": kept.NOT_YET}


def without_sums(info: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json says when its run goes on."""
    return {key: value for key, value in info.items() if key not in ("files", "sha256")}


def sealed(text: bytes) -> bytes:
    """The text of a run.json with its own sha256."""
    own = _OWN.search(text)
    assert own is not None, "it ends in a place for it"
    return text[: own.start(1)] + hashlib.sha256(text).hexdigest().encode() + text[own.end(1) :]


def changed(folder: Path, info: Mapping[str, Any], only: Container[str] | None = None, is_over: bool = True) -> str:
    """Which files of an ended run are not as it left them, with the bytes that they have and had; empty where all are.

    Those are read that are in ``only``; of the others the length tells. Unreadable ones are told by whoever reads them.
    is_over: as it says itself; else it was killed.
    """
    if "sha256" not in info and info.get("format") in ((None,) if is_over else (None, 2)):
        return ""
    with suppress(OSError):
        text = _content(folder)
        told = ", ".join([INFO] if _is_changed(text) else _others(folder, info, only, is_over))
        if told and text == _content(folder):  # else it goes on meanwhile
            return told
    return ""


def _is_changed(text: bytes) -> bool:
    own = _OWN.search(text)
    if own is None:
        return True
    return (
        hashlib.sha256(text[: own.start(1)] + kept.NOT_YET.encode() + text[own.end(1) :]).hexdigest().encode() != own[1]
    )


def _others(folder: Path, info: Mapping[str, Any], only: Container[str] | None, is_over: bool) -> Iterator[str]:
    files = info["files"]
    for name in names(folder) if is_over else files:
        with suppress(OSError):
            size = os.lstat(folder / name).st_size
            if name not in files:
                if info.get("status") == "done" or not _is_late(folder, name):
                    yield f"{name} (new)"
            elif size != files[name]["bytes"]:
                yield f"{name} ({size}/{files[name]['bytes']} B)"
            elif (only is None or name in only) and _digest(folder, name) != files[name]["sha256"]:
                yield name
    if not is_over:
        yield from kept.changed(folder, only)


def _is_late(folder: Path, name: str) -> bool:
    """Whether a file is what a client kept of a round that is to be done again.

    A worker may outlive a run that failed by a second or two, and end its client's training.
    """
    state = re.fullmatch(r"clients/.*@(\d+)\.safetensors", name)
    return state is not None and int(state[1]) > max((round for round, _ in kept.rounds(folder)), default=-1)


def names(folder: Path) -> list[str]:
    """The files that a run has written and will not write to again, in the order of their names."""
    found = (path.relative_to(folder).as_posix() for place in ("*", "*/*") for path in folder.glob(place))
    return sorted(name for name in found if name in READ[1:] or _LEFT.fullmatch(name))


def _digest(folder: Path, name: str) -> str:
    with untrusted.opened(folder / name, folder, untrusted.LARGEST_MODEL) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content(folder: Path) -> bytes:
    with untrusted.opened(folder / INFO, folder) as file:
        return file.read()
