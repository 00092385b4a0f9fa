"""How a run's files are written: whole or not at all, and never into a folder that is no longer there."""

import errno
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from fedsky.history import sums
from fedsky.history.columns import TABLES

Row = dict[str, Any]

NOT_THERE = (
    "the folder was removed, moved or made anew while the run wrote there: bring it back and resume the run, or start "
    "another run"
)


def finite(value: Any) -> Any:
    """The same JSON value with NaN and infinities as None, as JSON has no word for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def write_whole(path: Path, content: bytes, below: Path | None = None) -> None:
    """Writes a file by rename: it is there whole or not at all, also after a crash or on a full disk.

    below: a folder that must be there; those between are made.
    """
    if below is not None and not below.is_dir():
        raise FileNotFoundError(errno.ENOENT, NOT_THERE, str(below))
    path.parent.mkdir(parents=True, exist_ok=True)
    name = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException as error:
        if name is not None:
            with suppress(OSError):
                Path(name).unlink()
        if isinstance(error, OSError):  # which names the draft, or nothing
            error.filename = str(path)
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file by rename, readable by a person and the same bytes for the same value."""
    write_whole(path, _json(value))


def write_begun(folder: Path, info: Mapping[str, Any], settled: Iterable[str] = ()) -> None:
    """Writes the run.json of a run that goes on; settled: the files that it will not write to again."""
    asked = [name for name in sums.names(folder) if name.startswith(".hydra/")]
    write_whole(folder / sums.INFO, sums.sealed(_json(sums.with_sums(folder, info, [*asked, *settled]))), folder)


def write_end(folder: Path, info: Mapping[str, Any]) -> None:
    """Writes the run.json of a run that has ended, with the sha256 of every file that it leaves.

    On a full disk it takes the place of the one that is there, without sums, so that it needs no more room.
    """
    try:
        write_whole(folder / sums.INFO, sums.sealed(_json(sums.with_sums(folder, info, sums.names(folder)))), folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        with suppress(OSError), (folder / sums.INFO).open("r+b") as file:
            file.write(_json({key: value for key, value in sums.without_sums(info).items() if key != "format"}))
            file.truncate()
        raise


def _json(value: Any) -> bytes:
    return (json.dumps(finite(value), indent=1, ensure_ascii=False) + "\n").encode()


def sum_of(content: bytes) -> Row:
    """The length and sha256 of a file."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


class Table:
    """A JSON-lines file that grows row by row; every row has the schema's keys, in the schema's order."""

    def __init__(self, folder: Path, name: str) -> None:
        self.keys = TABLES[name]
        self.path = folder / name
        self.handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.size, self.digest = 0, hashlib.sha256()
        self._count(self.path.read_bytes())

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Adds rows, all or none. A key outside the schema is a programmer's error; a missing one is null."""
        lines = []
        for row in rows:
            assert not (unknown := set(row) - set(self.keys)), f"{self.path.name} has no key {unknown}"
            lines.append(json.dumps({key: finite(row.get(key)) for key in self.keys}) + "\n")
        content = "".join(lines).encode()
        if not self._is_there():
            raise FileNotFoundError(errno.ENOENT, NOT_THERE, str(self.path.parent))
        try:
            written = 0
            while written < len(content):
                written += os.write(self.handle, content[written:])
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self.handle, self.size)
            error.filename = str(self.path)
            raise
        self._count(content)

    def _count(self, content: bytes) -> None:
        self.size += len(content)
        self.digest.update(content)

    def _is_there(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self.handle), os.lstat(self.path))
        except OSError:
            return False

    def settled(self) -> Row:
        """The length and sha256 of all rows so far, which are on the disk by then, also after a power cut."""
        os.fsync(self.handle)
        return {"bytes": self.size, "sha256": self.digest.hexdigest()}

    def close(self) -> None:
        os.close(self.handle)
