"""One photograph's file as RGB pixels, upright and within a bound of memory; what is wrong with it in one line.

A JPEG of more than ``WHOLE_PIXELS`` is decoded at a half, a quarter or an eighth (libjpeg's scaled decoding, Pillow's
draft mode), any other picture of that size whole and then averaged down; smaller ones keep every pixel. What would
take more than ``MEMORY_BYTES`` is refused before a pixel is decoded.
"""

import importlib.util
import logging
import math
import os
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError, features

FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp"), "JPEG"),
    **{".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"},
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIF"),
    ".avif": "AVIF",
}
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
REMEDIES = {"HEIF": "install pillow-heif: pip install 'fedsky[heif]'", "AVIF": "install a Pillow built with AVIF"}
WHOLE_PIXELS = 64_000_000  # up to which every pixel is decoded
REDUCED_PIXELS = 16_000_000  # at most, of what is larger
MEMORY_BYTES = 1_500_000_000  # that one photograph may take
# Bytes a pixel while it is decoded whole, measured, by Pillow's mode or where a decoder needs more; others five.
BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 8, "I": 16, "F": 16}
DECODERS = {"WEBP": 14, "HEIF": 10, "AVIF": 10}
STRIP = 256  # rows of a picture that are converted at a time
ORIENTATION, MAKE, MODEL = 0x0112, 0x010F, 0x0110  # of EXIF
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow and its decoders raise for a file that holds no picture, apart from OSError.
FAULTS = (
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it would tell of strange TIFFs, without the file's name


class BrokenError(ValueError):
    """A file that is not a readable photograph; why says so without the file's name and the remedy."""

    def __init__(self, path: str | os.PathLike[str], why: str) -> None:
        super().__init__(f"{path} is not a readable photograph ({why}): mend or remove the file")
        self.why = why


@cache
def readable() -> frozenset[str]:
    """The formats that can be read here, as Pillow calls them: HEIF needs pillow-heif, AVIF a Pillow built with it."""
    found = set(FORMATS.values())
    if importlib.util.find_spec("pillow_heif") is None:
        found.remove("HEIF")
    if not features.check("avif"):
        found.remove("AVIF")
    return frozenset(found)


@cache
def _heif() -> None:
    """Makes Pillow read HEIF."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether it is an ordinary file, no pipe or device, at which reading would wait; OSError where there is none."""
    return stat.S_ISREG(os.stat(path).st_mode)


@contextmanager
def quiet(most_pixels: int = 10**9) -> Iterator[None]:
    """Within it Pillow does not warn, and refuses pictures above so many pixels at once. Not for threads.

    Its own bound knows nothing of draft mode. A WebP, which takes memory as soon as it is opened, has 268 million.
    """
    bound = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.MAX_IMAGE_PIXELS = most_pixels // 2  # of which Pillow refuses the double
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = bound


def read(path: str | os.PathLike[str], side: int | None = None) -> Image.Image:
    """The photograph in RGB, upright by its EXIF orientation, transparency on white; else BrokenError.

    side: pixels of the shorter side that are enough, so that a large JPEG is decoded at a half or less.
    """
    try:
        if not is_file(path):
            raise BrokenError(path, "it is not a file but a folder, a pipe or a device")
        if "HEIF" in readable():
            _heif()
        with quiet(), Image.open(path, formats=sorted(readable())) as image:
            return decoded(image, side)
    except BrokenError:
        raise
    except MemoryError as error:
        raise BrokenError(path, "the memory does not suffice") from error
    except (OSError, *FAULTS) as error:
        why = " ".join(str(error).split()).replace(repr(str(path)), "it")
        raise BrokenError(path, _foreign(path, error) or why) from error


def decoded(image: Image.Image, side: int | None = None) -> Image.Image:
    """An opened picture as ``read`` gives it; ValueError where it would take too much memory."""
    width, height = image.size
    is_large = width * height > WHOLE_PIXELS
    if side is not None:
        image.draft("RGB", (side, side))
    elif is_large:
        factor = 2 ** math.ceil(math.log2(width * height / REDUCED_PIXELS) / 2)
        image.draft("RGB", (width // factor, height // factor))
    left = max(1, math.ceil(math.sqrt(image.width * image.height / REDUCED_PIXELS))) if is_large else 1
    needed = memory(image, width * height, left)
    if needed > MEMORY_BYTES:
        raise ValueError(
            f"its {width} x {height} pixels would take {needed / 1e9:.1f} GB of memory, {MEMORY_BYTES / 1e9:g} are "
            "allowed: make it smaller"
        )
    image.load()
    made = upright(_rgb(image, left), orientation(image))
    made.info["reduced"] = is_large
    return made


def extent(path: str | os.PathLike[str], picture: Image.Image) -> tuple[int, int]:
    """Width and height of the photograph that a picture was read from, upright."""
    with quiet(), Image.open(path, formats=sorted(readable())) as image:
        width, height = image.size
    # Averaging rounds, so that only which side is longer tells whether the picture was turned.
    return (height, width) if (width > height) != (picture.width > picture.height) else (width, height)


def memory(image: Image.Image, pixels: int, left: int = 1) -> float:
    """Bytes that decoding an opened picture takes; pixels: those of the file, left: the factor of averaging down."""
    own = image.width * image.height
    mode = "I;16" if image.mode.startswith("I;16") else image.mode
    taken = own * DECODERS.get(str(image.format), BYTES.get(mode, 5))
    if image.info.get("progressive"):  # libjpeg keeps the coefficients of the whole picture, two bytes each
        parts = [part[1] * part[2] for part in getattr(image, "layer", [])]
        taken += 2 * pixels * sum(parts) / max(parts, default=1)
    return taken + 4 * own / left**2


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of a picture, 1 to 8; 1 where it tells none, or its EXIF cannot be understood."""
    try:
        exif = image.getexif()
        header = b"Exif\0\0"
        content = image.info.get("exif")
        if ORIENTATION not in exif and isinstance(content, bytes) and content.startswith(2 * header):
            while content.startswith(header):  # some programs write it twice or more
                content = content.removeprefix(header)
            exif.load(header + content)
        found = exif.get(ORIENTATION, 1)
    except (OSError, *FAULTS):  # the pixels are there all the same
        return 1
    return found if found in UPRIGHT else 1


def upright(picture: Image.Image, orientation: int) -> Image.Image:
    """The picture turned as its orientation asks."""
    return picture if orientation == 1 else picture.transpose(UPRIGHT[orientation])


def _rgb(image: Image.Image, factor: int) -> Image.Image:
    """In RGB, and smaller by a whole factor, strip by strip: a large picture has no room for copies of itself."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    if factor == 1 and image.mode == "RGB" and not image.has_transparency_data:
        return image.copy()
    width, height, rows = image.width, image.height, STRIP * factor
    made = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(height, top + rows)))
        if strip.has_transparency_data:
            strip = strip.convert("RGBA")
            strip = Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip)
        strip = strip.convert("RGB")
        made.paste(strip.reduce(factor) if factor > 1 else strip, (0, top // factor))
    return made


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """Pictures of 16 bits and of floats in grey of 8: Pillow's own conversion would clip them to white."""
    values = np.asarray(picture)
    highest = max(float(np.nan_to_num(values[top : top + STRIP]).max()) for top in range(0, len(values), STRIP))
    wide = picture.mode.startswith("I;16") or highest > 255
    span = 65535.0 if wide else 1.0 if picture.mode == "F" and highest <= 1 else 255.0
    made = np.empty(values.shape, dtype=np.uint8)
    for top in range(0, len(values), STRIP):
        part = np.nan_to_num(values[top : top + STRIP].astype(np.float64))
        made[top : top + STRIP] = (part * (255.0 / span)).clip(0, 255).round()
    return Image.fromarray(made)


def _foreign(path: str | os.PathLike[str], error: Exception) -> str:
    """What else the file is and how to have it read; empty where that is not known."""
    if not isinstance(error, UnidentifiedImageError):
        return ""
    with open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] != b"ftyp":
        return "it is a GIF: save it as JPEG or PNG" if head.startswith(b"GIF8") else ""
    found = "AVIF" if head[8:11] == b"avi" else "HEIF" if head[8:12] in HEIF_BRANDS else ""
    if not found or found in readable():
        return ""
    name = "HEIC" if found == "HEIF" else found
    return f"it is a picture in {name}, whatever its name: {REMEDIES[found]}, or save it as JPEG"


def camera(path: str | os.PathLike[str]) -> str:
    """What EXIF says took a photograph, its maker and model; empty where that is not known or cannot be understood."""
    try:
        with Image.open(path) as image:
            exif = image.getexif()
            return " ".join("".join(map(str, (exif.get(MAKE, ""), " ", exif.get(MODEL, "")))).replace("\0", "").split())
    except (OSError, ValueError, SyntaxError, LookupError, TypeError, struct.error):
        return ""


def decode(path: str | os.PathLike[str], size: int) -> NDArray[np.uint8]:
    """One photograph as uint8 [size, size, 3] RGB, upright by its EXIF orientation, transparency on white.

    The largest square in the middle of the picture is kept.
    """
    return square(read(path), size)


def square(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """The largest square in the middle of an RGB picture, uint8 [size, size, 3]."""
    return np.asarray(ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC))
