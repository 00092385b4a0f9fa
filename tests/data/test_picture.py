"""Photographs of all sizes and headers: small ones keep their bytes, large ones are reduced within the bound."""

import hashlib
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from exifs import EXIFS
from hostile import png, zeros
from PIL import Image

from fedsky.data import picture
from fedsky.data.picture import BrokenError, decode, extent, memory, quiet, read

PHONES = [(12_000, 9_000, (3000, 2250)), (16_320, 12_240, (4080, 3060))]  # of 108 and 200 megapixels


@pytest.fixture(scope="module", params=PHONES, ids=["108 MP", "200 MP"])
def phone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[int, int]]:
    """A photograph as large as a phone's, dark above and light below, and the size at which it is decoded."""
    width, height, size = request.param
    image = Image.new("L", (width, height), 40)
    image.paste(200, (0, height // 2, width, height))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    path = tmp_path_factory.mktemp("phone") / "phone.jpg"
    image.save(path, quality=50, exif=exif)
    return path, size


@pytest.mark.slow
def test_a_phones_largest_photographs_are_read_small_and_without_a_word(
    phone: tuple[Path, tuple[int, int]], capfd: pytest.CaptureFixture[str]
) -> None:
    path, size = phone
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = read(path)
    assert (made.mode, made.size) == ("RGB", size) and extent(path, made)[0] == 4 * size[0]
    pixels = decode(path, 64)
    assert abs(int(pixels[5].mean()) - 200) < 3 and abs(int(pixels[-5].mean()) - 40) < 3  # turned
    assert capfd.readouterr() == ("", "")


def test_a_large_photograph_takes_the_memory_that_is_stated(phone: tuple[Path, tuple[int, int]]) -> None:
    code = (
        "import resource, sys; from fedsky.data.picture import read; used = lambda: "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = used(); read(sys.argv[1]); print(used() - before)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code, phone[0]], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    kilobytes = int(done.stdout)
    assert kilobytes < 150_000  # whole, in RGB, it would take 432 or 800 megabytes


def test_other_large_pictures_are_averaged_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "WHOLE_PIXELS", 10_000)
    monkeypatch.setattr(picture, "REDUCED_PIXELS", 2_500)
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (150, 210, 4), dtype=np.uint8)
    path = tmp_path / "large.png"
    for mode in ("RGB", "RGBA", "L", "P", "1"):
        Image.fromarray(values).convert(mode).save(path)
        made = read(path)
        assert (made.mode, made.size) == ("RGB", (53, 38)) and made.info["reduced"], mode
        assert extent(path, made) == (210, 150)
    Image.fromarray(values[..., :3]).save(path)
    block = values[:4, :4, :3].astype(float).mean(axis=(0, 1))
    np.testing.assert_allclose(np.asarray(read(path))[0, 0], block, atol=1)
    grey = np.full((150, 210), 0x8000, np.uint16)
    Image.fromarray(grey).save(path)
    assert np.asarray(read(path))[0, 0].tolist() == [128] * 3


def test_what_would_take_too_much_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png(30_000, 30_000, zeros(100)))
    with pytest.raises(BrokenError, match=r"its 30000 x 30000 pixels would take 4\.\d GB of memory, 1\.5 are allowed"):
        read(path)
    assert Image.MAX_IMAGE_PIXELS == 89_478_485  # Pillow's own bound is back in its place


def test_the_coefficients_of_a_progressive_photograph_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    taken = []
    for progressive in (False, True):
        Image.new("RGB", (64, 64)).save(path, progressive=progressive, subsampling="4:2:0")
        with Image.open(path) as image:
            taken.append(memory(image, 64 * 64))
    assert taken[1] - taken[0] == 64 * 64 * 2 * 1.5  # two bytes each of one plane and two quarters


def test_the_bytes_of_ordinary_photographs_are_what_they_were(sky: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256()
    for path in sorted(sky.rglob("*.jpg"))[::8]:
        digest.update(decode(path, 64).tobytes())
    assert digest.hexdigest()[:16] == "b033beb3747d285b"
    rng = np.random.default_rng(0)
    digest = hashlib.sha256()
    for mode in ("RGB", "RGBA", "LA", "L", "P", "1", "CMYK", "I;16", "F"):
        if mode in ("I;16", "F"):
            values = rng.random((90, 70)) * (65535 if mode == "I;16" else 1)
            image = Image.fromarray(values.astype(np.uint16 if mode == "I;16" else np.float32))
        else:
            image = Image.fromarray(rng.integers(0, 256, (90, 70, 4), dtype=np.uint8)).convert(mode)
        image.save(tmp_path / "a.tif")
        digest.update(read(tmp_path / "a.tif").tobytes())
    assert digest.hexdigest()[:16] == "39d9f2715d6761b0"


@pytest.mark.parametrize("kind", EXIFS)
def test_a_strange_exif_header_breaks_no_photograph(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content, is_turned = EXIFS[kind]
    (tmp_path / "a.jpg").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = read(tmp_path / "a.jpg")
    assert made.size == ((48, 64) if is_turned else (64, 48))
    assert capfd.readouterr() == ("", "")


def test_quiet_leaves_everything_as_it_was() -> None:
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ZeroDivisionError), quiet(100):
        _ = 1 / (int(Image.MAX_IMAGE_PIXELS or 0) - 50)
    assert before == Image.MAX_IMAGE_PIXELS
