"""Photographs on disk: one folder a class, also within one folder an owner, or a manifest; two classes or more."""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedsky import checks
from fedsky.data import declared
from fedsky.data import manifest as manifests
from fedsky.data.duplicates import DISTANCE, group, look
from fedsky.data.listing import UNLISTED, LeftOut, list_files, unlisted
from fedsky.data.manifest import Row
from fedsky.data.photos import CACHE_GB, Decoded, Photos, cache_folder, cached
from fedsky.data.picture import BrokenError, is_file, read, square
from fedsky.machine.remedies import in_full

VERSION = 5  # of the decoded bytes: raise it when decode() changes what it returns
MODES = ("together", "drop", "keep")
LOG = logging.getLogger("fedsky")


def load(
    root: str | None,
    size: int,
    cache: str | None = None,
    manifest: str | bool | None = None,
    on_bad: str = "fail",
    duplicates: str = "together",
    distance: int = DISTANCE,
    cache_gb: float | None = CACHE_GB,
    num_classes: int = 2,
) -> Photos:
    """The photographs of ``manifest``, else of ``root/<class>/`` or ``root/<owner>/<class>/``, ``size`` pixels a side.

    num_classes: that there must be, at the least; 1 of an owner among others.
    on_bad: a broken file ends it (fail) or is left out (skip). duplicates: near duplicates form groups that keep one
    owner and one part (together), all but the first are left out (drop), or nobody looks for them (keep).
    """
    if root is None and not isinstance(manifest, str):
        raise ValueError("data=folder needs to know where the photographs are: add data.root=FOLDER")
    _check(size, on_bad, duplicates, distance, cache_gb)
    home = in_full(str(root)) if root is not None else in_full(str(manifest)).parent
    table = manifests.find(home, manifest)
    rows, left_out = _listed(home, num_classes) if table is None else _named(table, home, num_classes)
    settings = [VERSION, size, duplicates, None if duplicates == "keep" else distance]
    digest = hashlib.sha256(json.dumps(settings).encode())
    contents = [_content(row.path, on_bad) for row in rows]
    for row, content in zip(rows, contents, strict=True):
        digest.update(json.dumps([row.label, row.name, content]).encode())

    def make() -> Decoded:
        decoded = _decode_all(rows, size, on_bad, duplicates, distance)
        for row, content in zip(rows, contents, strict=True):  # else the cache would keep others under these names
            if _content(row.path, on_bad) != content:
                raise ValueError(
                    f"{row.path} was changed while the photographs were read: let that end, and begin again"
                )
        return decoded

    classes = sorted({row.label for row in rows})
    photos = cached(cache_folder(cache), f"folder-{digest.hexdigest()[:16]}", classes, make, cache_gb)
    if photos.broken:
        if on_bad == "fail":  # and the entry was made under skip
            name, why = next(iter(photos.broken.items()))
            raise _refusal(BrokenError(next(row.path for row in rows if row.name == name), why))
        told = "; ".join(f"{name} ({why})" for name, why in photos.broken.items())
        LOG.warning(
            "%d of %d files are broken and left out (data.on_bad=skip): %s", len(photos.broken), len(rows), told
        )
    for note in (*photos.notes, *filter(None, [str(left_out), _foreign_names(rows)])):
        LOG.warning("%s", note)
    by_name = {row.name: row for row in rows}
    own = [by_name[name] for name in photos.names]
    return dataclasses.replace(
        photos,
        groups=declared.joined(own, photos.groups),
        declared=declared.declared(own),
        fingerprint=declared.fingerprint(photos.fingerprint, own),
    )


def _check(size: int, on_bad: str, duplicates: str, distance: int, cache_gb: float | None) -> None:
    checks.whole("data.size", size, 16, 512, of="pixels a side")
    checks.choice("data.on_bad", on_bad, ("fail", "skip"))
    checks.choice("data.duplicates", duplicates, MODES)
    checks.whole("data.distance", distance, 0, 16, of="bits")
    if cache_gb is not None:
        checks.number("data.cache_gb", cache_gb, at_least=0, hint=", or null for no bound")


