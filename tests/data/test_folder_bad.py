"""Broken files and duplicates in a folder: left out, kept together, told; and settings that are not allowed."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fedsky.checks import shown
from fedsky.data import Photos
from fedsky.data.folder import load


def scene(path: Path, seed: int, quality: int = 75) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC).save(path, quality=quality)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for seed, name in enumerate(["cloudy/a.png", "cloudy/b.png", "sunny/a.png", "sunny/b.png"]):
        scene(tmp_path / "photos" / name, seed)
    return tmp_path / "photos"


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "fedsky")
    return caplog


def loaded(root: Path, **settings: object) -> Photos:
    return load(str(root), 16, str(root.parent / "cache"), **settings)  # type: ignore[arg-type]


def test_broken_files_are_named_counted_and_left_out(root: Path, told: pytest.LogCaptureFixture) -> None:
    (root / "cloudy" / "words.jpg").write_text("no photograph")
    (root / "sunny" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    for _ in range(2):  # when made, and from the cache
        photos = loaded(root, on_bad="skip")
        assert list(photos.names) == ["cloudy/a.png", "cloudy/b.png", "sunny/a.png", "sunny/b.png"]
        assert set(photos.broken) == {"cloudy/words.jpg", "sunny/gone.jpg"}
        (line,) = told.messages
        assert line.startswith("2 of 6 files are broken and left out (data.on_bad=skip): cloudy/words.jpg (cannot")
        assert "sunny/gone.jpg (" in line
        told.clear()


def test_what_was_skipped_once_still_ends_a_run_that_shall_fail(root: Path) -> None:
    (root / "cloudy" / "words.jpg").write_text("no photograph")
    loaded(root, on_bad="skip")
    with pytest.raises(ValueError, match=r"words\.jpg is not a readable photograph .*: mend or .*data.on_bad=skip"):
        loaded(root)


def test_skipping_nothing_is_the_same_entry_and_says_nothing(root: Path, told: pytest.LogCaptureFixture) -> None:
    assert loaded(root).fingerprint == loaded(root, on_bad="skip").fingerprint
    assert len(list((root.parent / "cache").iterdir())) == 1 and not told.messages


def test_a_class_of_broken_files_alone_is_refused(root: Path) -> None:
    for name in ("a.png", "b.png"):
        (root / "sunny" / name).write_bytes(b"")
    with pytest.raises(ValueError, match="every file of the class sunny is broken"):
        loaded(root, on_bad="skip")
    assert not list((root.parent / "cache").iterdir())


def test_duplicates_are_grouped_and_told(root: Path, told: pytest.LogCaptureFixture) -> None:
    scene(root / "cloudy" / "c.jpg", 0, quality=60)
    photos = loaded(root)
    assert photos.groups is not None and photos.groups.tolist() == [0, 1, 0, 2, 3]
    np.testing.assert_array_equal(loaded(root).groups, photos.groups)
    assert told.messages == ["5 photographs are 4 different ones: duplicates stay together"] * 2
    assert loaded(root, duplicates="keep").groups is None


def test_dropping_keeps_the_first_and_names_the_others(root: Path, told: pytest.LogCaptureFixture) -> None:
    scene(root / "cloudy" / "c.jpg", 0, quality=60)
    photos = loaded(root, duplicates="drop")
    assert list(photos.names) == ["cloudy/a.png", "cloudy/b.png", "sunny/a.png", "sunny/b.png"]
    assert photos.groups is None and photos.labels.tolist() == [0, 0, 1, 1]
    assert told.messages == ["1 duplicates are left out (data.duplicates=drop): cloudy/c.jpg"]


def test_duplicates_with_unlike_labels_are_told(root: Path, told: pytest.LogCaptureFixture) -> None:
    scene(root / "sunny" / "again.jpg", 1, quality=80)
    loaded(root)
    assert told.messages[0] == "duplicates with unlike labels: cloudy/b.png (cloudy), sunny/again.jpg (sunny)"


def test_a_class_that_is_another_classs_copy_cannot_be_dropped(root: Path) -> None:
    scene(root / "tagged" / "a.png", 0)
    with pytest.raises(ValueError, match=r"every photograph of the class tagged is a duplicate .*duplicates=together"):
        loaded(root, duplicates="drop")


def test_the_distance_decides_what_is_near(root: Path) -> None:
    with Image.open(root / "cloudy" / "a.png") as picture:
        picture.crop((2, 2, 62, 62)).save(root / "cloudy" / "cropped.png")
    sizes = [len(loaded(root, duplicates="drop", distance=distance)) for distance in (0, 16)]
    assert sizes == [5, 4]


def test_the_bound_of_the_cache_is_kept(root: Path) -> None:
    loaded(root, cache_gb=0)
    scene(root / "sunny" / "new.png", 9)
    photos = loaded(root, cache_gb=0)
    assert len(photos) == 5 and len(list((root.parent / "cache").iterdir())) == 1


@pytest.mark.parametrize(
    ("setting", "value", "remedy"),
    [
        ("on_bad", "ignore", "choose fail or skip"),
        ("duplicates", "apart", "choose together, drop or keep"),
        ("distance", 17, "0 to 16"),
        ("distance", -1, "0 to 16"),
        ("distance", True, "0 to 16"),
        ("distance", 1.5, "0 to 16"),
        ("cache_gb", -1, "of 0 or more is needed, or null"),
        ("cache_gb", float("nan"), "of 0 or more is needed, or null"),
        ("cache_gb", "much", "of 0 or more is needed, or null"),
    ],
)
def test_settings_that_are_none_are_refused(root: Path, setting: str, value: object, remedy: str) -> None:
    with pytest.raises(ValueError, match=f"data.{setting}={shown(value)}: .*{remedy}"):
        loaded(root, **{setting: value})
