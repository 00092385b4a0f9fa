"""What each owner of the site's photographs has: the exploration's own tables, made once in a process beside the site.

Reading every photograph takes a while, so that nobody waits for it: whoever asks is told how far it has come.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fedsky.web.isolated import IsolatedProcess, NoAnswerError, Work, serve
from fedsky.web.share import BusyError

PROCESS = ("-m", "fedsky.web.owners")
SECONDS = 4 * 3600.0  # for all photographs of a folder
ROOM_BYTES = 2_500_000_000  # a photograph may take 1.5 GB while it is read
WAITING = 16  # folders
DONE, MEASURING, FAILED = "done", "measuring", "failed"


class Owners:
    """The owners' tables of the site's folders, kept while no photograph is added, changed or removed."""

    def __init__(self) -> None:
        self._process = IsolatedProcess("the owners' tables", PROCESS, seconds=SECONDS, most=WAITING, each=WAITING)
        self._lock = threading.Lock()
        self._kept: dict[Path, tuple[str, dict[str, Any]]] = {}

    def close(self) -> None:
        """Ends its process, whatever that is measuring."""
        self._process.close()

    def of(self, root: Path, photographs: Sequence[Path]) -> dict[str, Any]:
        """State, tables, and what is wrong, of a folder with these photographs; begins to measure where it must."""
        mark = _mark([*photographs, *root.glob("manifest.csv")])
        with self._lock:
            known = self._kept.get(root)
            if known is not None and known[0] == mark:
                if known[1]["state"] == FAILED:  # whoever asks again has it tried again
                    del self._kept[root]
                return known[1]
            told: dict[str, Any] = {"state": MEASURING, "tables": [], "problem": None}
            self._kept[root] = mark, told
        threading.Thread(target=self._make, args=(root, mark), name="owners", daemon=True).start()
        return told

    def _make(self, root: Path, mark: str) -> None:
        try:
            told = {"state": DONE, **self._process.ask({"root": str(root.absolute())}), "problem": None}
        except (NoAnswerError, BusyError, ValueError) as error:
            told = {"state": FAILED, "tables": [], "problem": str(error).replace(str(root.absolute()), root.name)}
        with self._lock:
            if self._kept.get(root, ("",))[0] == mark:
                self._kept[root] = mark, told


def _mark(files: Sequence[Path]) -> str:
    """What changes as soon as one of the files does."""
    found = []
    for path in files:
        try:
            stat = path.stat()
        except OSError:
            found.append((str(path), 0, 0))
        else:
            found.append((str(path), stat.st_size, stat.st_mtime_ns))
    return hashlib.sha256(json.dumps(sorted(found)).encode()).hexdigest()


def begin() -> Work:
    """Loads what the exploration needs; returns what measures a folder."""
    from fedsky.photographs.explore.owners import measured

    return lambda question, _: {"tables": measured(Path(question["root"]))}


if __name__ == "__main__":
    serve(begin, ROOM_BYTES)
