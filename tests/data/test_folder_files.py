"""A folder of photographs: its order, its fingerprint, and what is refused with which advice."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hostile import png, zeros
from PIL import Image

from fedsky.data import Photos
from fedsky.data.folder import load
from fedsky.data.picture import read


def photo(path: Path, level: int = 100, size: tuple[int, int] = (20, 16)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, level, 255)).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    home = tmp_path / "photos"
    for number, name in enumerate(["sunny/b.png", "sunny/a.jpg", "cloudy/b.png", "Zebra/b.bmp"]):
        photo(home / name, 40 * number)
    return home


def loaded(root: Path, tmp_path: Path, size: int = 16) -> Photos:
    return load(str(root), size, str(tmp_path / "cache"))


def refusal(root: Path | str | None, size: int = 16) -> str:
    with pytest.raises(ValueError) as raised:
        load(None if root is None else str(root), size)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_classes_and_files_come_in_alphabetical_order(root: Path, tmp_path: Path) -> None:
    photos = loaded(root, tmp_path)
    assert list(photos.classes) == ["Zebra", "cloudy", "sunny"]
    assert list(photos.names) == ["Zebra/b.bmp", "cloudy/b.png", "sunny/a.jpg", "sunny/b.png"]
    assert photos.labels.tolist() == [0, 1, 2, 2]
    assert photos.pixels.shape == (4, 3, 16, 16) and photos.pixels.dtype == np.uint8


def test_pixels_belong_to_their_names(root: Path, tmp_path: Path) -> None:
    photos = loaded(root, tmp_path)
    level = {name: int(pixels[0].mean()) for name, pixels in zip(photos.names, photos.pixels, strict=True)}
    assert [level[name] for name in ("sunny/b.png", "cloudy/b.png", "Zebra/b.bmp")] == [0, 80, 120]


def test_hidden_folders_and_what_is_no_photograph_are_ignored(root: Path, tmp_path: Path) -> None:
    before = loaded(root, tmp_path)
    photo(root / ".thumbnails" / "a.png")
    (root / "sunny" / "._a.jpg").write_bytes(b"what macOS leaves on other disks")
    (root / "sunny" / "notes.txt").write_text("no photograph")
    (root / "sunny" / "album.jpg").mkdir()
    (root / "README.md").write_text("no class")
    after = loaded(root, tmp_path)
    assert list(after.classes) == list(before.classes) and list(after.names) == list(before.names)
    assert after.fingerprint == before.fingerprint


def test_fingerprint_stays_where_the_folder_moves_or_is_touched(root: Path, tmp_path: Path) -> None:
    before = loaded(root, tmp_path).fingerprint
    moved = shutil.copytree(root, tmp_path / "elsewhere" / "other name")
    os.utime(moved / "sunny" / "b.png", (1, 1))
    assert load(str(moved), 16, str(tmp_path / "another cache")).fingerprint == before


def test_fingerprint_changes_with_one_pixel(root: Path, tmp_path: Path) -> None:
    before = loaded(root, tmp_path).fingerprint
    with Image.open(root / "sunny" / "b.png") as picture:
        picture.load()
    picture.putpixel((10, 8), (255, 0, 0))
    picture.save(root / "sunny" / "b.png")
    assert loaded(root, tmp_path).fingerprint != before


def test_fingerprint_changes_with_the_size_and_with_a_name(root: Path, tmp_path: Path) -> None:
    prints = {loaded(root, tmp_path).fingerprint, loaded(root, tmp_path, size=17).fingerprint}
    (root / "sunny" / "b.png").rename(root / "sunny" / "c.png")
    prints.add(loaded(root, tmp_path).fingerprint)
    assert len(prints) == 3


def test_cut_off_jpeg_is_refused_by_name(root: Path) -> None:
    path = root / "sunny" / "a.jpg"
    Image.effect_noise((64, 64), 60).save(path)
    path.write_bytes(path.read_bytes()[:1000])
    message = refusal(root)
    assert str(path) in message and "truncated" in message and "mend or remove the file" in message


@pytest.mark.parametrize("content", [b"", b"these are words\n", b"\xff\xd8\xff\xe0", b"BM\x00", b"GIF89a\x01\x00"])
def test_what_only_has_the_name_of_a_photograph_is_refused_by_name(root: Path, content: bytes) -> None:
    path = root / "cloudy" / "words.jpg"
    path.write_bytes(content)
    message = refusal(root)
    assert str(path) in message and "mend or remove the file" in message


def test_decompression_bomb_is_refused_by_name(root: Path) -> None:
    (root / "cloudy" / "bomb.png").write_bytes(png(20_000, 20_000, zeros(100)))
    message = refusal(root)
    assert str(root / "cloudy" / "bomb.png") in message and "mend or remove the file" in message
    assert "its 20000 x 20000 pixels would take 2.1 GB of memory, 1.5 are allowed" in message


def test_dangling_link_is_told_and_not_passed_over(root: Path, tmp_path: Path) -> None:
    (root / "cloudy" / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(OSError, match=r"link\.jpg"):
        load(str(root), 16)


def test_no_root_says_which_option_to_add() -> None:
    assert "add data.root=" in refusal(None)


def test_missing_root(tmp_path: Path) -> None:
    message = refusal(tmp_path / "nowhere")
    assert f"data.root={tmp_path / 'nowhere'} does not exist" in message and "name a folder" in message


def test_one_class(root: Path) -> None:
    for name in ("Zebra", "cloudy"):
        shutil.rmtree(root / name)
    message = refusal(root)
    assert f"data.root={root}" in message and "(sunny)" in message and "two or more are needed" in message


def test_no_class(tmp_path: Path) -> None:
    assert "0 class folders (none)" in refusal(tmp_path)


def test_empty_class(root: Path) -> None:
    (root / "cloudy" / "b.png").unlink()
    message = refusal(root)
    assert str(root / "cloudy") in message and "add some or remove the folder" in message


@pytest.mark.parametrize("size", [15, 513, -1, 32.5, "abc"])
def test_impossible_size(root: Path, size: int) -> None:
    message = refusal(root, size)
    assert f"data.size={size}" in message and "16 to 512" in message


def test_the_sky_photographs_all_decode(sky: Path, tmp_path: Path) -> None:
    photos = load(str(sky), 16, str(tmp_path))
    assert list(photos.classes) == ["cloudy", "sunny"]
    assert len(set(photos.names)) == len(photos) > 300
    assert photos.pixels.std() > 20


def test_a_photograph_that_changes_while_they_are_read_is_not_kept(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the cache would hold it under the name of what was there before."""

    def changing(path: Path) -> Image.Image:
        if path.name == "a.jpg":
            photo(path, 7)
        return read(path)

    with monkeypatch.context() as patch:
        patch.setattr("fedsky.data.folder.read", changing)
        with pytest.raises(ValueError, match=r"a\.jpg was changed while the photographs were read: let"):
            loaded(root, tmp_path)
    assert not list((tmp_path / "cache").iterdir())
    assert len(loaded(root, tmp_path)) == 4
