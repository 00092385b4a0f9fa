"""The worker: runs jobs, ends them, and takes up what was left. Jobs are stand-ins (tests/support/standin_job.py)."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask import Flask
from sqlalchemy import select
from standin_worker import standin

from fedsky.history import write_json
from fedsky.web import Settings
from fedsky.web.jobs import ending, process, queue
from fedsky.web.jobs import worker as working
from fedsky.web.jobs.command import folder_of
from fedsky.web.jobs.worker import Worker, log_path
from fedsky.web.tables import Job, User

Add = Callable[..., str]


@pytest.fixture
def add(app: Flask) -> Add:
    """Queues a stand-in job of the operator; gives its id."""

    def make(*arguments: str, num_runs: int = 1, **values: Any) -> str:
        with app.extensions["database"].writing() as db:
            user = db.scalars(select(User).where(User.key == "operator")).one()
            job = queue.add(db, user, {"overrides": [], "num_runs": num_runs})
            job.overrides = [*arguments, f"name={folder_of(job.id)}"]
            for name, value in values.items():
                setattr(job, name, value)
            db.commit()
            return job.id

    return make


def state(app: Flask, id: str) -> Job:
    with app.extensions["database"].reading() as db:
        job = db.get(Job, id)
        assert isinstance(job, Job)
        return job


def wait_for(app: Flask, id: str, *states: str, seconds: float = 30) -> Job:
    end = time.monotonic() + seconds
    while (job := state(app, id)).status not in states:
        assert time.monotonic() < end, (job.status, job.reason)
        time.sleep(0.05)
    return job


def runs(settings: Settings, id: str) -> list[dict[str, Any]]:
    folder = settings.outputs[0] / folder_of(id)
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("run.json"))]


@pytest.fixture
def start(settings: Settings, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Worker]]:
    """Starts workers in threads, and ends them and their jobs with the test."""
    monkeypatch.setattr(working, "TICK", 0.05)
    threads: list[tuple[Worker, threading.Thread]] = []

    def make() -> Worker:
        worker = Worker(settings, standin)
        thread = threading.Thread(target=worker.run)
        thread.start()
        threads.append((worker, thread))
        return worker

    yield make
    for worker, thread in threads:
        worker.stop.set()
        thread.join(30)
    with app.extensions["database"].reading() as db:
        for job in db.scalars(select(Job).where(Job.pid.is_not(None))):
            if found := process.find(job.id, job.pid, job.pid_started):
                found.kill()
                found.wait(10)
    for worker, _ in threads:
        if worker.left is not None:
            worker.left.wait(10)


def test_jobs_run_one_after_the_other_and_say_how_they_ended(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker]
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


def test_two_workers_do_not_run_two_jobs_at_once(app: Flask, add: Add, start: Callable[[], Worker]) -> None:
    ids = [add("seconds=0.4") for _ in range(3)]
    start()
    start()
    for id in ids:
        wait_for(app, id, "done")
    times = sorted((state(app, id).started, state(app, id).ended) for id in ids)
    assert all(before[1] <= after[0] for before, after in pairwise(times))  # type: ignore[operator]


def test_a_running_job_is_cancelled_as_by_ctrl_c(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker]
) -> None:
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
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
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
    assert [(run["status"], run["reason"]) for run in runs(settings, id)] == [("interrupted", ending.GONE)]
    assert pid is not None and not psutil.pid_exists(pid)


def test_endless_output_ends_the_job(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LARGEST_LOG", 3_000_000)
    id = add("seconds=60", "loud")
    start()
    job = wait_for(app, id, "failed")
    assert job.reason == "its output came to more than 3 MB"
    assert log_path(settings, id).stat().st_size < 60_000_000


def test_a_worker_that_stops_leaves_its_job_to_the_next(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker]
) -> None:
    id = add("seconds=2")
    first = start()
    while state(app, id).pid is None:
        time.sleep(0.02)
    pid = state(app, id).pid
    first.stop.set()
    time.sleep(0.3)
    assert state(app, id).status == "running" and psutil.pid_exists(pid or 0)
    start()
    assert state(app, id).pid == pid
    assert wait_for(app, id, "done").attempts == 1
    assert [run["status"] for run in runs(settings, id)] == ["done"]


def test_a_job_whose_number_was_never_written_down_is_found_by_its_folder(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker]
) -> None:
    id = add("seconds=1.5", status="running", attempts=1)
    child = process.start(standin(state(app, id)), settings.outputs[0].parent, log_path(settings, id))
    start()
    while state(app, id).pid != child.pid:
        time.sleep(0.02)
    child.wait(30)  # the test is its parent, and init would be: without this it stays as a zombie
    assert wait_for(app, id, "done").attempts == 1


def test_what_a_crash_of_the_machine_left(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claimed and never begun: starts anew. All runs done: done. Half-way: goes on in its folder, up to three times."""
    gone = {"status": "running", "attempts": 1, "pid": os.getpid(), "pid_started": "12345.0"}  # a number used again
    begun, finished, failed, fresh = (
        add("seconds=0.1", num_runs=2, **gone), add("seconds=0.1", num_runs=2, **gone), add("seconds=0.1", **gone),
        add("seconds=0.1", status="running", attempts=1),
    )  # fmt: skip
    monkeypatch.setattr(queue, "MOST_AT_ONCE", 100)
    often = gone | {"attempts": 3}
    worn, unlucky = add("seconds=0.1", num_runs=2, **often), add("seconds=0.1", status="running", attempts=3)
    cancelled = add("seconds=0.1", cancel=True, reason="cancelled by ann", **gone)
    left = {begun: ("done", "running"), worn: ("done", "running"), finished: ("done", "done"), failed: ("failed",),
            cancelled: ("running",)}  # fmt: skip
    for id, states in left.items():
        for number, word in enumerate(states):
            folder = settings.outputs[0] / folder_of(id) / "10-00-00" / str(number)
            write_json(folder / "run.json", {"status": word, "reason": "no luck", "config": {}})
    start()
    assert wait_for(app, fresh, "done").attempts == 2
    assert wait_for(app, begun, "done").attempts == 2
    assert [run["status"] for run in runs(settings, begun)] == ["done", "done"]
    assert log_path(settings, begun).read_text().startswith(
        "the worker or the machine stopped; 1 of 2 runs were done: going on (attempt 2 of 3)\n"
        f"$ python -m fedsky.resume outputs/site/{begun}/10-00-00\nround 0\n"
    )  # fmt: skip
    job = state(app, worn)
    assert job.status == "interrupted"
    assert job.reason == "the worker or the machine stopped; 1 of 2 runs were done, after 3 attempts"
    assert [run["status"] for run in runs(settings, worn)] == ["done", "interrupted"]
    job = state(app, cancelled)
    assert (job.status, job.reason) == ("cancelled", "cancelled by ann"), "what a person cancelled stays so"
    assert state(app, finished).status == "done"
    assert (state(app, failed).status, state(app, failed).reason) == ("failed", "no luck")
    assert (state(app, unlucky).status, state(app, unlucky).reason) == (
        "interrupted", "the worker was killed 3 times before it began")  # fmt: skip


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, "done"), (signal.SIGINT, "interrupted")])
def test_a_job_of_an_earlier_worker_goes_on_if_it_is_killed_and_not_if_it_is_stopped(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker], number: signal.Signals, status: str
) -> None:
    id = add("seconds=2", status="running", attempts=1)
    child = process.start(standin(state(app, id)), settings.outputs[0].parent, log_path(settings, id))
    start()
    while state(app, id).pid != child.pid or not runs(settings, id):
        time.sleep(0.02)
    child.send_signal(number)
    child.wait(30)
    job = wait_for(app, id, "done", "interrupted")
    assert (job.status, job.attempts) == (status, 2 if status == "done" else 1)
    assert len(runs(settings, id)) == 1


