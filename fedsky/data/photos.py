"""Decoded photographs of one size, kept once on disk and mapped into memory by every process; drawn points likewise."""

import errno
import hashlib
import json
import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedsky.data.cache import GIGABYTE, draft_prefix, hold, trim
from fedsky.data.declared import Declared
from fedsky.data.split import Owner
from fedsky.machine import remedies

Part = tuple[NDArray[Any], NDArray[Any]]  # points [n, features] and their labels [n]
Row = tuple[str, int, NDArray[np.uint8]]  # name, label and pixels [3, size, size]

LOG = logging.getLogger("fedsky")
NO_HOME = "fedsky-cache"
CACHE_GB = 10.0  # 10**9 bytes; what all entries of a cache may take together


@dataclass(frozen=True)
class Photos:
    """Labelled photographs.

    pixels: uint8 [n, 3, size, size], RGB, mapped read-only; labels: int64 [n], indices into classes; names: one per
    photograph, unique; fingerprint: 16 hexadecimal digits of a SHA-256 over all of it. Data whose owners are given
    rather than cut name their parts in owners. Other data than photographs, such as points [n, features], are floats.
    groups: int64 [n], equal for photographs that must have one owner and fall into one part, numbered by the first
    member; None where each stands alone. declared: whose each photograph is, for partition=natural, its part and when
    it was taken, where somebody says so. broken: files left out, with the reason; notes: what else a person should
    know, one line each.
    """

    pixels: NDArray[Any]
    labels: NDArray[np.int64]
    names: Sequence[str]
    classes: Sequence[str]
    fingerprint: str
    owners: Sequence[Owner] | None = None
    groups: NDArray[np.int64] | None = None
    broken: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    declared: Declared | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_size(self) -> int | None:
        """Pixels a side; None of points."""
        return int(self.pixels.shape[-1]) if self.pixels.ndim == 4 else None


def owned(parts: Sequence[tuple[Part, Part, Part]], classes: Sequence[str]) -> Photos:
    """Points that come with their owners: the training, validation and test part of each; float32."""
    names, pixels, labels = [], [], []
    owners, place = [], 0
    for client, own in enumerate(parts):
        indices = []
        for name, (points, classified) in zip(("train", "validation", "test"), own, strict=True):
            names += [f"{client}-{name}-{number}" for number in range(len(points))]
            pixels.append(np.asarray(points, dtype=np.float32))
            labels.append(np.asarray(classified, dtype=np.int64))
            indices.append(np.arange(place, place := place + len(points), dtype=np.int64))
        owners.append(Owner(indices[0], indices[1], indices[2]))
    stack, label = np.concatenate(pixels), np.concatenate(labels)
    return Photos(stack, label, names, classes, _fingerprint(classes, names, label, stack), owners)


def cache_folder(cache: str | None) -> Path:
    """The folder of decoded photographs: the one asked for, else fedsky's in the user's cache folder.

    Without such a folder, of a container's user that has no home or may not write there, one in the current folder.
    """
    if cache is not None:
        return remedies.in_full(cache)
    users = Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"))
    if not users.is_absolute() or not _may_write(users / "fedsky"):
        return Path(NO_HOME).absolute()
    return users / "fedsky"


def settled_cache(cache: str | None) -> str | None:
    """``cache`` as every process of a run is to be told of it: in full, or None for each user's own cache folder."""
    folder = cache_folder(cache)
    return str(folder.absolute()) if cache is not None or folder.name == NO_HOME else None


