"""The cache folder: who uses an entry, what goes beyond the bound, and what a killed build leaves."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fedsky.data import Photos, cache
from fedsky.data.photos import cached
from fedsky.photographs.cache import report, size

ROOT = Path(__file__).resolve().parents[2]
ENTRY_BYTES = 4 * 3 * 50 * 50  # of pixels; labels and index are small beside them
BUILD = """
import sys, time
from pathlib import Path
import numpy as np
from fedsky.data.photos import cached
def rows():
    for number in range(40):
        time.sleep(0.002)
        yield str(number), number % 2, np.full((3, 300, 300), number, dtype=np.uint8)
print("building", flush=True)
photos = cached(Path(sys.argv[1]), "key", ("a", "b"), rows)
print(photos.fingerprint, flush=True)
if len(sys.argv) > 2:
    time.sleep(60)
"""


def rows() -> Iterator[tuple[str, int, NDArray[np.uint8]]]:
    for number in range(4):
        yield str(number), number % 2, np.full((3, 50, 50), number, dtype=np.uint8)


def made(folder: Path, key: str, age: float = 0.0, max_gb: float | None = None) -> Photos:
    photos = cached(folder, key, ("a", "b"), rows, max_gb)
    os.utime(folder / key, (time.time() - age,) * 2)
    return photos


def forget(folder: Path, key: str, age: float = 0.0) -> None:
    """Makes an entry that nobody uses afterwards."""
    made(folder, key, age)
    gc.collect()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(folder), *more], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


@pytest.mark.slow
def test_the_entries_unused_for_longest_go_beyond_the_bound(tmp_path: Path) -> None:
    for number in range(4):
        forget(tmp_path, f"k{number}", age=1000 - 100 * number)
    made(tmp_path, "k0", age=10)  # used again
    made(tmp_path, "new", max_gb=3.5 * ENTRY_BYTES / 1e9)
    assert names(tmp_path) == ["k0", "k3", "new"]


@pytest.mark.slow
def test_no_bound_keeps_all(tmp_path: Path) -> None:
    for number in range(4):
        forget(tmp_path, f"k{number}", age=1000)
    assert len(names(tmp_path)) == 4


def test_what_is_in_use_stays_and_what_was_just_made(tmp_path: Path) -> None:
    old = made(tmp_path, "old", age=1000)
    new = made(tmp_path, "new", max_gb=0.0)
    assert names(tmp_path) == ["new", "old"] and len(old) == len(new)
    assert cache.in_use(tmp_path / "old")
    del old
    gc.collect()
    assert not cache.in_use(tmp_path / "old")
    forget(tmp_path, "third")
    cache.trim(tmp_path, 0)
    assert names(tmp_path) == ["new"]


def test_what_another_process_uses_stays_until_that_ends(tmp_path: Path) -> None:
    child = start(tmp_path, "and stay")
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "building\n" and child.stdout.readline()
        assert [entry.path.name for entry in cache.clear(tmp_path)[1]] == ["key"]
        assert "(in use)" in report(tmp_path)
        assert "removed 0 entries" in report(tmp_path, clear=True) and names(tmp_path) == ["key"]
    finally:
        child.kill()
        child.communicate()
    assert [entry.path.name for entry in cache.clear(tmp_path)[0]] == ["key"]
    assert names(tmp_path) == []


def test_nothing_but_entries_and_old_drafts_is_ever_removed(tmp_path: Path) -> None:
    forget(tmp_path, "entry")
    for mine in ("notes", ".config", ".git.draft", ".a.draft-longer-than-eight"):
        (tmp_path / mine).mkdir()
        (tmp_path / mine / "index.json").touch()
        os.utime(tmp_path / mine, (0, 0))
    (tmp_path / "notes" / "letter.txt").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.npy").touch()
    (tmp_path / "link").symlink_to(tmp_path / "entry")
    young, abandoned = (tmp_path / f"{cache.draft_prefix('key')}{letters}" for letters in ("abcd1234", "abcd_234"))
    young.mkdir()
    abandoned.mkdir()
    os.utime(abandoned, (0, 0))
    before = set(names(tmp_path))
    cache.clear(tmp_path)
    assert before - set(names(tmp_path)) == {"entry", abandoned.name}


def test_a_draft_that_is_being_written_is_not_swept(tmp_path: Path) -> None:
    def slow() -> Iterator[tuple[str, int, NDArray[np.uint8]]]:
        (draft,) = tmp_path.iterdir()
        os.utime(draft, (0, 0))
        cache.clear(tmp_path)
        yield from rows()

    assert len(cached(tmp_path, "key", ("a", "b"), slow)) == 4
    assert names(tmp_path) == ["key"]


def test_an_entry_removed_while_it_is_looked_for_is_made_again(tmp_path: Path) -> None:
    first = made(tmp_path, "key").fingerprint
    gc.collect()
    assert cache.remove(tmp_path / "key") and not cache.remove(tmp_path / "key")
    assert cache.hold(tmp_path / "key") is None
    assert made(tmp_path, "key").fingerprint == first


def test_pixels_in_use_outlive_a_removal_by_force(tmp_path: Path) -> None:
    photos = made(tmp_path, "key")
    for file in (tmp_path / "key").iterdir():
        file.unlink()
    assert photos.pixels[3].min() == 3


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 1.0])
def test_a_build_killed_at_any_moment_leaves_no_cache_or_a_whole_one(tmp_path: Path, share: float) -> None:
    child = start(tmp_path)
    assert child.stdout is not None and child.stdout.readline() == "building\n"
    time.sleep(0.15 * share)  # a build takes about that
    child.kill()
    child.communicate()
    assert all(name == "key" or name.startswith(cache.draft_prefix("key")) for name in names(tmp_path))
    if (tmp_path / "key").exists():
        assert set(names(tmp_path / "key")) == cache.FILES
    again = start(tmp_path)
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0
    photos = cached(tmp_path, "key", ("a", "b"), rows)
    assert out.split()[-1] == photos.fingerprint
    assert len(photos) == 40 and all((photos.pixels[number] == number).all() for number in range(40))


def test_two_processes_that_build_at_once_end_with_one_whole_entry(tmp_path: Path) -> None:
    children = [start(tmp_path) for _ in range(2)]
    prints = {child.communicate(timeout=60)[0].split()[-1] for child in children}
    assert [child.returncode for child in children] == [0, 0]
    assert prints == {cached(tmp_path, "key", ("a", "b"), rows).fingerprint}
    assert names(tmp_path) == ["key"]


def test_the_report_tells_size_and_number(tmp_path: Path) -> None:
    forget(tmp_path, "one")
    forget(tmp_path, "two")
    lines = report(tmp_path).splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["one", "two"]
    assert lines[-1].startswith("2 entries, 60.") and lines[-1].endswith(f"kB, in {tmp_path}")
    assert report(tmp_path, clear=True).startswith("removed 2 entries, 60.") and names(tmp_path) == []
    assert report(tmp_path) == f"0 entries, 0 B, in {tmp_path}"


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--folder .*nowhere is not a folder: name the one"):
        report(tmp_path / "nowhere")


def test_the_command_removes_the_users_cache(tmp_path: Path) -> None:
    forget(tmp_path / "fedsky", "key")
    command = [sys.executable, "-m", "fedsky.data", "cache", "--clear"]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0 and done.stdout.startswith("removed 1 entry, "), done.stderr
    assert names(tmp_path / "fedsky") == []


def test_sizes_are_for_people() -> None:
    assert [size(number) for number in (0, 999, 1000, 4_600_000, 2 * 10**10)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "4.6 MB",
        "20.0 GB",
    ]
