"""The site on a PostgreSQL server that is busy, away, hanging or begun anew: told in one sentence, and healed."""

import logging
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from flask import Flask
from postgres_server import Cluster, name_of
from site_browser import Browser
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from standin_worker import standin

from fedsky.web import Settings, database
from fedsky.web.accounts import add
from fedsky.web.database import Database
from fedsky.web.jobs import queue
from fedsky.web.jobs.command import folder_of
from fedsky.web.jobs.worker import Worker
from fedsky.web.postgres import LOCK
from fedsky.web.tables import Job, Login, User, now


@pytest.fixture
def settings(settings: Settings, postgres_url: str) -> Settings:
    return replace(settings, database_url=postgres_url)


def test_a_busy_server_is_told_as_such(
    app: Flask, postgres_url: str, as_role: Callable[[str], Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = as_role("user")
    monkeypatch.setattr(database, "BUSY_SECONDS", 1)
    with app.extensions["database"].writing() as db:  # so that being seen would be written
        db.execute(update(Login).values(last_seen=now() - timedelta(hours=1)))
        db.commit()
    with psycopg.connect(postgres_url) as other:
        other.execute(f"SELECT pg_advisory_xact_lock({LOCK})".encode())
        answer = user.post("/api/logout")
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
        assert user.get("/api/profile").status_code == 200, "reading goes on"
    assert user.post("/api/logout").status_code == 200


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGQUIT], ids=["in order", "crashed"])
def test_a_server_that_was_away_is_asked_again(
    postgres: Cluster, as_role: Callable[[str], Browser], by: int, caplog: pytest.LogCaptureFixture
) -> None:
    user = as_role("user")
    postgres.stop(by)
    with caplog.at_level(logging.ERROR):
        for answer in (user.get("/api/profile"), user.post("/api/logout")):
            assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
            assert answer.get_json()["detail"].count(".") == 1
    assert all("\n" not in record.getMessage() for record in caplog.records)
    postgres.start()
    assert user.get("/api/profile").status_code == 200, "at the first attempt"
    postgres.stop(by)
    postgres.start()  # between two requests, of which neither fails
    assert user.post("/api/logout").status_code == 200


def test_a_server_that_hangs_is_not_waited_for(
    postgres: Cluster, app: Flask, as_role: Callable[[str], Browser]
) -> None:
    user = as_role("user")
    app.extensions["database"].engine.dispose()
    assert postgres.process is not None
    postgres.process.send_signal(signal.SIGSTOP)
    try:
        started = time.monotonic()
        assert user.get("/api/profile").status_code == 503
        assert time.monotonic() - started < 60
    finally:
        postgres.process.send_signal(signal.SIGCONT)
    assert user.get("/api/profile").status_code == 200


def test_a_job_does_not_notice_that_the_server_is_away(postgres: Cluster, app: Flask, settings: Settings) -> None:
    site: Database = app.extensions["database"]
    with site.writing() as db:
        job = queue.add(db, db.scalars(select(User).where(User.key == "operator")).one(), {"overrides": []})
        job.overrides = ["seconds=2", f"name={folder_of(job.id)}"]
        db.commit()
    worker = Worker(settings, standin)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert _comes_to(site, job.id, queue.RUNNING)
        postgres.stop()
        time.sleep(1)
        postgres.start()
        assert _comes_to(site, job.id, queue.DONE), "and its worker saw its end"
    finally:
        worker.stop.set()
        thread.join(20)


def _comes_to(site: Database, id: str, status: str) -> bool:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with site.reading() as db:
            job = db.get_one(Job, id)
        if job.status == status:
            return status != queue.DONE or job.exit_code == 0
        time.sleep(0.05)
    return False


def test_an_interrupted_change_leaves_nothing(app: Flask, postgres: Cluster, postgres_url: str) -> None:
    """The server ends the connection in the midst of a change, of which nothing is kept."""
    site: Database = app.extensions["database"]
    with site.writing() as db:
        add(db, "anna", "hash")
        postgres.ask(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(postgres_url)}'"
        )
        with pytest.raises(OperationalError):
            db.commit()
    with site.reading() as db:
        assert not db.scalar(select(func.count()).select_from(User).where(User.key == "anna"))
