"""The site on PostgreSQL when many change it at once: what is counted still holds when it is written."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from flask import Flask
from site_browser import PASSWORD, Browser
from sqlalchemy import func, select

from fedsky.web import Settings, accounts
from fedsky.web.api import predictions
from fedsky.web.database import Database
from fedsky.web.jobs import queue
from fedsky.web.tables import ACTIVE, Annotation, Job, Offer, Prediction, User, Worker

T = TypeVar("T")
ROUNDS = 10


@pytest.fixture
def settings(settings: Settings, postgres_url: str) -> Settings:
    return replace(settings, database_url=postgres_url, registration="open")


@pytest.fixture
def site(app: Flask) -> Database:
    found = app.extensions["database"]
    assert isinstance(found, Database)
    return found


def at_once(*deeds: Callable[[], T]) -> list[T]:
    """What each gives, all begun at the same moment."""
    barrier = threading.Barrier(len(deeds))
    given: list[T] = []

    def do(deed: Callable[[], T]) -> None:
        barrier.wait(10)
        given.append(deed())

    threads = [threading.Thread(target=do, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(given) == len(deeds), "one ended with an error, which pytest tells too"
    return given


def test_no_quota_is_a_matter_of_speed(site: Database) -> None:
    def launch() -> bool:
        with site.writing() as db:
            user = db.scalars(select(User).where(User.key == "operator")).one()
            try:
                queue.add(db, user, {"overrides": []})
            except queue.QuotaError:
                return False
            db.commit()
            return True

    assert sum(at_once(*[launch] * 16)) == queue.MOST_AT_ONCE


def test_no_queue_grows_beyond_its_bound(
    site: Database, monkeypatch: pytest.MonkeyPatch, add_user: Callable[..., User]
) -> None:
    monkeypatch.setattr(queue, "MOST_WAITING", 7)
    users = [add_user(f"operator{i}", role="operator") for i in range(16)]

    def launch(user: User) -> bool:
        with site.writing() as db:
            try:
                queue.add(db, user, {"overrides": []})
            except queue.QuotaError:
                return False
            db.commit()
            return True

    assert sum(at_once(*[lambda user=user: launch(user) for user in users])) == 7


def test_no_job_is_claimed_twice(site: Database, add_user: Callable[..., User]) -> None:
    with site.writing() as db:
        wanted = {f"job{i}" for i in range(40)}
        db.add_all([Job(id=id, overrides=[]) for id in wanted])
        db.commit()

    def claim() -> list[str]:
        mine: list[str] = []
        while True:
            with site.writing() as db:
                job = queue.claim(db)
                if job is None:
                    return mine
                mine.append(job.id)

    claimed = [id for each in at_once(*[claim] * 8) for id in each]
    assert len(claimed) == len(wanted) and set(claimed) == wanted


def test_the_last_administrator_stays(site: Database, app: Flask, add_user: Callable[..., User]) -> None:
    for i in range(ROUNDS):
        names = ("admin", f"other{i}")
        add_user(names[1], role="admin")
        with site.writing() as db:
            db.query(User).where(User.key == "admin").update({"role": "admin"})
            db.commit()
            ids = {user.key: user.id for user in db.scalars(select(User))}
        browsers = [Browser(app.test_client()) for _ in names]
        for browser, name in zip(browsers, names, strict=True):
            assert browser.log_in(name).status_code == 200
        ways: list[Callable[[], int]] = [
            lambda: browsers[0].patch(f"/api/admin/users/{ids[names[0]]}", {"role": "user"}).status_code,  # noqa: B023
            lambda: browsers[1].delete("/api/profile", {"password": PASSWORD}).status_code,  # noqa: B023
        ]
        assert sorted(at_once(*ways)) == [200, 409]
        with site.writing() as db:
            assert accounts.num_admins(db) == 1
            db.query(User).where(User.key == names[1]).delete()
            db.commit()


def test_one_wins_a_name(site: Database, app: Flask, add_user: Callable[..., User]) -> None:
    for i in range(ROUNDS):
        browsers = []
        for name in (f"one{i}", f"two{i}"):
            add_user(name)
            browsers.append(Browser(app.test_client()))
            assert browsers[-1].log_in(name).status_code == 200
        change = {"current_password": PASSWORD, "name": f"Wanted{i}"}
        ways = [lambda browser=browser: browser.patch("/api/profile", change).status_code for browser in browsers]  # noqa: B023
        assert sorted(at_once(*ways)) == [200, 409]
        with site.reading() as db:
            assert db.scalar(select(func.count()).select_from(User).where(User.key == f"wanted{i}")) == 1


def test_one_registers_a_name_and_all_are_told_the_same(site: Database, app: Flask) -> None:
    def register() -> int:
        browser = Browser(app.test_client())
        return browser.post("/api/register", {"name": "Anna", "password": "green boats on a slow river"}).status_code

    assert len(set(at_once(*[register] * 6))) == 1
    with site.reading() as db:
        assert db.scalar(select(func.count()).select_from(User).where(User.key == "anna")) == 1


def test_no_photograph_is_offered_twice_and_not_too_many(
    site: Database, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "MOST_OFFERED", 3)
    with site.writing() as db:
        user = db.scalars(select(User).where(User.key == "user")).one()
        answer = {"model": {"classes": ["sunny"]}}
        for i in range(6):
            db.add(Prediction(id=f"p{i}", user_id=user.id, model_id="m", label="sunny", probability=1.0, answer=answer,
                              photo=bytes([i])))  # fmt: skip
        db.commit()
    browsers = [Browser(app.test_client()) for _ in range(12)]
    for browser in browsers:
        assert browser.log_in("user").status_code == 200
    ways = [
        lambda i=i, browser=browser: browser.post(f"/api/predictions/p{i % 6}/offer", {"label": "sunny"}).status_code
        for i, browser in enumerate(browsers)
    ]
    assert Counter(at_once(*ways)) == {201: 3, 409: 9}
    with site.reading() as db:
        offered = db.scalars(select(Offer.sha256)).all()
    assert len(offered) == len(set(offered)) == 3


def test_what_is_added_or_changed_is_there_once(site: Database) -> None:
    """A worker's sign of life, a note and a one-time password: each looks whether a row is there, then writes it."""

    def sign(pid: int) -> None:
        with site.writing() as db:
            queue.say_alive(db, pid, "0.0", None)

    def note(tag: str) -> None:
        with site.writing() as db:
            kept = db.get(Annotation, "run") or Annotation(run_id="run", tags=[])
            kept.tags = [*kept.tags, tag]
            db.add(kept)
            db.commit()

    def one_time() -> None:
        with site.writing() as db:
            accounts.one_time(db, "anna", "admin")

    at_once(*[lambda pid=pid: sign(pid) for pid in range(6)])
    at_once(*[lambda tag=tag: note(tag) for tag in "abcdef"])
    at_once(*[one_time] * 4)
    with site.reading() as db:
        assert db.scalar(select(func.count()).select_from(Worker)) == 1
        assert sorted(db.get_one(Annotation, "run").tags) == list("abcdef")
        anna = db.scalars(select(User).where(User.key == "anna")).one()
        assert anna.role == "admin" and anna.state == ACTIVE
