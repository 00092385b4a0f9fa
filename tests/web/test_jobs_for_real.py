"""One real training from launch to compared runs, and a worker that is killed again and again."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask import Flask
from kept_round import content
from sqlalchemy import select, text

from fedsky.web import Settings
from fedsky.web.jobs import process, queue
from fedsky.web.jobs.command import folder_of
from fedsky.web.jobs.worker import Worker
from fedsky.web.tables import Job, User

pytestmark = pytest.mark.slow

QUICK = {"engine": "inline", "num_rounds": 2, "data.count": 60, "data.size": 32, "num_clients": 2, "repetitions": 2}
SUPPORT = Path(__file__).resolve().parents[1] / "support"
KILLS = 12


def test_a_launch_trains_and_its_runs_can_be_seen(
    app: Flask, settings: Settings, as_role: Callable[[str], Any], visitor: Any
) -> None:
    operator = as_role("operator")
    answer = operator.post("/api/jobs", {"fields": QUICK})
    assert answer.status_code == 201, answer.text
    id = answer.get_json()["job"]["id"]
    worker = Worker(settings)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        end = time.monotonic() + 240
        while (job := operator.get(f"/api/jobs/{id}").get_json())["job"]["status"] in ("queued", "running"):
            assert time.monotonic() < end
            time.sleep(0.5)
    finally:
        worker.stop.set()
        thread.join(30)
    log = operator.get(f"/api/jobs/{id}/log").get_json()
    assert job["job"]["status"] == "done", log["text"]
    assert "round 2/2" in log["text"] and log["done"]
    app.extensions["runs"].index.refresh(0)
    job = operator.get(f"/api/jobs/{id}").get_json()
    assert len(job["runs"]) == 2
    rows = [visitor.get(f"/api/runs/{run['id']}").get_json()["run"] for run in job["runs"]]
    assert [row["seed"] for row in rows] == [0, 1] and {row["status"] for row in rows} == {"done"}
    info = json.loads(next((settings.outputs[0] / folder_of(id)).rglob("run.json")).read_text())
    assert info["command"] == job["job"]["command"], "what is shown is what ran"


def rounds_of(folder: Path) -> list[int]:
    """How many rounds each run of a job has written."""
    return [path.read_text().count("\n") for path in sorted(folder.rglob("rounds.jsonl"))]


def digests(folder: Path) -> dict[str, str]:
    """What the same command gives the same bytes of, by run and name."""
    names = ("rounds.jsonl", "clients.jsonl", "predictions.csv", "partition.json")
    paths = [path for path in folder.rglob("*") if path.name in names or path.suffix == ".safetensors"]
    return {
        "/".join(path.relative_to(folder).parts[1:]): hashlib.sha256(
            repr(content(path)).encode() if path.parent.name == "checkpoint" else path.read_bytes()
        ).hexdigest()
        for path in paths
    }


def test_a_training_killed_and_cancelled_on_its_way_comes_to_the_same_bytes(
    app: Flask, settings: Settings, as_role: Callable[[str], Any]
) -> None:
    """The first run killed with the machine and gone on with by the next worker; the second cancelled, and gone on."""
    operator = as_role("operator")
    body = {"fields": QUICK | {"num_rounds": 25, "data.size": 16}}
    id, whole = (operator.post("/api/jobs", body).get_json()["job"]["id"] for _ in range(2))
    folder = settings.outputs[0] / folder_of(id)

    def until(is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + 180
        while not is_so():
            assert time.monotonic() < end, operator.get(f"/api/jobs/{id}/log").get_json()["text"]
            time.sleep(0.01)

    def told(which: str) -> dict[str, Any]:
        time.sleep(0.3)  # the site has a rate
        found: dict[str, Any] = operator.get(f"/api/jobs/{which}").get_json()["job"]
        return found

    first = Worker(settings)
    thread = threading.Thread(target=first.run)
    thread.start()
    try:
        until(lambda: bool(rounds_of(folder)) and rounds_of(folder)[0] > 3)
    finally:
        first.stop.set()
        thread.join(30)
    assert first.left is not None
    os.killpg(first.left.pid, signal.SIGKILL)
    first.left.wait(10)
    assert told(id)["status"] == "running" and len(rounds_of(folder)) == 1
    second = Worker(settings)
    thread = threading.Thread(target=second.run)
    thread.start()
    try:
        until(lambda: len(rounds_of(folder)) == 2 and rounds_of(folder)[1] > 3)
        assert operator.post(f"/api/jobs/{id}/cancel").status_code == 200
        until(lambda: told(id)["status"] == "cancelled")
        cut = rounds_of(folder)
        assert operator.post(f"/api/jobs/{id}/resume").status_code == 200
        until(lambda: told(whole)["status"] == "done" and told(id)["status"] == "done")
    finally:
        second.stop.set()
        thread.join(30)
    assert cut[0] == 26 > cut[1], "the second run was cut"
    log = operator.get(f"/api/jobs/{id}/log").get_json()["text"]
    assert "going on (attempt 2 of 3)" in log and log.count("$ python -m fedsky.resume outputs/site/") == 2
    assert "Traceback" not in log
    assert log.count("round 1/25") == 2, "each run began once"
    expected = digests(settings.outputs[0] / folder_of(whole))
    assert len(expected) > 8
    assert digests(folder) == expected


def test_a_worker_killed_at_any_moment_loses_no_job(app: Flask, settings: Settings) -> None:
    """kill -9 of the worker, sometimes of the job too, at random moments. Jobs are stand-ins that take a second."""
    rng = random.Random(7)
    database = app.extensions["database"]
    command = [sys.executable, str(SUPPORT / "standin_worker.py"), str(settings.data), str(settings.outputs[0])]
    ids: list[str] = []
    killed_jobs: set[str] = set()
    for kill in range(KILLS + 1):
        with database.writing() as db:
            user = db.scalars(select(User).where(User.key == "operator")).one()
            if queue.waiting(db) < 3:
                job = queue.add(db, user, {"overrides": []})
                job.overrides = [f"seconds={rng.uniform(0.05, 1.0)}", f"name={folder_of(job.id)}"]
                ids.append(job.id)
            db.commit()
        worker = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
        if kill == KILLS:
            break
        time.sleep(rng.uniform(1.0, 4.0))
        if rng.random() < 0.3:
            with database.reading() as db:
                for running in db.scalars(select(Job).where(Job.status == "running", Job.pid.is_not(None))):
                    if (found := process.find(running.id, running.pid, running.pid_started)) is not None:
                        killed_jobs.add(running.id)
                        found.kill()
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    try:
        end = time.monotonic() + 120
        while True:
            with database.reading() as db:
                jobs = {job.id: job for job in db.scalars(select(Job))}
            if all(job.status not in ("queued", "running") for job in jobs.values()):
                break
            assert time.monotonic() < end, {job.id: job.status for job in jobs.values()}
            time.sleep(0.2)
    finally:
        worker.terminate()
        assert worker.wait(20) == 0
    assert sorted(jobs) == sorted(ids), "no job is lost, none is invented"
    if database.engine.dialect.name == "sqlite":
        with database.reading() as db:
            assert db.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    for id, job in jobs.items():
        folder = settings.outputs[0] / folder_of(id)
        states = [json.loads(path.read_text())["status"] for path in folder.rglob("run.json")]
        assert "running" not in states, (id, job.status)
        assert job.ended is not None and job.pid is None
        if job.status == "done":
            assert states == ["done"]
        else:
            assert id in killed_jobs and job.status in ("interrupted", "failed"), (id, job.status, job.reason)
    marks = {f"name={folder_of(id)}" for id in ids}
    assert not [each for each in psutil.process_iter(["cmdline"]) if marks & set(each.info["cmdline"] or ())]
