"""Finds run folders under the site's roots without following a link and without opening a file but locks."""

import hashlib
import heapq
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fedsky.history import lock, may_run, sums

# Files of a run that are read, and the largest size at which they are.
LIMITS = {
    "run.json": 4_000_000,
    "rounds.jsonl": 32_000_000,
    "clients.jsonl": 64_000_000,
    "timing.jsonl": 64_000_000,
    "partition.json": 16_000_000,
    "predictions.csv": 64_000_000,
}
MODEL = "model.safetensors"
# Files whose change makes a row of the list anew.
WATCHED = ("run.json", "rounds.jsonl", "timing.jsonl", "clients.jsonl", "partition.json", "predictions.csv", MODEL)
# Folders in a run's that hold no runs.
INNER = frozenset({"clients", "checkpoint", "models", "report", "plots", "tables"})
DEEPEST, MOST_FOLDERS = 10, 50_000
MOST_LOOKED_INTO = 256_000_000  # bytes

Stamp = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Found:
    """A folder with a run.json. stamp: (mtime in ns, size) of the watched files, (0, 0) for a missing one.

    Where a lock is there the stamp also tells whether it is held, so that the end of a killed process is a change.
    """

    id: str
    folder: Path
    relative: str
    stamp: Stamp


def identity(position: int, relative: str) -> str:
    """The opaque id of a run: a hash of its path below its root; roots after the first are told apart by their place.

    So ids, and annotations with them, outlive a move of the root and roots added at the end.
    """
    text = relative if position == 0 else f"{position}:{relative}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


class Scanner:
    """Walks the roots again and again, folders with few siblings first, so that none with many keeps others out.

    left_out: how many folders the last walk did not look into, as there were more than it may look into.

    A folder whose time has not changed is not listed anew: that is what costs.

    Times are as coarse as some milliseconds, so that a listing counts only if the folder had rested before it.
    """

    REST_NS = 2_000_000_000

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = roots
        self.left_out = 0
        self._listed: dict[Path, tuple[int, list[str], bool]] = {}  # folder: its time, subfolders, whether it is a run

    def find(self) -> Iterator[Found]:
        """Every run under the roots, each folder once; links are neither followed nor taken for a run."""
        seen: set[Path] = set()
        # Siblings, minus the depth, and what is looked at: of folders with as many siblings the deepest first. A root
        # within one before it is met on the way, and has its ids from there, unless it is hidden.
        waiting = [
            (MOST_FOLDERS if any(map(root.is_relative_to, self.roots[:position])) else 0, 0, position, "", root)
            for position, root in enumerate(self.roots)
        ]
        heapq.heapify(waiting)
        while waiting and len(seen) < MOST_FOLDERS:
            _, depth, position, relative, folder = heapq.heappop(waiting)
            if folder in seen:
                continue
            seen.add(folder)
            inner, is_run = self._inside(folder)
            stamp = _stamp(folder) if is_run else None
            if stamp is not None:
                yield Found(identity(position, relative or "."), folder, relative or folder.name, stamp)
            if -depth < DEEPEST:
                for name in inner:
                    if stamp is None or name not in INNER:
                        below = f"{relative}/{name}" if relative else name
                        heapq.heappush(waiting, (len(inner), depth - 1, position, below, folder / name))
        self.left_out = len(waiting)
        for gone in set(self._listed) - seen:
            del self._listed[gone]

    def _inside(self, folder: Path) -> tuple[list[str], bool]:
        """The names of a folder's real subfolders, and whether it has a run.json."""
        try:
            changed = os.lstat(folder).st_mtime_ns
            known = self._listed.get(folder)
            if known is not None and known[0] == changed:
                return known[1], known[2]
            began = time.time_ns()
            inner, is_run = [], False
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name == "run.json":
                        is_run = entry.is_file(follow_symlinks=False)
                    elif not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                        inner.append(entry.name)
        except OSError:  # gone, or not ours to read
            return [], False
        if began - changed > self.REST_NS:
            self._listed[folder] = (changed, inner, is_run)
        return inner, is_run


def _stamp(folder: Path) -> Stamp | None:
    """Times and sizes of the watched files; None where run.json has gone."""
    stamps = []
    for name in WATCHED:
        try:
            known = os.lstat(os.path.join(folder, name))
            stamps.append((known.st_mtime_ns, known.st_size))
        except OSError:
            stamps.append((0, 0))
    if stamps[0] == (0, 0):
        return None
    if os.path.lexists(os.path.join(folder, lock.NAME)):
        stamps.append((int(may_run(folder)), -1))
    return tuple(stamps)


def looked_into(folder: Path) -> set[str]:
    """The files of a run that are read to see whether they were changed since its end: as many as are soon read."""
    room, found = MOST_LOOKED_INTO, set()
    for name in sums.names(folder):
        with suppress(OSError):
            room -= os.lstat(folder / name).st_size
        if room >= 0:
            found.add(name)
    return found


def unsafe(folder: Path) -> list[str]:
    """Which of a run's files must not be read, and why: a link, no plain file, or too large. Empty if all is well."""
    problems = []
    for name, limit in LIMITS.items():
        try:
            known = os.lstat(folder / name)
        except OSError:
            continue
        if stat.S_ISLNK(known.st_mode):
            problems.append(f"{name}: a link, which is not followed")
        elif not stat.S_ISREG(known.st_mode):
            problems.append(f"{name}: no plain file")
        elif known.st_size > limit:
            problems.append(f"{name}: {known.st_size} bytes, more than the {limit} that the site reads")
    return problems
