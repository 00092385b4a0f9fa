"""Photographs on disk: one folder a class, two classes or more."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fedsky.data.photos import Photos, cache_folder, cached

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF",
           ".tiff": "TIFF"}  # fmt: skip
VERSION = 1  # of the decoded bytes: raise it when decode() changes what it returns


def load(root: str | None, size: int, cache: str | None = None) -> Photos:
    """The photographs under ``root/<class>/``, decoded and resized once to ``size`` pixels a side."""
    if root is None:
        raise ValueError("data=folder needs to know where the photographs are: add data.root=FOLDER")
    if not 16 <= size <= 512:
        raise ValueError(f"data.size={size}: photographs are resized to 16 to 512 pixels a side")
    files = list_files(Path(root).expanduser())
    classes = tuple(files)
    digest = hashlib.sha256(f"{VERSION} {size}".encode())
    for label, paths in files.items():
        for path in paths:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{label}/{path.name} {content}\n".encode())

    def make() -> Iterator[tuple[str, int, NDArray[np.uint8]]]:
        for label, paths in enumerate(files.values()):
            for path in paths:
                yield f"{classes[label]}/{path.name}", label, decode(path, size).transpose(2, 0, 1)

    return cached(cache_folder(cache), f"folder-{digest.hexdigest()[:16]}", classes, make)


def list_files(root: Path) -> dict[str, list[Path]]:
    """The image files of every class, classes and files in alphabetical order."""
    if not root.is_dir():
        raise ValueError(f"data.root={root} does not exist: name a folder that holds one folder of photographs a class")
    classes = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    if len(classes) < 2:
        found = ", ".join(path.name for path in classes) or "none"
        raise ValueError(f"data.root={root} holds {len(classes)} class folder ({found}): two or more are needed")
    files = {}
    for folder in classes:
        files[folder.name] = sorted(path for path in folder.iterdir() if path.suffix.lower() in FORMATS)
        if not files[folder.name]:
            raise ValueError(
                f"the class folder {folder} holds no photograph ({', '.join(sorted(FORMATS))}): "
                "add some or remove the folder"
            )
    return files


def decode(path: str | os.PathLike[str], size: int) -> NDArray[np.uint8]:
    """One photograph as uint8 [size, size, 3] RGB, upright by its EXIF orientation, transparency on white.

    The picture is resized to a square without keeping its proportions, so that no part of the sky is cut away.
    """
    try:
        with Image.open(path, formats=sorted(set(FORMATS.values()))) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no readable photograph ({error}): mend or remove the file") from error
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright)
    elif upright.mode.startswith("I") or upright.mode == "F":
        # 16-bit and float pictures: Pillow's own conversion would clip them to white.
        values = np.asarray(upright, dtype=np.float64)
        span = 65535.0 if values.max() > 255 else 255.0
        upright = Image.fromarray((values * (255.0 / span)).round().astype(np.uint8))
    rgb = upright.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(rgb)