def test_a_job_that_is_stopped_together_with_its_worker_goes_on_with_the_next(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = add("seconds=2")
    first = start()
    while state(app, id).pid is None or not runs(settings, id):
        time.sleep(0.02)
    monkeypatch.setattr(first, "_say_alive", lambda job: first.left is None and first.stop.wait(5))  # in its loop
    time.sleep(0.1)
    os.kill(state(app, id).pid or 0, signal.SIGINT)
    while runs(settings, id)[0]["status"] == "running":
        time.sleep(0.02)
    time.sleep(0.3)
    first.stop.set()
    time.sleep(0.5)
    assert state(app, id).status == "running"
    start()
    assert wait_for(app, id, "done").attempts == 2
    assert [run["status"] for run in runs(settings, id)] == ["done"]


def test_a_person_has_a_cancelled_job_go_on(
    app: Flask, settings: Settings, add: Add, start: Callable[[], Worker]
) -> None:
    """In the same folder where it had begun; one that was cancelled while it waited begins."""
    id, waiting = add("seconds=1"), add("seconds=0.1")
    with app.extensions["database"].writing() as db:
        assert queue.ask_to_cancel(db, waiting, "cancelled by ann")
        db.commit()
    start()
    while not runs(settings, id):
        time.sleep(0.02)
    with app.extensions["database"].writing() as db:
        assert queue.ask_to_cancel(db, id, "cancelled by ann")
        db.commit()
    wait_for(app, id, "cancelled")
    for each in (id, waiting):
        with app.extensions["database"].writing() as db:
            assert queue.go_on(db, db.scalars(select(User).where(User.key == "operator")).one(), each)
            db.commit()
        job = wait_for(app, each, "done")
        assert (job.reason, job.cancel, job.attempts, job.exit_code) == ("", False, 1, 0)
        assert [run["status"] for run in runs(settings, each)] == ["done"]
    assert "$ python -m fedsky.resume outputs/site/" in log_path(settings, id).read_text()
    with app.extensions["database"].writing() as db:
        user = db.scalars(select(User).where(User.key == "operator")).one()
        assert not queue.go_on(db, user, id), "a job that is done has nothing to go on with"


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
