"""What befalls a run in its midst costs one line, marks the folder, and leaves nothing half-written."""

import errno
import os
import random
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_word import word_for
from PIL import Image

from benchmarks.kills import digests
from fedsky.client.task import load_task
from fedsky.config import compose, resolve
from fedsky.config.refusals import explain
from fedsky.engine.grid import ClientError
from fedsky.history import read_run
from fedsky.resume import resume
from fedsky.run import run
from fedsky.run.loop import RoundLoop

TINY = {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}
SMALL = ["engine=inline", "num_rounds=3", "num_clients=2"]


def config(*words: str, **more: Any) -> dict[str, Any]:
    return resolve(compose([*SMALL, *words])) | (more or TINY)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The sums of a run that nothing befell."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run(config("strategy=scaffold"), folder)
    return digests(folder)


def befalls(monkeypatch: pytest.MonkeyPatch, what: Callable[[], object], before: str = "_train") -> None:
    """Has something happen in the second round, before that step of it."""
    step = getattr(RoundLoop, before)

    def stepped(loop: Any, round: int, *more: Any) -> Any:
        if round == 2:
            what()
        return step(loop, round, *more)

    monkeypatch.setattr(RoundLoop, before, stepped)


@pytest.mark.parametrize("strategy", ["fedavg", "scaffold"])
@pytest.mark.parametrize("kind", ["removed", "moved", "anew"])
def test_a_folder_that_vanishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, kind: str, whole: dict[str, str]
) -> None:
    folder, away = tmp_path / "run", tmp_path / "away"

    def vanish() -> None:
        folder.rename(away)
        if kind == "removed":
            shutil.rmtree(away)
        if kind == "anew":
            folder.mkdir()

    with monkeypatch.context() as patch:
        befalls(patch, vanish)
        with pytest.raises((OSError, ClientError)) as caught:
            run(config(f"strategy={strategy}"), folder)
    if strategy == "scaffold":
        assert str(caught.value).startswith("client 0: what client 0 kept of round 1 is not on ")
        assert f"{folder}/clients/0@1.safetensors is missing" in str(caught.value)
    else:
        assert isinstance(caught.value, OSError) and explain(caught.value) == (
            f"{folder}: the folder was removed, moved or made anew while the run wrote there: bring it back and resume "
            "the run, or start another run"
        )
    assert not list(folder.glob("*.jsonl")) and folder.exists() == (kind == "anew")
    if kind == "moved" and strategy == "scaffold":
        told = read_run(away)
        assert (told.status, told.info["reason"]) == ("interrupted", "its process ended without a word")
        away.rename(folder)
        resume(folder, word_for(folder))
        assert digests(folder) == whole


def test_a_disk_that_fills_in_mid_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, str]) -> None:
    folder, write = tmp_path / "run", os.write

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a draft")

    def half(handle: int, content: bytes) -> int:
        if os.path.samestat(os.fstat(handle), (folder / "timing.jsonl").stat()):
            return write(handle, content[:9]) if len(content) > 99 else full()
        return write(handle, content)

    with monkeypatch.context() as patch:
        befalls(patch, lambda: (patch.setattr(tempfile, "mkstemp", full), patch.setattr(os, "write", half)), "_judge")
        with pytest.raises(OSError) as caught:
            run(config("strategy=scaffold"), folder)
    line = f"{folder}/timing.jsonl: No space left on device: make room there, or name another place, of a run by "
    assert explain(caught.value).startswith(line)
    told = read_run(folder, whole=True)
    assert told.problems == [] and told.status == "failed" and told.info["reason"].startswith(line)
    assert told.info["ended"] and not list(folder.rglob(".*.*"))
    assert {row["round"] for row in told.timing} == {0, 1}
    shutil.copytree(folder, tmp_path / "rotten")
    (tmp_path / "rotten" / "rounds.jsonl").write_bytes(b"{}")
    with pytest.raises(ValueError, match=r"changed since the run wrote them: rounds\.jsonl \(2/"):
        resume(tmp_path / "rotten", word_for(folder))
    resume(folder, word_for(folder))
    assert digests(folder) == whole


