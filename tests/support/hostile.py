"""Hostile uploads, drawn from a seed: bombs, polyglots, truncations, wrong types, odd names, mutated bytes."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
from PIL import Image, PngImagePlugin

PNG = b"\x89PNG\r\n\x1a\n"
NAMES = (
    "sky.jpg", "../../etc/passwd", "..%2f..%2fx.jpg", "x\x00.jpg", "\u202egpj.exe", "a" * 4096 + ".jpg", "", ".",
    "con.jpg", "C:\\x.jpg", "<script>alert(1)</script>.jpg", 'a"; filename="b.jpg', "a\r\nX-Evil: 1.jpg", "$(id).jpg",
    "sky.php", "sky.svg", "\u5929\u7a7a.jpg", "/proc/self/environ", "file:///etc/passwd", "{{7*7}}.png",
)  # fmt: skip
TYPES = ("image/jpeg", "image/png", "image/webp", "text/html", "image/svg+xml", "application/octet-stream", "", "x/y;q")


@dataclass(frozen=True)
class Case:
    """One upload; ``taken`` says whether it must be taken (True), refused (False) or either (None)."""

    kind: str
    content: bytes
    taken: bool | None = False
    filename: str = "sky.jpg"
    media_type: str = "image/jpeg"


def picture(rng: np.random.Generator, width: int = 320, height: int = 240, mode: str = "RGB") -> Image.Image:
    """A smooth picture with a little noise, as a photograph has them."""
    rows = np.linspace(90, 230, height)[:, None, None] * np.array([0.7, 0.85, 1.0])
    pixels = rows + rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def encode(image: Image.Image, format: str, **options: object) -> bytes:
    """A picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """A PNG chunk with its right checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, data: bytes, *before: bytes, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG of the given extent whose pixels are whatever ``data`` inflates to."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return PNG + head + b"".join(before) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def zeros(num_bytes: int) -> bytes:
    """A deflate stream of that many zero bytes, a thousandth as long."""
    packer = zlib.compressobj(9)
    block = bytes(2**20)
    parts = [packer.compress(block) for _ in range(num_bytes // len(block))]
    return b"".join([*parts, packer.compress(bytes(num_bytes % len(block))), packer.flush()])


def scans(jpeg: bytes, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated: each costs a pass over all pixels."""
    start = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[start:-2] * count + jpeg[-2:]


def bombs(rng: np.random.Generator) -> Iterator[Case]:
    """Files that are small and unpack to much."""
    text = zeros(100 * 2**20)
    for width, height in ((60000, 60000), (20000, 20000), (8193, 200), (5000, 5000), (2**31 - 1, 2**31 - 1), (0, 0)):
        yield Case(f"bomb: PNG {width} x {height}", png(width, height, zeros(2**20)))
    yield Case("bomb: PNG of 6000 x 5000 pixels, all there", png(6000, 5000, zeros(5000 * 18001)))
    yield Case("bomb: PNG that inflates to far more than its pixels", png(64, 64, zeros(300 * 2**20)), taken=None)
    yield Case("bomb: zTXt", png(64, 64, zeros(64 * 193), chunk(b"zTXt", b"k\0\0" + text)), taken=None)
    yield Case("bomb: iTXt", png(64, 64, zeros(64 * 193), chunk(b"iTXt", b"k\0\1\0\0\0" + text)), taken=None)
    yield Case("bomb: iCCP", png(64, 64, zeros(64 * 193), chunk(b"iCCP", b"k\0\0" + text)), taken=None)
    small = encode(picture(rng), "JPEG")
    frame = small.index(b"\xff\xc0")
    for height, width in ((65500, 65500), (1, 65500), (20000, 20000)):
        yield Case(
            f"bomb: JPEG {width} x {height}",
            small[: frame + 5] + struct.pack(">HH", height, width) + small[frame + 9 :],
        )
    progressive = encode(Image.new("RGB", (5900, 4000), "navy"), "JPEG", progressive=True)
    yield Case("bomb: JPEG in 100 scans", scans(progressive, 100))
    for flag in (b"VP8X", b"VP8L", b"VP8 "):
        yield Case(f"bomb: WebP {flag.decode()} 16383 x 16383", _webp_bomb(flag))
    yield Case("bomb: WebP, all of 5500 x 5500", encode(Image.new("RGB", (5500, 5500)), "WEBP", quality=1))
    yield Case("large: JPEG of 24 megapixels", encode(Image.new("RGB", (6000, 4000), "navy"), "JPEG"), taken=True)
    yield Case("large: PNG of 24 megapixels with alpha", encode(Image.new("RGBA", (6000, 4000)), "PNG"), taken=True)
    yield Case("large: above the limit", encode(picture(rng), "JPEG") + bytes(17 * 2**20))


