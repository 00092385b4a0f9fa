"""Files that are kept because they took long to make, under a hash of what they were made from."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import fedsky
from fedsky import report
from fedsky.history import write_whole


class Keeping:
    """A folder with the files asked for last: so many bytes at most."""

    def __init__(self, folder: Path, room: int) -> None:
        self.folder, self.room = folder, room
        self.made_by = [fedsky.__version__, _newest(Path(report.__file__).parent)]

    def path(self, key: Sequence[Any], ending: str) -> Path:
        """Where a file of that key is, or is to be, kept. Another version of the report makes other files."""
        text = json.dumps([*self.made_by, *key], default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.{ending}"

    def get(self, path: Path) -> bytes | None:
        """A file's content; None if it is not kept."""
        try:
            content = path.read_bytes()
            path.touch()
            return content
        except OSError:
            return None

    def put(self, path: Path, content: bytes) -> None:
        """Keeps a file."""
        write_whole(path, content)
        self.tidy()

    def tidy(self) -> None:
        """Removes the files unused for longest, beyond the room."""
        known = []
        for path in self.folder.iterdir():
            with suppress(OSError):
                known.append((path.stat().st_mtime, path.stat().st_size, path))
        total = sum(size for _, size, _ in known)
        for _, size, path in sorted(known):
            if total <= self.room:
                break
            with suppress(OSError):
                path.unlink()
            total -= size


def _newest(folder: Path) -> int:
    return max((path.stat().st_mtime_ns for path in folder.rglob("*.py")), default=0)
