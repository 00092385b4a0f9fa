"""JPEG files whose EXIF header is strange, and whether it still tells that the picture is to be turned."""

import io
import struct

from PIL import Image


def segment(content: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def with_exif(*segments: bytes) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).save(file, "JPEG")
    return file.getvalue()[:2] + b"".join(map(segment, segments)) + file.getvalue()[2:]


def tiff(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "ACME"
    return exif.tobytes().removeprefix(b"Exif\0\0")


HEADER = b"Exif\0\0"
EXIFS = {
    "once": (with_exif(HEADER + tiff(6)), True),
    "doubled header": (with_exif(HEADER * 2 + tiff(6)), True),
    "header three times": (with_exif(HEADER * 3 + tiff(6)), True),
    "twice": (with_exif(HEADER + tiff(6), HEADER + tiff(6)), True),
    "count of tags too large": (with_exif(HEADER + tiff(6)[:8] + b"\xff\xff" + tiff(6)[10:]), True),
    "cut off": (with_exif(HEADER + tiff(6)[:16]), False),
    "garbage": (with_exif(HEADER + b"no TIFF"), False),
    "empty": (with_exif(HEADER), False),
    "no such orientation": (with_exif(HEADER + tiff(0)), False),
}
