"""Jobs that go on where they stopped: after a crash, with the next worker, and because a person wants it."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from flask import Flask
from job_site import Add, Start, add_job, runs, state, wait_for, workers
from sqlalchemy import select
from standin_worker import standin

from fedsky.history import write_json
from fedsky.web import Settings
from fedsky.web.jobs import process, queue
from fedsky.web.jobs.command import folder_of
from fedsky.web.jobs.worker import log_path
from fedsky.web.tables import User


@pytest.fixture
def add(app: Flask) -> Add:
    return partial(add_job, app)


@pytest.fixture
def start(settings: Settings, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    yield from workers(settings, app, monkeypatch)


def test_what_a_crash_of_the_machine_left(
    app: Flask, settings: Settings, add: Add, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claimed and never begun: starts anew. All runs done: done. Half-way: goes on in its folder, up to three times."""
    gone = {"status": "running", "attempts": 1, "pid": os.getpid(), "pid_started": "12345.0"}  # a number used again
    begun, finished, failed, fresh = (
        add("seconds=0.1", num_runs=2, **gone),
        add("seconds=0.1", num_runs=2, **gone),
        add("seconds=0.1", **gone),
        add("seconds=0.1", status="running", attempts=1),
    )
    monkeypatch.setattr(queue, "MOST_AT_ONCE", 100)
    often = gone | {"attempts": 3}
    worn, unlucky = add("seconds=0.1", num_runs=2, **often), add("seconds=0.1", status="running", attempts=3)
    cancelled = add("seconds=0.1", cancel=True, reason="cancelled by ann", **gone)
    left = {
        begun: ("done", "running"),
        worn: ("done", "running"),
        finished: ("done", "done"),
        failed: ("failed",),
        cancelled: ("running",),
    }
    for id, states in left.items():
        for number, word in enumerate(states):
            folder = settings.outputs[0] / folder_of(id) / "10-00-00" / str(number)
            write_json(folder / "run.json", {"status": word, "reason": "no luck", "config": {}})
    start()
    assert wait_for(app, fresh, "done").attempts == 2
    assert wait_for(app, begun, "done").attempts == 2
    assert [run["status"] for run in runs(settings, begun)] == ["done", "done"]
    assert (
        log_path(settings, begun)
        .read_text()
        .startswith(
            "the worker or the machine stopped; 1 of 2 runs were done: going on (attempt 2 of 3)\n"
            f"$ python -m fedsky.resume outputs/site/{begun}/10-00-00\nround 0\n"
        )
    )
    job = state(app, worn)
    assert job.status == "interrupted"
    assert job.reason == "the worker or the machine stopped; 1 of 2 runs were done, after 3 attempts"
    assert [run["status"] for run in runs(settings, worn)] == ["done", "interrupted"]
    job = state(app, cancelled)
    assert (job.status, job.reason) == ("cancelled", "cancelled by ann"), "what a person cancelled stays so"
    assert state(app, finished).status == "done"
    assert (state(app, failed).status, state(app, failed).reason) == ("failed", "no luck")
    assert (state(app, unlucky).status, state(app, unlucky).reason) == (
        "interrupted",
        "the worker was killed 3 times before it began",
    )


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, "done"), (signal.SIGINT, "interrupted")])
def test_a_job_of_an_earlier_worker_goes_on_if_it_is_killed_and_not_if_it_is_stopped(
    app: Flask, settings: Settings, add: Add, start: Start, tmp_path: Path, number: signal.Signals, status: str
) -> None:
    id = add(f"until={tmp_path / 'end'}", status="running", attempts=1)
    child = process.start(standin(state(app, id)), settings.outputs[0].parent, log_path(settings, id))
    start()
    while state(app, id).pid != child.pid or not runs(settings, id):
        time.sleep(0.02)
    child.send_signal(number)
    child.wait(30)
    (tmp_path / "end").touch()
    job = wait_for(app, id, "done", "interrupted")
    assert (job.status, job.attempts) == (status, 2 if status == "done" else 1)
    assert len(runs(settings, id)) == 1


def test_a_job_that_is_stopped_together_with_its_worker_goes_on_with_the_next(
    app: Flask, settings: Settings, add: Add, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = add(f"until={tmp_path / 'end'}")
    first = start()
    while state(app, id).pid is None or not runs(settings, id):
        time.sleep(0.02)
    waits, left = threading.Event(), threading.Event()

    def wait(job: str | None) -> None:
        waits.set()
        first.stop.wait(60)

    monkeypatch.setattr(first, "_say_alive", wait)  # within its loop, until it is told to stop
    close = first.database.close

    def leave() -> None:
        close()
        left.set()

    monkeypatch.setattr(first.database, "close", leave)
    assert waits.wait(60)
    job = psutil.Process(state(app, id).pid)
    job.send_signal(signal.SIGINT)
    while job.status() != psutil.STATUS_ZOMBIE:  # nobody has waited for it yet
        time.sleep(0.02)
    first.stop.set()
    assert left.wait(60)
    assert state(app, id).status == "running"
    (tmp_path / "end").touch()
    start()
    assert wait_for(app, id, "done").attempts == 2
    assert [run["status"] for run in runs(settings, id)] == ["done"]


def test_a_person_has_a_cancelled_job_go_on(app: Flask, settings: Settings, add: Add, start: Start) -> None:
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
