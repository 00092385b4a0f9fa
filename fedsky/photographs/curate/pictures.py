"""A collection as it lies on disk: every photograph with its label, its row of the manifest and its pixels."""

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fedsky.data.duplicates import Look, look
from fedsky.data.folder import FORMATS, BrokenError, list_files, square
from fedsky.data.folder import read as read_photograph

SIDE = 64  # pixels: features, hashes and thumbnails are made from the middle square of this size
MANIFEST = "manifest.csv"


@dataclass(frozen=True)
class Picture:
    """One photograph: file is its path inside the collection, with slashes; pixels uint8 [64, 64, 3], RGB.

    width and height are those of the upright photograph; look is what tells its copies.
    """

    file: str
    label: str
    row: dict[str, str]
    sha256: str
    width: int
    height: int
    num_bytes: int
    pixels: NDArray[np.uint8]
    look: Look


@dataclass(frozen=True)
class Collection:
    """What a folder holds.

    columns: those of its manifest (empty without one); broken: file, label and why, of each that cannot be read;
    unlisted: class folders' files that the manifest does not name.
    """

    root: Path
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    pictures: tuple[Picture, ...]
    broken: tuple[tuple[str, str, str], ...]
    unlisted: tuple[str, ...]

    @property
    def labels(self) -> NDArray[np.int64]:
        """Indices into classes, int64 [n]."""
        return np.array([self.classes.index(picture.label) for picture in self.pictures], dtype=np.int64)

    def rows(self) -> dict[str, dict[str, str]]:
        """The manifest's row of each file; without a manifest, what can be read from the file itself."""
        return {
            each.file: each.row
            or {"file": each.file, "label": each.label, "sha256": each.sha256, "width": str(each.width),
                "height": str(each.height)}
            for each in self.pictures
        }  # fmt: skip


def read(root: Path) -> Collection:
    """The collection of ``root``: its manifest.csv if it has one, else one folder a class; files in that order.

    ValueError where the manifest cannot be understood, or where no class has a readable photograph. A file that cannot
    be read is named in ``broken``, never raised.
    """
    if (root / MANIFEST).is_file():
        columns, rows = read_manifest(root / MANIFEST)
        found = [(row["file"], row["label"], row) for row in rows]
        named = {file for file, _, _ in found}
        beside = _on_disk(root, [label for _, label, _ in found])
        unlisted = tuple(file for file in beside if file not in named)
    else:
        columns, unlisted = (), ()
        found = [(f"{label}/{path.name}", label, {}) for label, paths in list_files(root).items() for path in paths]
    pictures: list[Picture] = []
    broken: list[tuple[str, str, str]] = []
    for file, label, row in found:
        try:
            pictures.append(_picture(root, file, label, row))
        except (ValueError, OSError) as error:
            broken.append((file, label, _why(error)))
    if not pictures:
        raise ValueError(f"{root} holds no readable photograph ({len(broken)} broken): add some")
    classes = tuple(sorted({label for _, label, _ in found}))
    return Collection(root, classes, columns, tuple(pictures), tuple(broken), unlisted)


def read_manifest(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The columns and rows of a manifest; ValueError with its line where file or label is missing or unusable."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = tuple(reader.fieldnames or ())
            for needed in ("file", "label"):
                if needed not in columns:
                    raise ValueError(f"{path} has no column {needed}: its first line must name file and label")
            if len(set(columns)) < len(columns):
                raise ValueError(f"{path} names a column twice: name each once")
            rows, seen = [], Counter[str]()
            for row in reader:
                place = f"{path} line {reader.line_num}"
                if None in row or None in row.values():
                    raise ValueError(f"{place}: {len(columns)} fields are needed, as in its first line")
                check_file(row["file"], place)
                check_label(row["label"], place)
                seen[row["file"]] += 1
                if seen[row["file"]] > 1:
                    raise ValueError(f"{place}: {row['file']} stands there twice: keep one line")
                rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no CSV file in UTF-8 ({error}): save it as such") from error
    if not rows:
        raise ValueError(f"{path} names no photograph: add lines or remove the file")
    return columns, rows


def check_file(file: str, place: str) -> None:
    """Raises ValueError for a path that leads out of the collection."""
    path = PurePosixPath(file)
    if not file or path.is_absolute() or ".." in path.parts or "\\" in file or "\0" in file:
        raise ValueError(f"{place}: file {file!r} is no path inside the folder: write one such as sunny/a.jpg")


def check_label(label: str, place: str) -> None:
    """Raises ValueError for a label that cannot name a folder."""
    if not label or label.startswith(".") or label != label.strip() or any(c in label for c in '/\\:*?"<>|\0\n\r'):
        raise ValueError(f"{place}: label {label!r} cannot name a folder: write one such as sunny")


def _on_disk(root: Path, labels: list[str]) -> list[str]:
    return [
        f"{label}/{path.name}"
        for label in sorted(set(labels))
        if (root / label).is_dir()
        for path in sorted((root / label).iterdir())
        if path.suffix.lower() in FORMATS and not path.name.startswith(".") and path.is_file()
    ]


def _picture(root: Path, file: str, label: str, row: dict[str, str]) -> Picture:
    path = root / file
    content = path.read_bytes()
    upright = read_photograph(path)
    digest = hashlib.sha256(content).hexdigest()
    return Picture(file, label, row, digest, *upright.size, len(content), square(upright, SIDE), look(upright))


def _why(error: ValueError | OSError) -> str:
    if isinstance(error, BrokenError):
        return error.why
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    return " ".join(str(error.strerror if isinstance(error, OSError) and error.strerror else error).split())
