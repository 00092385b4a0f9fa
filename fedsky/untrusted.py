"""What comes from a file that somebody else may have written: text, numbers, sizes, links.

People exchange run folders and models. No text of theirs reaches a terminal with its control characters, no number is
taken for one unasked, and no file is read that is a link out of the folder, no plain file, or larger than it may be.
"""

import errno
import io
import json
import logging
import math
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

LARGEST = 2**29  # bytes of a file of a run that is read whole: 512 MiB
LARGEST_MODEL = 2**32  # bytes of a model or a checkpoint: 4 GiB
LARGEST_HEADER = 2**24  # bytes of what a model's file says of itself and of its tensors: 16 MiB
MOST_CLASSES = 1000  # that a model tells apart
LARGEST_SIDE = 4096  # pixels a side, to which a model has a photograph resized


def printable(value: Any, limit: int = 120) -> str:
    """Any value as one line of text without control characters, cut to a limit."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str) -> str:
    """A text whose control characters are seen rather than obeyed; ends of lines and tabs stay."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else character.encode("unicode_escape").decode()
        for character in text
    )


class Visible(logging.Formatter):
    """Has a log's lines show the control characters of names and reasons rather than obey them."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


def number(value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """The value if it is a finite number within the limits, else NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        result = float(value)
    except OverflowError:
        return math.nan
    return result if math.isfinite(result) and low <= result <= high else math.nan


def section(row: dict[str, Any], name: str) -> dict[str, Any]:
    """An object within an object; empty where it is missing or something else."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration as {dotted key: leaf}; lists are leaves, and 1.0 is 1."""
    flat: dict[str, Any] = {}
    for name, item in value.items():
        key = f"{prefix}{printable(name, 60)}"
        if isinstance(item, dict):
            flat |= flatten(item, f"{key}.")
        else:
            flat[key] = int(item) if isinstance(item, float) and item.is_integer() else item
    return flat


def opened(path: Path, folder: Path, limit: int = LARGEST) -> io.BufferedReader:
    """A file of a folder, open for reading; OSError where it is a link out of it, no plain file, or too large."""
    path = within(path, folder)
    # Not blocking: a pipe of that name must not hold the program.
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    known = os.fstat(handle)
    if stat.S_ISREG(known.st_mode) and known.st_size <= limit:
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(known.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    wrong = f"{known.st_size} bytes, more than the {limit} that are read"
    raise OSError(errno.EINVAL, wrong if stat.S_ISREG(known.st_mode) else "not a plain file", str(path))


def text_of(path: Path, folder: Path, limit: int = LARGEST, errors: str = "strict") -> str:
    """What ``opened`` reads, as text; OSError or UnicodeDecodeError."""
    with opened(path, folder, limit) as file:
        return file.read().decode("utf-8", errors)


def within(path: Path, folder: Path) -> Path:
    """Where a file of a folder really is; OSError where that is elsewhere."""
    if not path.is_symlink() and path.parent == folder:
        return path
    real = path.resolve(strict=True)
    if not real.is_relative_to(folder.resolve()):
        raise OSError(errno.EPERM, f"leads out of its folder, to {real}; put the file itself there", str(path))
    return real


def header(path: Path, folder: Path) -> None:
    """Raises ValueError or OSError where a .safetensors file must not be opened, or says too much of itself."""
    with opened(path, folder, LARGEST_MODEL) as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LARGEST_HEADER:
        raise ValueError(f"its header has {length} bytes, more than the {LARGEST_HEADER} that are read")


def judges(about: Mapping[str, Any], most: int = MOST_CLASSES) -> tuple[list[str], int]:
    """The classes that a model's header names, and the pixels a side of its images; ValueError where it has none."""
    classes, size = about["classes"], about["size"]
    if size is None:
        raise ValueError("it judges points, not photographs")
    if type(size) is not int or not 0 < size <= LARGEST_SIDE:
        raise ValueError(f"size={printable(size)}: 1 to {LARGEST_SIDE} pixels are needed")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError(f"classes={printable(classes)}: a list of names is needed")
    if not 0 < len(classes) <= most:
        raise ValueError(f"it has {len(classes)} classes: 1 to {most} are needed")
    return classes, size


def refuse_strange(folder: Path) -> None:
    """Raises ValueError where a folder that is to be written to has links out of it, pipes or devices in it."""
    home = folder.resolve()
    for entry in _entries(folder):
        if entry.is_symlink():
            target = Path(entry.path).resolve()
            if not target.is_relative_to(home):
                raise ValueError(f"{entry.path} is a link out of {folder}, to {target}: put the file itself there")
        elif not (entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)):
            raise ValueError(f"{entry.path} is not a plain file: remove it")


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """All that is in a folder and those below it, links not followed."""
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