def _webp_bomb(flag: bytes) -> bytes:
    side = 16383
    if flag == b"VP8X":
        head = bytes(4) + (side - 1).to_bytes(3, "little") * 2
    elif flag == b"VP8L":
        head = b"\x2f" + ((side - 1) | (side - 1) << 14).to_bytes(4, "little") + bytes(40)
    else:
        head = b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", side, side) + bytes(40)
    body = b"WEBP" + flag + struct.pack("<I", len(head)) + head + (b"" if len(head) % 2 == 0 else b"\0")
    return b"RIFF" + struct.pack("<I", len(body)) + body


def polyglots(rng: np.random.Generator) -> Iterator[Case]:
    """Files that are two things at once, or only say that they are photographs."""
    jpeg, flat = encode(picture(rng), "JPEG"), encode(picture(rng), "PNG")
    for name, tail in (
        ("script", b"<script>alert(1)</script>"),
        ("zip", b"PK\x03\x04" + bytes(200)),
        ("PHP", b"<?php system('id');"),
    ):
        yield Case(f"polyglot: JPEG and {name}", jpeg + tail, taken=True)
        yield Case(f"polyglot: PNG and {name}", flat + tail, taken=True, media_type="image/png")
    comment = b"\xff\xfe" + struct.pack(">H", 27) + b"<script>alert(1)</script>"
    yield Case("polyglot: JPEG with a script as its comment", jpeg[:2] + comment + jpeg[2:], taken=True)
    for name, content in (
        ("SVG", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'), ("HTML", b"<html><script>1</script>"),
        ("PHP", b"<?php phpinfo();"), ("PDF", b"%PDF-1.7\n"), ("ELF", b"\x7fELF" + bytes(60)), ("empty", b""),
        ("PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run"), ("zip", b"PK\x05\x06" + bytes(18)),
        ("XBM", b"#define x_width 9\n#define x_height 9\nstatic char x_bits[] = {0};"), ("shell", b"#!/bin/sh\nid"),
        ("pickle", b"\x80\x04cos\nsystem\n(S'id'\ntR."), ("FITS", b"SIMPLE  =                    T"), ("XML", b"<?xml"),
        ("one byte", b"\xff"), ("JPEG's first bytes alone", b"\xff\xd8\xff"), ("PNG's first bytes alone", PNG),
        ("WebP's first bytes alone", b"RIFF\x04\0\0\0WEBP"), ("newlines", b"\n" * 1000), ("zeros", bytes(10_000)),
    ):  # fmt: skip
        yield Case(f"not a photograph: {name}", content)
    for format in ("GIF", "TIFF", "BMP", "PPM", "ICO", "TGA", "JPEG2000", "AVIF", "PDF", "EPS"):
        try:
            yield Case(f"another format: {format}", encode(picture(rng, 64, 64), format))
        except (KeyError, OSError):  # this Pillow does not write it
            continue
    frames = [picture(rng, 64, 64) for _ in range(3)]
    for format in ("PNG", "WEBP"):
        yield Case(f"moving {format}", encode(frames[0], format, save_all=True, append_images=frames[1:], duration=50))


def odd(rng: np.random.Generator) -> Iterator[Case]:
    """Rare but right files, and metadata that mean harm or personal data."""
    for mode, format in (
        ("L", "JPEG"), ("CMYK", "JPEG"), ("1", "PNG"), ("P", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"), ("I;16", "PNG"),
        ("L", "PNG"), ("RGBA", "WEBP"), ("RGB", "WEBP"),
    ):  # fmt: skip
        image = picture(rng, mode="L" if mode == "I;16" else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        yield Case(f"rare: {mode} as {format}", encode(image, format), taken=True)
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
        yield Case(f"rare: EXIF orientation {orientation}", encode(picture(rng), "JPEG", exif=exif), taken=True)
    jpeg = encode(picture(rng), "JPEG")
    for length in (4, 20, 200, 60000):
        junk = b"Exif\0\0" + rng.bytes(length)
        segment = b"\xff\xe1" + struct.pack(">H", len(junk) + 2) + junk
        yield Case(f"broken EXIF of {length} bytes", jpeg[:2] + segment + jpeg[2:], taken=None)
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "<script>alert(1)</script>" * 100)
    yield Case("script as a PNG's text", encode(picture(rng), "PNG", pnginfo=info), taken=True)
    flat = encode(picture(rng, 64, 64), "PNG")
    data = flat.index(b"IDAT")
    yield Case("PNG with a wrong checksum", flat[:-20] + bytes([flat[-20] ^ 1]) + flat[-19:], taken=None)
    yield Case("PNG without its end", flat[:-12], taken=None)
    yield Case("PNG with no pixels", flat[: data - 4] + chunk(b"IEND", b""))
    yield Case("PNG with two heads", flat[:33] + flat[8:], taken=None)
    yield Case("PNG with a chunk of 2 GB", flat[: data - 4] + b"\x7f\xff\xff\xff" + flat[data:], taken=None)
    yield Case("tiny", encode(picture(rng, 4, 4), "PNG"))
    yield Case("a line", encode(picture(rng, 8000, 16), "PNG"), taken=True)


def truncated(rng: np.random.Generator) -> Iterator[Case]:
    """Files that end too early, at each tenth."""
    for format, options in (("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {})):
        whole = encode(picture(rng), format, **options)
        for tenth in range(1, 10):
            # Of a progressive JPEG or a WebP the first part may be a whole, coarser picture.
            yield Case(f"truncated {format} {tenth}/10", whole[: len(whole) * tenth // 10], taken=None)


def mutated(rng: np.random.Generator) -> Iterator[Case]:
    """Photographs in which some bytes are others; without end."""
    wholes = [
        encode(picture(rng, 200, 150), format, **options)
        for format, options in (("JPEG", {}), ("PNG", {}), ("WEBP", {}), ("JPEG", {"progressive": True}))
    ]
    while True:
        for whole in wholes:
            content = np.frombuffer(whole, np.uint8).copy()
            span = len(content) if rng.random() < 0.5 else min(len(content), 700)  # the head matters most
            where = rng.integers(0, span, int(rng.integers(1, 60)))
            content[where] = rng.integers(0, 256, len(where))
            yield Case("mutated bytes", content.tobytes(), taken=None)


FAMILIES: tuple[Callable[[np.random.Generator], Iterator[Case]], ...] = (bombs, polyglots, odd, truncated)


def corpus(count: int, seed: int = 0) -> Iterator[Case]:
    """``count`` uploads, the same for the same seed: every fixed one first, then mutated bytes, under odd names."""
    rng = np.random.default_rng(seed)
    fixed = (case for family in FAMILIES for case in family(rng))
    names, types = cycle(NAMES), cycle(TYPES)

    def every() -> Iterator[Case]:
        yield from fixed
        yield from mutated(rng)

    for case in islice(every(), count):
        yield Case(case.kind, case.content, case.taken, next(names), next(types))