def test_a_disk_that_turns_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, str]) -> None:
    folder = tmp_path / "run"

    def refused(dir: Path, prefix: str) -> Any:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), f"{dir}/{prefix}x8_3k")

    with monkeypatch.context() as patch:
        befalls(patch, lambda: patch.setattr(tempfile, "mkstemp", refused), "_judge")
        with pytest.raises(OSError) as caught:
            run(config("strategy=scaffold"), folder)
    line = f"{folder}/checkpoint/2.safetensors: Read-only file system: name another place, of a run by hydra.run.dir="
    assert explain(caught.value).startswith(line)
    (folder / ".lock").touch()  # which stays there
    assert read_run(folder, whole=True).info["reason"] == "its process ended without a word", "none could be written"
    resume(folder, word_for(folder))
    assert digests(folder) == whole


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for label in ("cloudy", "sunny"):
        (root / label).mkdir()
        for number in range(20):
            Image.fromarray(rng.integers(0, 255, (32, 32, 3), np.uint8)).save(root / label / f"{number}.png")
    return root


def of_folder(root: Path, cache: Path) -> dict[str, Any]:
    words = ["data=folder", f"data.root={root}", f"data.cache={cache}", "data.size=32", "data.duplicates=keep"]
    return resolve(compose([*SMALL, *words])) | {"model": {"_target_": "tiny.pixels"}}


@pytest.mark.parametrize("kind", ["edited", "deleted", "gone"])
def test_photographs_that_change_in_mid_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photographs: Path, kind: str
) -> None:
    """Who has read them goes on with what was read; a worker that reads them then, as one that is new, refuses."""
    run(of_folder(photographs, tmp_path / "cache"), tmp_path / "undisturbed")
    for is_new in (False, True):
        root = Path(shutil.copytree(photographs, tmp_path / f"root-{is_new}"))
        folder = tmp_path / f"run-{is_new}"

        def change(root: Path = root, is_new: bool = is_new) -> None:
            if kind == "edited":
                Image.new("RGB", (32, 32)).save(root / "sunny" / "3.png")
            elif kind == "deleted":
                (root / "sunny" / "3.png").unlink()
            else:
                shutil.rmtree(root)
            if is_new:
                load_task.cache_clear()

        with monkeypatch.context() as patch:
            befalls(patch, change)
            if not is_new:
                run(of_folder(root, tmp_path / "cache"), folder)
                assert digests(folder) == digests(tmp_path / "undisturbed")
                continue
            with pytest.raises(ClientError) as caught:
                run(of_folder(root, tmp_path / "cache"), folder)
        line = str(caught.value)
        told = read_run(folder)
        assert told.status == "failed" and told.info["reason"] == line and "\n" not in line
        if kind == "gone":
            assert line.startswith(f"client 0: data.root={root}")
        else:
            assert re.match("client 0: the data on .* are not those with which the run began: they were changed", line)
        with pytest.raises(ValueError, match=r"root-True does not exist|the data are not those of the beginning"):
            resume(folder, word_for(folder))


def test_a_clock_that_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, str]) -> None:
    rng = random.Random(0)
    monkeypatch.setattr(time, "time", lambda: rng.uniform(0, 4e9))
    days = iter(range(28, 0, -1))
    monkeypatch.setattr("fedsky.run.provenance.now", lambda: f"2026-02-{next(days):02}T00:00:00+00:00")
    began = time.monotonic()
    run(config("strategy=scaffold"), tmp_path / "run")
    took = time.monotonic() - began
    assert digests(tmp_path / "run") == whole
    read = read_run(tmp_path / "run", whole=True)
    assert read.status == "done" and read.info["started"] > read.info["ended"]
    seconds = [value for row in read.timing for key, value in row.items() if key.endswith("_seconds") and value]
    seconds += [value for key, value in read.info["start"].items() if key.endswith("_seconds")]
    assert len(seconds) > 20 and all(0 <= value <= took for value in seconds)


def test_no_duration_is_told_by_a_clock_that_people_set() -> None:
    """Who looks at the time of day, and for what."""
    of_files = "times of files, which that clock sets"
    allowed = {
        "history/__init__.py": of_files,
        "data/cache.py": of_files,
        "deploy/check.py": "how far a server's clock is ahead",
        "tracking/mlflow.py": "the moment of a value",
        "machine/load.py": "where the system does not say when a process began",
        "web/connections.py": "the moment of a request",
        "web/limits.py": "the moment at which a limit ends, as its store has it",
    }
    home = Path(__file__).parents[2] / "fedsky"
    found = {
        path.relative_to(home).as_posix() for path in home.rglob("*.py") if "time.time()" in path.read_text("utf-8")
    }
    assert found == set(allowed)
