"""The cache of decoded photographs: made once, whole or not at all, read-only."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fedsky.data.photos import cache_folder, cached

Row = tuple[str, int, NDArray[np.uint8]]
CLASSES = ("cloudy", "sunny")


def rows(level: int = 7) -> Iterator[Row]:
    for number in range(4):
        yield f"photo {number}", number % 2, np.full((3, 8, 8), level + number, dtype=np.uint8)


def never() -> Iterator[Row]:
    raise AssertionError("made again")


def test_made_once(tmp_path: Path) -> None:
    first = cached(tmp_path, "key", CLASSES, rows)
    again = cached(tmp_path, "key", CLASSES, never)
    assert again.fingerprint == first.fingerprint
    assert list(again.names) == list(first.names) and list(again.classes) == list(CLASSES)
    np.testing.assert_array_equal(again.pixels, first.pixels)
    np.testing.assert_array_equal(again.labels, [0, 1, 0, 1])


def test_another_key_is_another_cache(tmp_path: Path) -> None:
    first = cached(tmp_path, "key", CLASSES, rows)
    other = cached(tmp_path, "other", CLASSES, lambda: rows(9))
    assert first.fingerprint != other.fingerprint


def test_pixels_are_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    photos = cached(tmp_path, "key", CLASSES, rows)
    assert isinstance(photos.pixels, np.memmap) and photos.pixels.mode == "r"
    with pytest.raises(ValueError, match="read-only"):
        photos.pixels[0] = 0


def test_a_make_that_fails_leaves_nothing_and_may_be_tried_again(tmp_path: Path) -> None:
    def failing() -> Iterator[Row]:
        yield next(rows())
        raise ValueError("the second photograph is broken")

    with pytest.raises(ValueError, match="the second photograph is broken"):
        cached(tmp_path, "key", CLASSES, failing)
    assert list(tmp_path.iterdir()) == []
    assert len(cached(tmp_path, "key", CLASSES, rows)) == 4


def test_ctrl_c_in_between_leaves_nothing(tmp_path: Path) -> None:
    def stopped() -> Iterator[Row]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path, "key", CLASSES, stopped)
    assert list(tmp_path.iterdir()) == []


def test_two_that_race_end_with_one_whole_cache(tmp_path: Path) -> None:
    both_are_making = threading.Barrier(2, timeout=30)
    prints: list[str] = []

    def racing() -> Iterator[Row]:
        both_are_making.wait()
        yield from rows()

    def load() -> None:
        prints.append(cached(tmp_path, "key", CLASSES, racing).fingerprint)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prints) == 2 and len(set(prints)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert cached(tmp_path, "key", CLASSES, never).fingerprint == prints[0]


def test_a_cache_for_several_users_can_be_read_by_all(tmp_path: Path) -> None:
    cached(tmp_path, "key", CLASSES, rows)
    assert (tmp_path / "key").stat().st_mode & 0o055 == 0o055


def test_a_damaged_cache_is_told_with_what_to_remove(tmp_path: Path) -> None:
    cached(tmp_path, "key", CLASSES, rows)
    (tmp_path / "key" / "pixels.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"key is damaged .*remove it"):
        cached(tmp_path, "key", CLASSES, never)


def test_a_cache_without_index_is_told_with_what_to_remove(tmp_path: Path) -> None:
    cached(tmp_path, "key", CLASSES, rows)
    (tmp_path / "key" / "index.json").unlink()
    with pytest.raises(ValueError, match=r"key is damaged .*remove it"):
        cached(tmp_path, "key", CLASSES, rows)


def test_the_fingerprint_tells_labels_names_and_classes_apart(tmp_path: Path) -> None:
    def relabelled() -> Iterator[Row]:
        yield from ((name, 1 - label, pixels) for name, label, pixels in rows())

    def renamed() -> Iterator[Row]:
        yield from ((f"{name}!", label, pixels) for name, label, pixels in rows())

    prints = {
        cached(tmp_path, "a", CLASSES, rows).fingerprint,
        cached(tmp_path, "b", CLASSES, relabelled).fingerprint,
        cached(tmp_path, "c", CLASSES, renamed).fingerprint,
        cached(tmp_path, "d", ("dark", "light"), rows).fingerprint,
    }
    assert len(prints) == 4


def test_the_cache_folder_is_the_one_asked_for_or_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder(None) == tmp_path / "fedsky"
    assert cache_folder("~/mine") == Path("/home/someone/mine")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder(None) == Path("/home/someone/.cache/fedsky")