def _listed(root: Path, num_classes: int) -> tuple[list[Row], LeftOut]:
    """The photographs of the class folders, and what is not read there."""
    listing = list_files(root, num_classes)
    whose = listing.owners
    return [
        Row(label, name, path, whose.get(name, "")) for label, files in listing.files.items() for name, path in files
    ], listing.left_out


def _named(table: Path, root: Path, num_classes: int) -> tuple[list[Row], LeftOut]:
    """The photographs that a manifest names, and what lies beside them unnamed."""
    rows, dropped = manifests.read(table, root, num_classes)
    left_out = LeftOut()
    for name in unlisted(root, [row.label for row in rows], [*(row.name for row in rows), *dropped]):
        left_out.add(UNLISTED, name)
    return rows, left_out


def _foreign_names(rows: Sequence[Row]) -> str:
    """A line on names that are not UTF-8; empty where all are."""
    odd = [row.name for row in rows if not row.path.as_posix().endswith(row.name)]
    if not odd:
        return ""
    return (
        f"{len(odd)} {'names are' if len(odd) > 1 else 'name is'} not UTF-8 and written with %XX for each such byte, "
        f"first {odd[0]} (to rename them, for GBK: convmv -f gbk -t utf-8 -r --notest FOLDER)"
    )


def _content(path: Path, on_bad: str) -> str:
    """The SHA-256 of a file; empty where it cannot be read and that is no reason to end."""
    try:
        if not is_file(path):
            return ""  # a pipe, at which reading would wait; decoding says so
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        if on_bad == "skip":
            return ""
        why = error.strerror or str(error)
        raise OSError(f"{path} cannot be read ({why}): mend or remove it, or set data.on_bad=skip") from error


def _decode_all(rows: Sequence[Row], size: int, on_bad: str, duplicates: str, distance: int) -> Decoded:
    good, looks, broken = [], [], {}
    for row in rows:
        try:
            picture = read(row.path)
        except BrokenError as error:
            if on_bad == "fail":
                raise _refusal(error) from error
            broken[row.name] = error.why
            continue
        good.append((row, square(picture, size).transpose(2, 0, 1)))
        if duplicates != "keep":
            looks.append(look(picture))
    if empty := sorted({row.label for row in rows} - {row.label for row, _ in good}):
        raise ValueError(f"every file of the class {empty[0]} is broken: mend or remove them")
    groups = np.arange(len(good), dtype=np.int64) if duplicates == "keep" else group(looks, distance)
    notes = _conflicts([row for row, _ in good], groups)
    if duplicates == "drop":
        first = np.unique(groups, return_index=True)[1].tolist()
        if dropped := [good[i][0].name for i in sorted(set(range(len(good))) - set(first))]:
            notes.append(f"{len(dropped)} duplicates are left out (data.duplicates=drop): {'; '.join(dropped)}")
        good = [good[i] for i in first]
        groups = np.arange(len(good), dtype=np.int64)
        if empty := sorted({row.label for row in rows} - {row.label for row, _ in good}):
            raise ValueError(
                f"every photograph of the class {empty[0]} is a duplicate of another class's: set "
                "data.duplicates=together or mend the labels"
            )
    elif len(good) > (num := int(groups[-1:].size and groups.max() + 1)):
        notes.append(f"{len(good)} photographs are {num} different ones: duplicates stay together")
    label = {name: number for number, name in enumerate(sorted({row.label for row in rows}))}
    alone = len(np.unique(groups)) == len(groups)
    kept = [(row.name, label[row.label], pixels) for row, pixels in good]
    return Decoded(kept, None if alone else groups, broken, notes)


def _conflicts(rows: Sequence[Row], groups: NDArray[np.int64]) -> list[str]:
    """A line for every group of duplicates whose labels differ."""
    members: dict[int, list[Row]] = {}
    for row, number in zip(rows, groups.tolist(), strict=True):
        members.setdefault(number, []).append(row)
    return [
        "duplicates with unlike labels: " + ", ".join(f"{row.name} ({row.label})" for row in group)
        for group in members.values()
        if len({row.label for row in group}) > 1
    ]


def _refusal(error: BrokenError) -> ValueError:
    return ValueError(f"{error}, or leave it out with data.on_bad=skip")
