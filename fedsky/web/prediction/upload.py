"""Reads an uploaded photograph so that nothing of the file but its pixels goes on, and nothing touches the disk.

Size, then the first bytes against an allow-list of formats, then the picture's extent before a pixel is decoded, then
``verify`` and a second opening, one frame, upright by EXIF, RGB, at most ``KEPT_SIDE`` a side. A JPEG in one pass may
have as many pixels as phones give it, as it is decoded at an eighth at the least. What is shown or kept is encoded
anew, without metadata (where a photograph was taken is personal data).

Pillow's warnings and bound are off while a file is read. That switch belongs to the whole process, so ``read`` is
called in the prediction worker, which does one thing at a time, or in a test.
"""

import io
import struct

from PIL import Image

from fedsky.data.picture import FAULTS, orientation, quiet, upright
from fedsky.language import N_, _
from fedsky.web.settings import Settings

MAX_BYTES = Settings.max_upload_bytes
MAX_PIXELS, MAX_SIDE = 24_000_000, 8192  # of a picture that is decoded whole
JPEG_PIXELS, JPEG_SIDE = 210_000_000, 20_000  # of a JPEG that is decoded in one pass, so that memory holds a part of it
JPEG_SCANS = 8  # of such a JPEG with the small pictures in it
MIN_SIDE = 16  # pixels
MAX_SCANS = 64  # of a progressive JPEG, which costs a pass over all its pixels each; cameras write about ten
KEPT_SIDE = 1024  # pixels
QUALITY = 88  # of the JPEG that is shown or kept

NAMES = "JPEG, PNG, WebP"
TOO_LARGE = N_("This photograph needs too much memory: make it smaller and try again.")


class RefusedError(ValueError):
    """An upload that is refused, with the HTTP status that says so: 413 too large, 415 wrong type, 422 unreadable."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def kind(content: bytes) -> str | None:
    """The format that the first bytes announce, "JPEG", "PNG" or "WEBP"; None for any other file."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    return None


def read(content: bytes) -> Image.Image:
    """The photograph, upright, RGB, at most ``KEPT_SIDE`` pixels a side; RefusedError in one sentence otherwise."""
    check_size(len(content))
    found = kind(content)
    if found is None:
        raise RefusedError(
            415, _("This file is not a photograph in {formats}: choose another one, or save it as JPEG.", formats=NAMES)
        )
    if found == "WEBP":  # Pillow makes room for all pixels before it tells how many there are
        _check_extent(*_webp_extent(content))
    if found == "JPEG" and content.count(b"\xff\xda") > MAX_SCANS:
        raise RefusedError(
            422, _("This JPEG is in more than {n} parts: save it again, as an ordinary JPEG.", n=MAX_SCANS)
        )
    try:
        with quiet(JPEG_PIXELS):
            return _decode(content, found)
    except RefusedError:
        raise
    except MemoryError as error:
        raise RefusedError(413, _(TOO_LARGE)) from error
    except Image.DecompressionBombError as error:
        raise RefusedError(413, _(TOO_LARGE)) from error
    except (OSError, *FAULTS) as error:
        raise RefusedError(
            422, _("This {format} file is broken or incomplete: save or send it again.", format=found)
        ) from error


def check_size(num_bytes: int) -> None:
    """Refuses a file that is empty or above ``MAX_BYTES``."""
    if num_bytes == 0:
        raise RefusedError(422, _("This file is empty: choose a photograph."))
    if num_bytes > MAX_BYTES:
        raise RefusedError(
            413, _("This file is larger than {n} MB: make the photograph smaller.", n=MAX_BYTES // 2**20)
        )


def _check_extent(width: int, height: int, most: int = MAX_PIXELS, side: int = MAX_SIDE) -> None:
    if width * height > most or max(width, height) > side:
        raise RefusedError(
            413,
            _(
                "This photograph has {width} x {height} pixels: at most {millions} million, {side} a side, are taken.",
                width=width,
                height=height,
                millions=most // 10**6,
                side=side,
            ),
        )
    if min(width, height) < MIN_SIDE:
        raise RefusedError(
            422,
            _(
                "This photograph has {width} x {height} pixels: {side} a side are needed.",
                width=width,
                height=height,
                side=MIN_SIDE,
            ),
        )


def _webp_extent(content: bytes) -> tuple[int, int]:
    """Width and height that a WebP's first chunk states (RFC 9649, sections 2.5 to 2.7)."""
    chunk, head = content[12:16], content[20:30]
    if chunk == b"VP8X" and len(head) == 10:
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if chunk == b"VP8L" and len(head) >= 5:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and len(head) == 10:
        width, height = struct.unpack("<HH", head[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise RefusedError(422, _("This {format} file is broken or incomplete: save or send it again.", format="WEBP"))


def _decode(content: bytes, found: str) -> Image.Image:
    with Image.open(io.BytesIO(content), formats=[found]) as first:
        if found == "JPEG" and not first.info.get("progressive") and content.count(b"\xff\xda") <= JPEG_SCANS:
            _check_extent(*first.size, JPEG_PIXELS, JPEG_SIDE)
        else:
            _check_extent(*first.size)
        first.verify()
    with Image.open(io.BytesIO(content), formats=[found]) as image:
        # A camera's JPEG may carry a second picture (depth, gain): the first is the photograph.
        if found != "JPEG" and getattr(image, "n_frames", 1) > 1:
            raise RefusedError(422, _("This picture moves: send one still photograph."))
        picture: Image.Image = image
        if image.mode in ("1", "P"):  # which cannot be resized but by leaving pixels out
            picture = image.convert("RGBA" if image.has_transparency_data else "RGB")
        # Loads it, too; a JPEG is decoded at a half, a quarter or an eighth where that is enough.
        picture.thumbnail((KEPT_SIDE, KEPT_SIDE), Image.Resampling.BICUBIC)
        return _clean(to_rgb(upright(picture, orientation(image))))


def to_rgb(picture: Image.Image) -> Image.Image:
    """A picture in RGB: 16 bits scaled to 8 (Pillow would clip them to white), transparency on white."""
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point([value / 256 for value in range(65536)], "L")
    elif picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def _clean(picture: Image.Image) -> Image.Image:
    """The pixels alone: an image that carries nothing of the file that they came from."""
    return Image.frombytes("RGB", picture.size, picture.tobytes())


def to_jpeg(picture: Image.Image) -> bytes:
    """The picture as a JPEG without metadata."""
    buffer = io.BytesIO()
    _clean(picture).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()