def _may_write(folder: Path) -> bool:
    """Whether a folder may be written, or made where it is missing."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


@dataclass(frozen=True)
class Decoded:
    """What a cache entry is made of: the photographs, and Photos' groups, broken and notes."""

    rows: Iterable[Row]
    groups: NDArray[np.int64] | None = None
    broken: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def cached(
    folder: Path,
    key: str,
    classes: Sequence[str],
    make: Callable[[], Iterable[Row] | Decoded],
    max_gb: float | None = CACHE_GB,
) -> Photos:
    """The photographs of ``key``, made once; not removed while their pixels are in use.

    The folder appears by rename, so that a process killed in between leaves no half of a cache, and of two processes
    that build it the first one wins. After that the entries unused for longest go until the cache holds ``max_gb``
    (10**9 bytes; None: no bound).
    """
    home = folder / key
    made = False
    while (handle := _held(home)) is None:
        handle, made = _build(home, classes, make), True
        if handle is not None:
            break
    try:
        photos = _load(home)
    except BaseException:
        os.close(handle)
        raise
    weakref.finalize(photos.pixels, os.close, handle)
    with suppress(OSError):  # another user's cache
        os.utime(home)
    if made and max_gb is not None:
        trim(folder, max_gb * GIGABYTE)
    return photos


def _held(home: Path) -> int | None:
    with _named(home):
        return hold(home)


def _build(home: Path, classes: Sequence[str], make: Callable[[], Iterable[Row] | Decoded]) -> int | None:
    """The hold on a new entry; None where another process was quicker."""
    with _named(home.parent):
        home.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=home.parent, prefix=draft_prefix(home.name)))
    if home.parent.name == NO_HOME:
        LOG.info("no home folder to keep decoded photographs in: they are in %s; see data.cache", home.parent)
    handle = hold(draft)
    assert handle is not None
    try:
        made = make()
        _write(draft, classes, made if isinstance(made, Decoded) else Decoded(made))
        draft.chmod(0o755)  # other users of one cache read it too
        draft.rename(home)
    except BaseException as error:
        os.close(handle)
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError) and error.filename == str(draft) and home.is_dir():
            return None
        raise
    return handle


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Has an error of the system name the setting by which the cache goes elsewhere."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # numpy's, which knows only that it wrote less than it had
            error.errno, error.strerror = errno.ENOSPC, os.strerror(errno.ENOSPC)
        error.filename = error.filename or str(folder)
        told = remedies.told(error, "name another folder by data.cache=FOLDER")
        raise ValueError(f"decoded photographs cannot be kept: {told}") from error


def _load(home: Path) -> Photos:
    try:
        index = json.loads((home / "index.json").read_text(encoding="utf-8"))
        return Photos(
            np.load(home / "pixels.npy", mmap_mode="r"),
            np.load(home / "labels.npy"),
            tuple(index["names"]),
            tuple(index["classes"]),
            index["fingerprint"],
            groups=None if index.get("groups") is None else np.array(index["groups"], dtype=np.int64),
            broken=index.get("broken", {}),
            notes=tuple(index.get("notes", ())),
        )
    except (FileNotFoundError, EOFError, LookupError, ValueError) as error:
        why = "no index.json" if isinstance(error, FileNotFoundError) else error
        raise ValueError(f"the cache {home} is damaged ({why}): remove it") from error


def _write(folder: Path, classes: Sequence[str], made: Decoded) -> None:
    names, labels, pixels = zip(*made.rows, strict=True)
    stack = np.stack(pixels)
    label = np.asarray(labels, dtype=np.int64)
    fingerprint = _fingerprint(classes, names, label, stack)
    index = {
        "classes": list(classes),
        "names": names,
        "fingerprint": fingerprint,
        "groups": None if made.groups is None else made.groups.tolist(),
        "broken": dict(made.broken),
        "notes": list(made.notes),
    }
    arrays = {"pixels.npy": stack, "labels.npy": label}
    for name in (*arrays, "index.json"):
        with _named(folder), (folder / name).open("wb") as file:
            if name in arrays:
                np.save(file, arrays[name])
            else:
                file.write(json.dumps(index).encode())
            file.flush()
            os.fsync(file.fileno())  # a rename may reach the disk before what it renames


def _fingerprint(classes: Sequence[str], names: Sequence[str], labels: NDArray[np.int64], pixels: NDArray[Any]) -> str:
    digest = hashlib.sha256(json.dumps([list(classes), names, pixels.shape]).encode())
    digest.update(labels.tobytes())
    digest.update(pixels.tobytes())
    return digest.hexdigest()[:16]
