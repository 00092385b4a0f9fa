"""Photographs on disk: one folder a class, two classes or more."""

import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fedsky.data.photos import Photos, cache_folder, cached

FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF",
           ".tiff": "TIFF"}  # fmt: skip
VERSION = 3  # of the decoded bytes: raise it when decode() changes what it returns


def load(root: str | None, size: int, cache: str | None = None) -> Photos:
    """The photographs under ``root/<class>/``, decoded and resized once to ``size`` pixels a side."""
    if root is None:
        raise ValueError("data=folder needs to know where the photographs are: add data.root=FOLDER")
    if not isinstance(size, int) or not 16 <= size <= 512:
        raise ValueError(f"data.size={size}: photographs are resized to 16 to 512 pixels a side, a whole number")
    files = list_files(Path(str(root)).expanduser())
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
        raise ValueError(
            f"data.root={root} holds {len(classes)} class folder{'s' * (not classes)} ({found}): two or more are needed"
        )
    files = {}
    for folder in classes:
        files[folder.name] = sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in FORMATS and not path.name.startswith(".") and not path.is_dir()
        )
        if not files[folder.name]:
            raise ValueError(
                f"the class folder {folder} holds no photograph ({', '.join(sorted(FORMATS))}): "
                "add some or remove the folder"
            )
    return files


def decode(path: str | os.PathLike[str], size: int) -> NDArray[np.uint8]:
    """One photograph as uint8 [size, size, 3] RGB, upright by its EXIF orientation, transparency on white.

    The largest square in the middle of the picture is kept.
    """
    try:
        with Image.open(path, formats=sorted(set(FORMATS.values()))) as image:
            image.load()
            rgb = _to_rgb(ImageOps.exif_transpose(image))
    except (
        OSError,
        SyntaxError,
        ValueError,
        LookupError,
        TypeError,
        struct.error,
        Image.DecompressionBombError,
    ) as error:
        why = " ".join(str(error).split()).replace(repr(str(path)), "it")
        raise ValueError(f"{path} is no readable photograph ({why}): mend or remove the file") from error
    return np.asarray(ImageOps.fit(rgb, (size, size), Image.Resampling.BICUBIC))


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I") or picture.mode == "F":
        # 16-bit and float pictures: Pillow's own conversion would clip them to white.
        values = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        wide = picture.mode.startswith("I;16") or values.max() > 255
        span = 65535.0 if wide else 1.0 if picture.mode == "F" and values.max() <= 1 else 255.0
        picture = Image.fromarray((values * (255.0 / span)).clip(0, 255).round().astype(np.uint8))
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")
