"""Photographs of every kind decode to the colours and the way up that a person sees."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fedsky.data.picture import decode

SIZE = 16
CLOSE = 3  # of 255 levels
SKY_BLUE, GRASS, CLOUD = (40, 90, 210), (30, 140, 40), (200, 200, 200)


def quarters() -> Image.Image:
    """Four colours, so that every turn and every mirror image differs: blue, green over light grey, red."""
    picture = Image.new("RGB", (64, 48), SKY_BLUE)
    picture.paste(GRASS, (32, 0, 64, 24))
    picture.paste(CLOUD, (0, 24, 32, 48))
    picture.paste((220, 20, 30), (32, 24, 64, 48))
    return picture


def corners(pixels: NDArray[np.uint8]) -> list[list[int]]:
    """The colours amid the four quarters: upper left, upper right, lower left, lower right."""
    near, far = SIZE // 4, 3 * SIZE // 4
    return [[int(v) for v in pixels[row, column]] for row in (near, far) for column in (near, far)]


def assert_corners(pixels: NDArray[np.uint8], picture: Image.Image, tolerance: int = CLOSE) -> None:
    wanted = [picture.getpixel((x, y)) for y in (12, 36) for x in (16, 48)]
    np.testing.assert_allclose(corners(pixels), np.array(wanted), atol=tolerance)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    def save(picture: Image.Image, name: str, **options: object) -> Path:
        path = tmp_path / name
        picture.save(path, **options)  # type: ignore[arg-type]
        return path

    return save


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.tiff", "a.webp", "a.jpg", "a.jpeg", "A.JPG"])
def test_every_format_keeps_its_colours(saved: Callable[..., Path], name: str) -> None:
    options: dict[str, object] = {"lossless": True} if name.endswith("webp") else {}
    if "jp" in name.lower():
        options["quality"] = 98
    pixels = decode(saved(quarters(), name, **options), SIZE)
    assert pixels.shape == (SIZE, SIZE, 3) and pixels.dtype == np.uint8
    assert_corners(pixels, quarters(), tolerance=8 if "jp" in name.lower() else CLOSE)


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_is_not_a_negative(saved: Callable[..., Path], name: str) -> None:
    options = {"quality": 98} if name == "a.jpg" else {}
    assert_corners(decode(saved(quarters().convert("CMYK"), name, **options), SIZE), quarters(), tolerance=12)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_grey_is_grey(saved: Callable[..., Path], name: str) -> None:
    grey = quarters().convert("L")
    assert_corners(decode(saved(grey, name), SIZE), grey.convert("RGB"), tolerance=6)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("level", [200, 60000])
def test_16_bit_grey_is_scaled_and_not_clipped(saved: Callable[..., Path], name: str, level: int) -> None:
    picture = Image.fromarray(np.full((48, 64), level, dtype=np.uint16))
    assert picture.mode == "I;16"
    assert decode(saved(picture, name), SIZE).mean() == pytest.approx(level / 257, abs=0.5)


@pytest.mark.parametrize(("top", "level"), [(1.0, 0.5), (255.0, 127.5)])
def test_float_pictures_are_scaled_by_their_range(saved: Callable[..., Path], top: float, level: float) -> None:
    values = np.full((48, 64), level, dtype=np.float32)
    values[0, 0] = top
    pixels = decode(saved(Image.fromarray(values), "a.tif"), SIZE)
    assert pixels[SIZE // 2 :].mean() == pytest.approx(127.5, abs=1)


def test_palette(saved: Callable[..., Path]) -> None:
    assert_corners(decode(saved(quarters().quantize(8), "a.png"), SIZE), quarters())


def test_palette_with_transparency_shows_white(saved: Callable[..., Path]) -> None:
    picture = quarters().quantize(8)
    clear = picture.getpixel((16, 12))
    wanted = quarters()
    wanted.paste((255, 255, 255), (0, 0, 32, 24))
    assert_corners(decode(saved(picture, "a.png", transparency=clear), SIZE), wanted)


def test_rgba_is_laid_on_white(saved: Callable[..., Path]) -> None:
    picture = quarters().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 32, 24))  # clear black
    picture.paste((0, 0, 0, 128), (32, 0, 64, 24))  # half clear black
    wanted = quarters()
    wanted.paste((255, 255, 255), (0, 0, 32, 24))
    wanted.paste((127, 127, 127), (32, 0, 64, 24))
    assert_corners(decode(saved(picture, "a.png"), SIZE), wanted)


def test_grey_with_transparency_is_laid_on_white(saved: Callable[..., Path]) -> None:
    picture = Image.new("LA", (64, 48), (80, 255))
    picture.paste((80, 0), (0, 0, 32, 24))
    wanted = Image.new("RGB", (64, 48), (80, 80, 80))
    wanted.paste((255, 255, 255), (0, 0, 32, 24))
    assert_corners(decode(saved(picture, "a.png"), SIZE), wanted)


def test_black_and_white(saved: Callable[..., Path]) -> None:
    picture = Image.new("1", (64, 48), 1)
    assert decode(saved(picture, "a.png"), SIZE).min() == 255


# How a camera held that way stores the upright picture: the inverse of what undoes it.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(saved: Callable[..., Path], name: str, orientation: int) -> None:
    stored = quarters().transpose(STORED[orientation]) if orientation in STORED else quarters()
    exif = Image.Exif()
    exif[0x0112] = orientation
    known: dict[str, dict[str, object]] = {"a.webp": {"lossless": True}, "a.jpg": {"quality": 98}}
    options = known.get(name, {})
    pixels = decode(saved(stored, name, exif=exif, **options), SIZE)
    assert_corners(pixels, quarters(), tolerance=8 if name == "a.jpg" else CLOSE)


def test_the_largest_square_in_the_middle_is_kept_in_its_proportions(saved: Callable[..., Path]) -> None:
    picture = Image.new("RGB", (96, 32), (220, 20, 30))
    picture.paste(SKY_BLUE, (32, 0, 48, 32))
    picture.paste(GRASS, (48, 0, 64, 32))
    pixels = decode(saved(picture, "a.png"), SIZE)
    np.testing.assert_allclose(pixels[:, : SIZE // 2 - 2].mean(axis=(0, 1)), SKY_BLUE, atol=CLOSE)
    np.testing.assert_allclose(pixels[:, SIZE // 2 + 2 :].mean(axis=(0, 1)), GRASS, atol=CLOSE)
