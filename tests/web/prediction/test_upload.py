import io
from pathlib import Path

import numpy as np
import pytest
from exifs import EXIFS
from hostile import corpus, encode, picture, png, scans, zeros
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fedsky.web.prediction.upload import KEPT_SIDE, MAX_BYTES, RefusedError, kind, read, to_jpeg

RNG = np.random.default_rng(0)
WHOLE = {
    format: encode(picture(np.random.default_rng(1), 96, 64), format, **options)
    for format, options in (("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}))
}


def refusal(content: bytes) -> tuple[int, str]:
    with pytest.raises(RefusedError) as refused:
        read(content)
    return refused.value.status, str(refused.value)


def judge(content: bytes) -> int | None:
    """The status with which content is refused; None where a photograph comes of it."""
    try:
        kept = read(content)
    except RefusedError as error:
        return error.status
    assert kept.mode == "RGB" and max(kept.size) <= KEPT_SIDE
    return None


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_formats_of_the_allow_list_are_read(format: str) -> None:
    image = picture(RNG)
    read_back = np.asarray(read(encode(image, format, **({} if format == "PNG" else {"quality": 95}))), float)
    assert read_back.shape == (240, 320, 3)
    assert np.abs(read_back - np.asarray(image, float)).mean() < (1e-9 if format == "PNG" else 6)


def test_each_refusal_is_one_sentence_that_says_how_to_mend_it() -> None:
    said = [
        refusal(b""),
        refusal(bytes(MAX_BYTES + 1)),
        refusal(b"<svg/>"),
        refusal(png(5000, 5000, zeros(100))),
        refusal(png(8193, 100, zeros(100))),
        refusal(encode(picture(RNG, 8, 8), "PNG")),
        refusal(encode(picture(RNG), "JPEG")[:200]),
        refusal(encode(picture(RNG), "PNG", save_all=True, append_images=[picture(RNG)])),
        refusal(scans(encode(picture(RNG), "JPEG", progressive=True), 100)),
    ]
    assert [status for status, _ in said] == [422, 413, 415, 413, 413, 422, 422, 422, 422]
    assert len({sentence for _, sentence in said}) == len(said)
    for _, sentence in said:
        assert sentence.endswith(".") and "\n" not in sentence and 20 < len(sentence) < 160
    assert "5000 x 5000" in said[3][1] and "24 million" in said[3][1]


@pytest.mark.parametrize(("width", "height"), [(5712, 4284), (8160, 6144), (16_320, 12_240)], ids=["24", "50", "200"])
def test_what_a_phone_gives_is_taken_but_not_as_png_or_in_many_passes(width: int, height: int) -> None:
    photo = Image.new("L", (width, height), 90)
    photo.paste(200, (0, 0, width // 2, height))
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encode(photo, "JPEG", exif=exif, quality=50)
    kept = read(content)
    assert kept.size == (KEPT_SIDE * height // width, KEPT_SIDE) and kept.getpixel((5, 5)) == (200, 200, 200)
    assert refusal(png(width, height, zeros(100)))[0] == 413
    if width < 10_000:
        assert refusal(encode(photo, "JPEG", progressive=True))[0] == 413
    assert refusal(scans(content, 10))[0] == 413  # each would be a pass over all pixels


@pytest.mark.parametrize("kind", EXIFS)
def test_a_strange_exif_header_breaks_no_upload(kind: str) -> None:
    content, is_turned = EXIFS[kind]
    assert read(content).size == ((48, 64) if is_turned else (64, 48))


@pytest.mark.parametrize("format", ["GIF", "TIFF", "BMP", "PPM", "ICO"])
def test_other_formats_are_refused_by_their_content_not_their_name(format: str) -> None:
    content = encode(picture(RNG, 64, 64), format)
    assert kind(content) is None
    assert refusal(content)[0] == 415


def test_a_large_photograph_is_made_small_before_anything_else() -> None:
    kept = read(encode(picture(RNG, 3000, 1500), "JPEG"))
    assert kept.size == (KEPT_SIDE, KEPT_SIDE // 2)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_photograph_stands_upright_and_forgets_where_it_was_taken(orientation: int) -> None:
    image = Image.new("RGB", (64, 32), "red")
    image.paste("blue", (0, 0, 64, 16))  # blue above red
    image.paste("green", (0, 0, 8, 8))  # in the first corner
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = image if undo is None else image.transpose(undo)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "ACME"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    content = encode(stored, "PNG", exif=exif)
    with Image.open(io.BytesIO(content)) as sent:
        assert sent.getexif().get_ifd(0x8825)[1] == "N"
    kept = read(content)
    assert np.array_equal(np.asarray(kept), np.asarray(image))
    again = to_jpeg(kept)
    assert b"Exif" not in again and b"ACME" not in again
    with Image.open(io.BytesIO(again)) as image:
        assert not image.getexif() and set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_what_hangs_on_a_photograph_is_dropped() -> None:
    payload = b"<script>alert(1)</script>PK\x03\x04"
    for format in ("JPEG", "PNG"):
        kept = to_jpeg(read(encode(picture(RNG), format) + payload))
        assert payload not in kept and b"script" not in kept


def test_sixteen_bits_are_scaled_and_transparency_is_white() -> None:
    grey = np.full((32, 32), 0x8000, np.uint16)
    assert np.asarray(read(encode(Image.fromarray(grey), "PNG")))[0, 0].tolist() == [128, 128, 128]
    clear = read(encode(Image.new("RGBA", (32, 32), (9, 9, 9, 0)), "PNG"))
    assert np.asarray(clear)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.slow
def test_the_hostile_corpus_is_taken_or_refused_as_it_should_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    counts = {True: 0, False: 0}
    for case in corpus(260, seed=3):
        taken = judge(case.content) is None
        counts[taken] += 1
        assert case.taken in (None, taken), case.kind
    assert min(counts.values()) >= 30
    assert not list(tmp_path.iterdir())  # nothing touches the disk


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6)), max_size=8))
def test_no_mutation_of_bytes_does_anything_but_be_refused(format: str, changes: list[tuple[int, bytes]]) -> None:
    content = bytearray(WHOLE[format])
    for where, new in changes:
        start = where % len(content)
        content[start : start + len(new)] = new
    assert judge(bytes(content)) in (None, 413, 415, 422)
