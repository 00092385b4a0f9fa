"""The newest checkpoint of a run, as what tells whether a run that was killed left its files as they were written.

A checkpoint's header lists in ``sums`` the length and sha256 that files of the folder had when it was written, and has
in ``whole`` its own sha256, of its bytes with zeros in that place; all come to be there by one rename. Tables grow:
what they had by then is their beginning. Checkpoints of before 0.2.0 have neither.
"""

import hashlib
import json
import re
from collections.abc import Container, Iterator
from pathlib import Path

from fedsky import untrusted
from fedsky.history.columns import TABLES

BEST = "best.safetensors"
METADATA = "fedsky"  # the key of a model's header under which all stands that is said of it
NOT_YET = "0" * 64
_OWN = re.compile(rb'\\"whole\\": \\"([0-9a-f]{64})\\"')


def rounds(folder: Path) -> list[tuple[int, Path]]:
    """The rounds that are kept, in order; what else lies there, as ._4.safetensors of a Mac, is none."""
    files = (path for path in (folder / "checkpoint").glob("*.safetensors") if re.fullmatch("[0-9]+", path.stem))
    return sorted((int(path.stem), path) for path in files)


def sealed(content: bytes) -> bytes:
    """A checkpoint with its own sha256 in place of zeros."""
    own = _OWN.search(content)
    assert own is not None and own[1] == NOT_YET.encode(), "its header has a place for it"
    return content[: own.start(1)] + hashlib.sha256(content).hexdigest().encode() + content[own.end(1) :]


def changed(folder: Path, only: Container[str] | None) -> Iterator[str]:
    """The files that are not as the newest checkpoint has them, that itself first; none of one without sums.

    Of others than ``only`` the length tells.
    """
    if not (kept := rounds(folder)):
        return
    path = kept[-1][1]
    header, digest = _read(path, folder)
    try:
        about = json.loads(json.loads(header[8:])["__metadata__"][METADATA])
        if "whole" not in about and "sums" not in about:
            return
        own = _OWN.search(header)
        if own is None or own[1].decode() != digest:
            raise ValueError("it is not the one that was written")
        expected = {
            name: (int(each["bytes"]), str(each["sha256"]))
            for name, each in about["sums"].items()
            if name != BEST or about["best_round"] != about["round"]  # else it is written anew from the checkpoint
        }
        expected |= {
            f"clients/{name}@{each['round']}.safetensors": (-1, str(each["digest"]))
            for name, each in (about["states"] or {}).items()
            if each["digest"] is not None
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        yield path.relative_to(folder).as_posix()
        return
    for name, (size, sha256) in expected.items():
        yield from _differs(folder, name, size, sha256, only is None or name in only)


def _read(path: Path, folder: Path) -> tuple[bytes, str]:
    """A checkpoint's header with its length, and the sha256 that is to stand in it."""
    with untrusted.opened(path, folder, untrusted.LARGEST_MODEL) as file:
        length = file.read(8)
        header = length + file.read(min(int.from_bytes(length, "little"), untrusted.LARGEST_HEADER))
        own = _OWN.search(header)
        before = header[: own.start(1)] + NOT_YET.encode() + header[own.end(1) :] if own else header
        return header, hashlib.file_digest(file, lambda: hashlib.sha256(before)).hexdigest()


def _differs(folder: Path, name: str, size: int, sha256: str, is_read: bool) -> Iterator[str]:
    """A file's name where it is another; size: of its beginning, if it is a table, else of all of it; -1: not known.

    A client's state that is missing is told by whoever starts from it, on the machine where it is not.
    """
    try:
        with untrusted.opened(folder / name, folder, untrusted.LARGEST_MODEL) as file:
            content = file.read(size) if name in TABLES else file.read() if is_read else b""
            length = len(content) if name in TABLES else file.seek(0, 2)
    except FileNotFoundError:
        if size < 0:
            return
        content, length = b"", 0
    if size >= 0 and length != size:
        yield f"{name} ({length}/{size} B)"
    elif (is_read or name in TABLES) and hashlib.sha256(content).hexdigest() != sha256:
        yield name
