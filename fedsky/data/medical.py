"""MedMNIST's images by its authors' own loaders: medical, of two to eleven classes (Yang et al. 2023)."""

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fedsky import checks
from fedsky.data.declared import Declared
from fedsky.data.photos import Photos, Row, cache_folder, cached
from fedsky.data.sets import SIZES, rows, why
from fedsky.machine.remedies import in_full

VERSION = 1
RESOLUTIONS = (28, 64, 128, 224)  # pixels a side, each a file of its own
SPLITS = ("train", "val", "test")  # the authors' words for PARTS


def load(
    name: str,
    size: int = 28,
    resolution: int = 28,
    root: str | None = None,
    test: str = "official",
    cache: str | None = None,
) -> Photos:
    """A set with one label an image, in three channels, of ``size`` pixels a side; downloaded where it is missing.

    resolution: which of the authors' files. root: the folder that has it. test: the authors' own three parts
    (official), or all are cut anew (pooled).
    """
    try:
        from medmnist import INFO
    except ImportError as error:
        told = "data=medmnist needs medmnist, which is missing: python -m pip install 'fedsky[medmnist]'"
        raise ValueError(told) from error
    known = {key: about for key, about in INFO.items() if not key.endswith("3d") and "multi-label" not in about["task"]}
    checks.choice("data.name", name, tuple(known))
    checks.whole("data.size", size, *SIZES, of="pixels a side")
    checks.choice("data.resolution", resolution, RESOLUTIONS)
    checks.choice("data.test", test, ("official", "pooled"))
    about, mark = known[name], "" if resolution == RESOLUTIONS[0] else f"_{resolution}"
    folder = in_full(root) if root is not None else cache_folder(cache) / "sets"
    file = folder / f"{name}{mark}.npz"
    if not file.is_file():
        _fetch(about, resolution, file)
    stat = file.stat()
    key = hashlib.sha256(f"{VERSION} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[:12]
    classes = [str(about["label"][str(label)]) for label in range(len(about["label"]))]
    photos = cached(
        cache_folder(cache),
        f"{file.stem}-{size}-{key}",
        classes,
        lambda: list(_all(about, resolution, file, about[f"MD5{mark}"], size)),
    )
    if test == "pooled":
        return photos
    part = np.array([SPLITS.index(each.partition("-")[0]) for each in photos.names])
    return dataclasses.replace(photos, declared=Declared(part=part))


def _all(about: dict[str, Any], resolution: int, file: Path, md5: str, size: int) -> Iterator[Row]:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if digest != md5:  # the authors' loader looks at it after a download alone
        raise ValueError(
            f"{file} is not whole, or not the set's own (MD5 {digest}, not {md5}): remove it and have it downloaded "
            "anew, or name another folder by data.root"
        )
    for split in SPLITS:
        found = _made(about, split, resolution, file.parent, download=False)
        pixels = found.imgs[:, None] if found.imgs.ndim == 3 else found.imgs.transpose(0, 3, 1, 2)
        yield from rows(split, pixels, found.labels[:, 0], size)


def _fetch(about: dict[str, Any], resolution: int, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _made(about, SPLITS[0], resolution, file.parent, download=True)
    except Exception as error:  # of the network, of medmnist, of the system
        raise ValueError(
            f"data.name={file.stem.partition('_')[0]}: {file.parent} has no {file.name}, and it cannot be downloaded "
            f"({why(error.__context__ or error)}): name the folder that has it by data.root, or bring it from a "
            "machine with a network"
        ) from error


def _made(about: dict[str, Any], split: str, resolution: int, folder: Path, download: bool) -> Any:
    import medmnist

    return getattr(medmnist, about["python_class"])(split, root=str(folder), size=resolution, download=download)
