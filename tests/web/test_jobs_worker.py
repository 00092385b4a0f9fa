"""The worker: runs jobs, and ends them. Jobs are stand-ins (tests/support/standin_job.py)."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from flask import Flask
from job_site import Add, Start, add_job, runs, state, wait_for, workers
from standin_worker import standin

from fedsky.history import GONE
from fedsky.web import Settings
from fedsky.web.jobs import process, queue
from fedsky.web.jobs import worker as working
from fedsky.web.jobs.worker import log_path


@pytest.fixture
def add(app: Flask) -> Add:
    return partial(add_job, app)


@pytest.fixture
def start(settings: Settings, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    yield from workers(settings, app, monkeypatch)


def test_jobs_run_one_after_the_other_and_say_how_they_ended(
    app: Flask, settings: Settings, add: Add, start: Start
) -> None:
    good, bad, last = add("seconds=0.3"), add("seconds=0.2", "fails"), add("seconds=0.2")
    start()
    done = wait_for(app, last, "done")
    first, failed = state(app, good), state(app, bad)
    assert (first.status, first.reason, first.exit_code) == ("done", "", 0)
    assert (failed.status, failed.reason, failed.exit_code) == ("failed", "lr=-1: a number above 0 is needed", 1)
    assert first.ended <= failed.started and failed.ended <= done.started  # type: ignore[operator]
    log = log_path(settings, good).read_text()
    assert log.startswith(f"$ python -m fedsky seconds=0.3 name=site/{good}\nround 0\nround 1\n")
    assert log_path(settings, good).stat().st_mode & 0o077 == 0
    with app.extensions["database"].reading() as db:
        assert queue.worker_seen(db)[0]


def test_two_workers_do_not_run_two_jobs_at_once(app: Flask, add: Add, start: Start) -> None:
    ids = [add("seconds=0.4") for _ in range(3)]
    start()
    start()
    for id in ids:
        wait_for(app, id, "done")
    times = sorted((state(app, id).started, state(app, id).ended) for id in ids)
    assert all(before[1] <= after[0] for before, after in pairwise(times))  # type: ignore[operator]


def test_a_running_job_is_cancelled_as_by_ctrl_c(app: Flask, settings: Settings, add: Add, start: Start) -> None:
    id, after = add("seconds=60"), add("seconds=0.1")
    start()
    wait_for(app, id, "running")
    while not runs(settings, id):
        time.sleep(0.05)
    with app.extensions["database"].writing() as db:
        assert queue.ask_to_cancel(db, id, "cancelled by ann")
        db.commit()
    job = wait_for(app, id, "cancelled")
    assert (job.reason, job.exit_code) == ("cancelled by ann", 130)
    assert [run["status"] for run in runs(settings, id)] == ["interrupted"]
    wait_for(app, after, "done")


def test_a_job_that_will_not_end_is_killed_and_its_run_does_not_say_running(
    app: Flask, settings: Settings, add: Add, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", (0.3, 0.3))
    id = add("seconds=60", "stubborn")
    start()
    while not runs(settings, id):
        time.sleep(0.05)
    pid = state(app, id).pid
    with app.extensions["database"].writing() as db:
        queue.ask_to_cancel(db, id, "cancelled by ann")
        db.commit()
    job = wait_for(app, id, "cancelled")
    assert job.exit_code == -signal.SIGKILL
    assert [(run["status"], run["reason"]) for run in runs(settings, id)] == [("interrupted", GONE)]
    assert pid is not None and not psutil.pid_exists(pid)


def test_endless_output_ends_the_job(
    app: Flask, settings: Settings, add: Add, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LARGEST_LOG", 3_000_000)
    id = add("seconds=60", "loud")
    start()
    job = wait_for(app, id, "failed")
    assert job.reason == "its output came to more than 3 MB"
    assert log_path(settings, id).stat().st_size < 60_000_000


def test_a_worker_that_stops_leaves_its_job_to_the_next(
    app: Flask, settings: Settings, add: Add, start: Start, tmp_path: Path
) -> None:
    id = add(f"until={tmp_path / 'end'}")
    first = start()
    while state(app, id).pid is None:
        time.sleep(0.02)
    pid = state(app, id).pid
    first.stop.set()
    while first.left is None:
        time.sleep(0.02)
    assert state(app, id).status == "running" and psutil.pid_exists(pid or 0)
    start()
    assert state(app, id).pid == pid
    (tmp_path / "end").touch()
    assert wait_for(app, id, "done").attempts == 1
    assert [run["status"] for run in runs(settings, id)] == ["done"]


def test_a_job_whose_number_was_never_written_down_is_found_by_its_folder(
    app: Flask, settings: Settings, add: Add, start: Start, tmp_path: Path
) -> None:
    id = add(f"until={tmp_path / 'end'}", status="running", attempts=1)
    child = process.start(standin(state(app, id)), settings.outputs[0].parent, log_path(settings, id))
    start()
    while state(app, id).pid != child.pid:
        time.sleep(0.02)
    (tmp_path / "end").touch()
    child.wait(30)  # the test is its parent, and init would be: without this it stays as a zombie
    assert wait_for(app, id, "done").attempts == 1


def test_many_claims_at_once_take_each_job_once(app: Flask, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_AT_ONCE", 100)
    ids = [add() for _ in range(20)]
    taken: list[str] = []

    def claim() -> None:
        while True:
            with app.extensions["database"].writing() as db:
                job = queue.claim(db)
            if job is None:
                return
            taken.append(job.id)

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(ids)


def test_jobs_leave_nothing_running(app: Flask, settings: Settings, tmp_path: Path) -> None:
    """What a job has begun in its session ends with it."""
    child = process.start(["sh", "-c", "sleep 300 & echo begun; exit 0"], tmp_path, tmp_path / "log")
    child.wait(10)
    left = process.members(child.pid)
    assert len(left) == 1
    process.clear(child.pid)
    assert process.members(child.pid) == [] and not process.lives(left[0])


def test_a_job_is_not_told_the_way_into_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in process.SECRETS:
        monkeypatch.setenv(name, "postgresql://anna:geheim@db/site")
    show = "import os; print(*os.environ.values())"
    assert process.start([sys.executable, "-c", show], tmp_path, tmp_path / "log").wait(20) == 0
    told = (tmp_path / "log").read_text()
    assert "geheim" not in told and os.environ["PATH"] in told
