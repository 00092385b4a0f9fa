"""The field's image sets by torchvision's own loaders: CIFAR, MNIST and its kin, SVHN."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedsky import checks
from fedsky.data.declared import OPEN, Declared
from fedsky.data.manifest import PARTS
from fedsky.data.photos import Photos, Row, cache_folder, cached
from fedsky.machine.remedies import in_full

VERSION = 1
SIZES = (8, 224)  # pixels a side
CHUNK = 500  # images that are resized at a time
# Where torchvision keeps the files of a set below data.root.
PLACES = {
    "CIFAR10": "cifar-10-batches-py/*",
    "CIFAR100": "cifar-100-python/*",
    "MNIST": "MNIST/raw/*",
    "FashionMNIST": "FashionMNIST/raw/*",
    "EMNIST": "EMNIST/raw/*",
    "SVHN": "*_32x32.mat",
}
VARIANTS = ("balanced", "byclass", "bymerge", "digits", "letters", "mnist")


def load(
    name: str,
    size: int = 32,
    root: str | None = None,
    test: str = "official",
    variant: str = "balanced",
    cache: str | None = None,
) -> Photos:
    """A set of images with three channels, of ``size`` pixels a side; its files are downloaded where they are missing.

    root: the folder of its files, in the form in which torchvision keeps them. test: the official test images are
    tested on, and none else (official), or all are cut anew (pooled). variant: which EMNIST.
    """
    checks.choice("data.name", name, tuple(PLACES))
    checks.whole("data.size", size, *SIZES, of="pixels a side")
    checks.choice("data.test", test, ("official", "pooled"))
    checks.choice("data.variant", variant, VARIANTS)
    folder = in_full(root) if root is not None else cache_folder(cache) / "sets"
    if not any(folder.glob(PLACES[name])):
        _fetch(name, folder, variant)
    files = sorted(folder.glob(PLACES[name]))
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    told = f"{name}-{variant}" if name == "EMNIST" else name
    mark = hashlib.sha256(json.dumps([VERSION, stats]).encode()).hexdigest()[:12]
    classes = _classes(_open(name, folder, variant, False))
    photos = cached(
        cache_folder(cache), f"{told}-{size}-{mark}", classes, lambda: list(_all(name, folder, variant, size))
    )
    part = np.array([PARTS.index("test") if each.startswith("test") else OPEN for each in photos.names])
    return dataclasses.replace(photos, declared=Declared(part=part)) if test == "official" else photos


def _all(name: str, folder: Path, variant: str, size: int) -> Iterator[Row]:
    for part in ("train", "test"):
        found = _open(name, folder, variant, part == "train")
        pixels = np.asarray(found.data)
        if pixels.ndim == 3:  # grey; EMNIST's files have rows and columns exchanged
            pixels = (pixels.transpose(0, 2, 1) if name == "EMNIST" else pixels)[:, None]
        elif pixels.shape[-1] == 3:
            pixels = pixels.transpose(0, 3, 1, 2)
        yield from rows(part, pixels, np.asarray(found.labels if name == "SVHN" else found.targets), size)


def _classes(found: Any) -> list[str]:
    return [str(each) for each in getattr(found, "classes", range(10))]


def _open(name: str, folder: Path, variant: str, is_train: bool) -> Any:
    """torchvision's own data set; ValueError where its files are missing, damaged or not those of its authors."""
    try:
        return _made(name, folder, variant, is_train, download=False)
    except Exception as error:  # torchvision has no error of its own: RuntimeError, EOFError, pickle's, assertions
        raise ValueError(
            f"data.name={name}: the files in {folder} are not whole, or not the set's own ({why(error)}): remove them "
            "and have them downloaded anew, or name another folder by data.root"
        ) from error


def _fetch(name: str, folder: Path, variant: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _made(name, folder, variant, True, download=True)
        _made(name, folder, variant, False, download=True)
    except Exception as error:  # of the network, of torchvision, of the system
        raise ValueError(
            f"data.name={name}: {folder} has no {PLACES[name]}, and it cannot be downloaded ({why(error)}): name the "
            "folder that has it by data.root, or bring it from a machine with a network"
        ) from error


def _made(name: str, folder: Path, variant: str, is_train: bool, download: bool) -> Any:
    from torchvision import datasets

    settings: dict[str, Any] = {"train": is_train}
    if name == "SVHN":
        settings = {"split": "train" if is_train else "test"}
    elif name == "EMNIST":
        settings["split"] = variant
    return getattr(datasets, name)(str(folder), download=download, **settings)


def why(error: BaseException) -> str:
    """The reason of an error of somebody else's program, in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def rows(name: str, pixels: NDArray[Any], labels: NDArray[Any], size: int) -> Iterator[Row]:
    """Images uint8 [n, 1 or 3, side, side] as rows of three channels and ``size`` pixels a side."""
    import torch
    from torch.nn import functional as F

    for start in range(0, len(pixels), CHUNK):
        some = np.ascontiguousarray(pixels[start : start + CHUNK])
        if some.shape[-1] != size:
            wide = F.interpolate(
                torch.from_numpy(some).float(), (size, size), mode="bilinear", antialias=True, align_corners=False
            )
            some = wide.round_().clamp_(0, 255).to(torch.uint8).numpy()
        some = np.broadcast_to(some, (len(some), 3, size, size))
        for place, image in enumerate(some, start):
            yield f"{name}-{place:05d}", int(labels[place]), np.ascontiguousarray(image)
