"""Jobs of a site's tests: queued as stand-ins (standin_job.py), run by workers in threads, and looked at."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from standin_worker import standin

from fedsky.web import Settings
from fedsky.web.jobs import process, queue
from fedsky.web.jobs import worker as working
from fedsky.web.jobs.command import folder_of
from fedsky.web.jobs.worker import Worker
from fedsky.web.tables import Job, User

Add = Callable[..., str]
Start = Callable[[], Worker]


def add_job(app: Flask, *arguments: str, num_runs: int = 1, **values: Any) -> str:
    """Queues a stand-in job of the operator; gives its id."""
    with app.extensions["database"].writing() as db:
        user = db.scalars(select(User).where(User.key == "operator")).one()
        job = queue.add(db, user, {"overrides": [], "num_runs": num_runs})
        job.overrides = [*arguments, f"name={folder_of(job.id)}"]
        for name, value in values.items():
            setattr(job, name, value)
        db.commit()
        return job.id


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


def workers(settings: Settings, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
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
