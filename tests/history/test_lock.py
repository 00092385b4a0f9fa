"""One writer a folder: whoever comes second is told who is there, and whoever is gone is seen to be gone."""

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from interrupted import writer
from run_files import info_of

from fedsky.history import GONE, lock, may_run, read_run
from fedsky.web.runs.index import Index


@pytest.fixture
def another(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that writes into the folder ``run``."""
    with writer(tmp_path / "run") as process:
        yield process


def refusal(folder: Path) -> str:
    with pytest.raises(lock.HeldError) as caught, lock.hold(folder):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_second_writer_is_told_who_writes_since_when(tmp_path: Path, another: "subprocess.Popen[str]") -> None:
    since = json.loads((tmp_path / "run" / ".lock").read_text())["since"]
    told = f"{tmp_path / 'run'}: process {another.pid} on this machine, since {since}, writes there: "
    assert refusal(tmp_path / "run") == told + "wait for its end, or end it first"
    another.send_signal(signal.SIGSTOP)  # it is to go on one day
    assert refusal(tmp_path / "run").startswith(told) and lock.is_held(tmp_path / "run") is True
    another.send_signal(signal.SIGCONT)
    assert lock.is_held(tmp_path / "run") is True


def test_a_killed_writer_is_gone(tmp_path: Path, another: "subprocess.Popen[str]") -> None:
    another.kill()
    another.wait()
    assert (tmp_path / "run" / ".lock").is_file() and lock.is_held(tmp_path / "run") is False
    with lock.hold(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / ".lock").read_text())["pid"] == os.getpid()


def leave(folder: Path, **about: Any) -> None:
    """A lock file that nobody holds, as a process leaves it that was killed."""
    folder.mkdir(exist_ok=True)
    known = {"host": socket.gethostname(), "pid": 1, "boot": lock._boot(), "since": "2026-01-01T00:00:00+00:00"}
    (folder / ".lock").write_text(json.dumps(known | about))


@pytest.mark.parametrize(
    "about",
    [
        {"pid": os.getppid()},  # a living process, which has the number of one that is gone
        {"boot": "before the power cut"},
        {"host": "another-container-of-this-machine"},
    ],
)
def test_what_a_writer_of_this_machine_has_left_is_taken_over(tmp_path: Path, about: dict[str, Any]) -> None:
    leave(tmp_path / "run", **about)
    assert lock.is_held(tmp_path / "run") is False
    with lock.hold(tmp_path / "run"):
        assert lock.is_held(tmp_path / "run") is True
    assert lock.is_held(tmp_path / "run") is None and not (tmp_path / "run" / ".lock").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\x00", b"[" * 5000])
def test_a_lock_that_was_cut_is_taken_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".lock").write_bytes(content)
    with lock.hold(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()


def test_what_another_machine_has_left_is_for_a_person_to_judge(tmp_path: Path) -> None:
    leave(tmp_path / "run", host="no\x1bde7", boot="x", pid=42)
    assert lock.is_held(tmp_path / "run") is None
    told = refusal(tmp_path / "run")
    assert "process 42 on node7, since 2026-01-01T00:00:00+00:00, began to write there, and this machine cannot" in told
    assert told.endswith(f"if it does not, remove {tmp_path / 'run' / '.lock'}")
    (tmp_path / "run" / ".lock").unlink()
    with lock.hold(tmp_path / "run"):
        pass


def test_without_locks_the_file_itself_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with lock.hold(tmp_path):
        monkeypatch.setattr(lock, "_held", {})  # as another process
        assert "this file system has no locks" in refusal(tmp_path) and lock.is_held(tmp_path) is None
        monkeypatch.undo()
        monkeypatch.setattr(fcntl, "flock", flock)
    assert not (tmp_path / ".lock").exists()


def test_a_process_may_hold_a_folder_twice(tmp_path: Path) -> None:
    with lock.hold(tmp_path / "run"):
        with lock.hold(tmp_path / "run"):
            pass
        assert lock.is_held(tmp_path / "run") is True
    assert list((tmp_path / "run").iterdir()) == []


def test_of_many_that_begin_at_the_same_moment_one_writes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fedsky.history import lock\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "try: lock.take(Path(sys.argv[1]))\n"
        "except lock.HeldError: print('refused', flush=True)\n"
        "else: print('held', flush=True)\n"
        "sys.stdin.readline()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    processes = [subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(6)]

    def told() -> list[str]:
        return sorted(process.stdout.readline().strip() for process in processes if process.stdout)

    assert told() == ["ready"] * 6
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    assert told() == ["held", *["refused"] * 5]
    for process in processes:
        process.communicate("end\n", timeout=60)


@pytest.mark.parametrize("link", ["link", "pipe"])
def test_what_is_no_plain_file_is_not_followed(tmp_path: Path, link: str) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    if link == "link":
        (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OSError, match="symbolic links"):
            lock.take(tmp_path)
    else:
        os.mkfifo(tmp_path / ".lock")
    assert lock.is_held(tmp_path) is None
    assert (tmp_path / "elsewhere").read_text() == "kept"


def begun(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text('{"status": "running", "reason": null, "config": {}}')
    (folder / "rounds.jsonl").write_text('{"round": 3}\n')
    return folder


def test_a_run_whose_process_is_gone_is_shown_as_interrupted(tmp_path: Path, another: "subprocess.Popen[str]") -> None:
    """By the report and, where nothing else of its folder has changed, by a site that has shown it as running."""
    folder = begun(tmp_path / "run")
    index = Index([tmp_path])
    assert [row.status for row in index.rows()] == ["running"] and read_run(folder).status == "running"
    generation = index.generation
    another.kill()
    another.wait()
    index.refresh(patience=0)
    assert [(row.status, row.reason) for row in index.rows()] == [("interrupted", GONE)]
    assert index.generation > generation
    run = read_run(folder)
    assert (run.status, run.info["reason"]) == ("interrupted", GONE)
    assert info_of(folder)["status"] == "running", "who reads changes nothing"


def test_a_run_that_nobody_can_ask_after_runs_until_it_has_been_quiet_for_a_day(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    leave(folder, host="node7", boot="x")
    assert may_run(folder) and read_run(folder).status == "running"
    for name, hours in (("run.json", 40), ("rounds.jsonl", 23)):
        os.utime(folder / name, (time.time() - hours * 3600,) * 2)
    assert read_run(folder).status == "running"
    os.utime(folder / "rounds.jsonl", (time.time() - 25 * 3600,) * 2)
    assert read_run(folder).status == "interrupted"
    (folder / ".lock").unlink()  # as an older version leaves it
    assert read_run(folder).status == "interrupted"
