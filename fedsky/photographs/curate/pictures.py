"""A collection as it lies on disk: every photograph with its label, its row of the manifest and its pixels."""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fedsky.data import manifest as manifests
from fedsky.data.duplicates import Look, look
from fedsky.data.listing import UNLISTED, LeftOut, list_files, locate, unlisted
from fedsky.data.picture import BrokenError, camera, extent, is_file, square
from fedsky.data.picture import read as read_photograph

SIDE = 64  # pixels: features, hashes and thumbnails are made from the middle square of this size
MANIFEST = manifests.NAME


@dataclass(frozen=True)
class Picture:
    """One photograph: file is its name inside the collection, with slashes; pixels uint8 [64, 64, 3], RGB.

    path is where it lies. width and height are those of the upright photograph; look is what tells its copies. owner
    and camera are empty where nothing names them.
    """

    file: str
    path: Path
    label: str
    row: dict[str, str]
    sha256: str
    width: int
    height: int
    num_bytes: int
    pixels: NDArray[np.uint8]
    look: Look
    owner: str = ""
    camera: str = ""


@dataclass(frozen=True)
class Collection:
    """What a folder holds.

    columns: those of its manifest (empty without one); broken: file, label and why, of each that cannot be read;
    left_out: files that are not looked at, one line as training says it.
    """

    root: Path
    classes: tuple[str, ...]
    columns: tuple[str, ...]
    pictures: tuple[Picture, ...]
    broken: tuple[tuple[str, str, str], ...]
    left_out: LeftOut

    @property
    def labels(self) -> NDArray[np.int64]:
        """Indices into classes, int64 [n]."""
        return np.array([self.classes.index(picture.label) for picture in self.pictures], dtype=np.int64)

    @property
    def owners(self) -> tuple[str, ...]:
        """The names of those who own photographs, in alphabetical order; none where no owner is named."""
        return tuple(sorted({picture.owner for picture in self.pictures} - {""}))

    @property
    def whose(self) -> NDArray[np.int64]:
        """Indices into owners, int64 [n]; -1 of a photograph without one."""
        place = {name: number for number, name in enumerate(self.owners)}
        return np.array([place.get(picture.owner, -1) for picture in self.pictures], dtype=np.int64)

    def rows(self) -> dict[str, dict[str, str]]:
        """The manifest's row of each file; without a manifest, what can be read from the file itself."""
        return {
            each.file: each.row
            or {
                "file": each.file,
                "label": each.label,
                "sha256": each.sha256,
                "width": str(each.width),
                "height": str(each.height),
            }
            | ({"owner": each.owner} if each.owner else {})
            for each in self.pictures
        }


def read(root: Path) -> Collection:
    """The collection of ``root``: its manifest.csv if it has one, else one folder a class; files in that order.

    ValueError where the manifest cannot be understood, or where no class has a readable photograph. A file that cannot
    be read is named in ``broken``, never raised.
    """
    columns: tuple[str, ...] = ()
    left_out = LeftOut()
    if (root / MANIFEST).is_file():
        columns, rows = read_manifest(root / MANIFEST)
        owners = {row["file"]: row.get(manifests.OWNER, "").strip() for row in rows}
        found = [(row["file"], locate(root, row["file"]), row["label"], row) for row in rows]
        for name in unlisted(root, [row["label"] for row in rows], [row["file"] for row in rows]):
            left_out.add(UNLISTED, name)
    else:
        listing = list_files(root)
        left_out, owners = listing.left_out, listing.owners
        found = [(*file, label, {}) for label, files in listing.files.items() for file in files]
    pictures: list[Picture] = []
    broken: list[tuple[str, str, str]] = []
    for file, path, label, row in found:
        try:
            pictures.append(_picture(path, file, label, row, owners.get(file, "")))
        except (ValueError, OSError) as error:
            broken.append((file, label, _why(error)))
    if not pictures:
        raise ValueError(f"{root} holds no readable photograph ({len(broken)} broken): add some")
    classes = tuple(sorted({label for _, _, label, _ in found}))
    return Collection(root, classes, columns, tuple(pictures), tuple(broken), left_out)


def read_manifest(path: Path) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The columns and rows of a manifest; ValueError with its line where file or label is missing or unusable."""
    table = manifests.lines(path)
    rows: dict[str, dict[str, str]] = {}
    for line in table.lines:
        place = f"{path} line {line.number}"
        row = line.cells | {name: line.cells[name].strip() for name in ("file", "label")}
        check_file(row["file"], place)
        check_label(row["label"], place)
        if row["file"] in rows:
            raise ValueError(f"{place}: {row['file']} stands there twice: keep one line")
        rows[row["file"]] = row
    if not rows:
        raise ValueError(f"{path} names no photograph: add lines or remove the file")
    return table.columns, list(rows.values())


def check_file(file: str, place: str) -> None:
    """Raises ValueError for a path that leads out of the collection."""
    path = PurePosixPath(file)
    if not file or path.is_absolute() or ".." in path.parts or "\\" in file or "\0" in file:
        raise ValueError(f"{place}: file {file!r} is not a path inside the folder: write one such as sunny/a.jpg")


def check_label(label: str, place: str) -> None:
    """Raises ValueError for a label that cannot name a folder."""
    if not label or label.startswith(".") or label != label.strip() or any(c in label for c in '/\\:*?"<>|\0\n\r'):
        raise ValueError(f"{place}: label {label!r} cannot name a folder: write one such as sunny")


def _picture(path: Path, file: str, label: str, row: dict[str, str], owner: str) -> Picture:
    is_file(path)  # which says that it is not there, where it is not
    upright = read_photograph(path)
    content = path.read_bytes()
    size = extent(path, upright) if upright.info.get("reduced") else upright.size
    digest = hashlib.sha256(content).hexdigest()
    return Picture(
        file, path, label, row, digest, *size, len(content), square(upright, SIDE), look(upright), owner, camera(path)
    )


def _why(error: ValueError | OSError) -> str:
    if isinstance(error, BrokenError):
        return error.why
    if isinstance(error, FileNotFoundError):
        return "the file is not there"
    return " ".join(str(error.strerror if isinstance(error, OSError) and error.strerror else error).split())
