"""The index of all runs: rows kept in memory, made anew where a run's files have changed."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from fedsky.history import Run, read_run
from fedsky.report import names

from .rows import Row, read_row
from .scan import Found, Scanner, unsafe

PATIENCE = 1.0  # seconds for which a look at the folders holds
REST = 10  # times as long as a look took, it holds besides: looking takes no more than a tenth of a core
MOST_RUNS = 20_000


class Index:
    """Rows of all runs under the roots, newest look first asked for; safe under threads.

    generation: a number that grows whenever any row has changed, for caches of what is made from rows.
    """

    def __init__(self, roots: Sequence[Path], reference: Path | None = None) -> None:
        self.reference = reference.resolve() if reference is not None else None
        self.roots = [root.resolve() for root in roots]
        if self.reference is not None and not any(self.reference.is_relative_to(root) for root in self.roots):
            self.roots.append(self.reference)
        self.generation = 0
        self.left_out = 0  # folders that were not looked into, and runs beyond MOST_RUNS
        self._scanner = Scanner(self.roots)
        self._rows: dict[str, Row] = {}
        self._found: dict[str, Found] = {}
        self._named: dict[str, tuple[object, dict[str, list[names.Part]]]] = {}  # by folder: what names were made from
        self._looked, self._took = float("-inf"), 0.0
        self._lock = threading.Lock()

    def refresh(self, patience: float = PATIENCE) -> None:
        """Looks at the folders, unless that was done less than ``patience`` seconds ago or is being done.

        The first look is waited for; later ones are made by one thread while others use what is known.
        """
        if time.monotonic() - self._looked < max(patience, min(patience, 1) * REST * self._took):
            return
        if not self._lock.acquire(blocking=not self._found or patience == 0):
            return
        try:
            began = time.monotonic()
            if began - self._looked >= patience:
                self._look()
                self._looked = time.monotonic()
                self._took = self._looked - began
        finally:
            self._lock.release()

    def _look(self) -> None:
        found: dict[str, Found] = {}
        rows: dict[str, Row] = {}
        too_many = 0
        for each in self._scanner.find():
            if len(found) >= MOST_RUNS:
                too_many += 1
                continue
            found[each.id] = each
            known = self._found.get(each.id)
            if known is not None and known.stamp == each.stamp:
                rows[each.id] = self._rows[each.id]
            else:
                rows[each.id] = read_row(each, self._is_reference(each.folder))
        left_out = self._scanner.left_out + too_many
        if found != self._found or left_out != self.left_out:
            self._rows, self._found, self.left_out = rows, found, left_out
            self._named = self._name(rows)
            self.generation += 1

    def _name(self, rows: dict[str, Row]) -> dict[str, tuple[object, dict[str, list[names.Part]]]]:
        """The names of the runs by folder, in parts; made anew where a folder has got other runs."""
        beside: dict[str, list[Row]] = {}
        for row in rows.values():
            if row.settings:
                beside.setdefault(row.folder.rpartition("/")[0], []).append(row)
        made: dict[str, tuple[object, dict[str, list[names.Part]]]] = {}
        for folder, each in beside.items():
            key = tuple((row.id, row.group, tuple(row.repetition.values())) for row in each)
            known = self._named.get(folder)
            if known is None or known[0] != key:
                parts = names.named([row.told for row in each])
                known = key, {row.id: own for row, own in zip(each, parts, strict=True)}
            made[folder] = known
        return made

    def parts(self, row: Row) -> list[names.Part]:
        """A run's name in parts; that of its folder where its files do not tell."""
        known = self._named.get(row.folder.rpartition("/")[0])
        return known[1].get(row.id, [("", row.name)]) if known else [("", row.name)]

    def name(self, row: Row) -> str:
        """What a run is called, in the language in use."""
        return names.name(self.parts(row))

    def _is_reference(self, folder: Path) -> bool:
        return self.reference is not None and folder.is_relative_to(self.reference)

    def rows(self) -> list[Row]:
        """All runs, as last looked at."""
        self.refresh()
        return list(self._rows.values())

    def row(self, id: str) -> Row | None:
        """The row of a run, or None."""
        self.refresh()
        return self._rows.get(id)

    def found(self, id: str) -> Found | None:
        """Where a run is, and its stamp; None for an unknown id."""
        self.refresh()
        return self._found.get(id)

    def read(self, id: str) -> Run | None:
        """A run with its tables, read now; None for an unknown id. Files that must not be read are left out."""
        found = self.found(id)
        if found is None:
            return None
        wrong = unsafe(found.folder)
        return Run(found.folder, {}, problems=wrong) if wrong else read_run(found.folder)
