"""The site on PostgreSQL, for real: its address, its times, and what goes with an account."""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from postgres_server import PASSWORD, Cluster, name_of
from site_browser import Browser
from sqlalchemy import func, select
from typer.testing import CliRunner

from fedsky.web import Settings
from fedsky.web.__main__ import cli
from fedsky.web.accounts import add
from fedsky.web.database import Database, head
from fedsky.web.tables import Annotation, Job, Login, Offer, Prediction, User, now


@pytest.fixture
def settings(settings: Settings, postgres_url: str) -> Settings:
    return replace(settings, database_url=postgres_url)


def upgrade(url: str) -> None:
    with closing(Database(url)) as database:
        database.upgrade()


def test_the_password_need_not_stand_in_the_address(
    postgres: Cluster, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = postgres.url(name_of(postgres_url), password=None)
    with pytest.raises(ValueError, match=r"cannot be used: .*no password supplied") as refusal:
        upgrade(bare)
    assert "\n" not in str(refusal.value)
    with monkeypatch.context() as patch:  # as libpq takes it
        patch.setenv("PGPASSWORD", PASSWORD)
        upgrade(bare)
    with monkeypatch.context() as patch:
        file = tmp_path / "pgpass"
        file.write_text(f"*:*:*:*:{PASSWORD.replace(':', chr(92) + ':')}\n")
        file.chmod(0o600)
        patch.setenv("PGPASSFILE", str(file))
        upgrade(bare)
    monkeypatch.setenv("FEDSKY_DATABASE_URL", postgres_url)  # or the whole address by the site's own variable
    done = CliRunner().invoke(cli, ["--data", str(tmp_path / "data"), "create-admin", "anna"])
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "data" / "site.sqlite").exists()
    with closing(Database(postgres_url)) as database, database.reading() as db:
        assert db.scalars(select(User.name)).all() == ["anna"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_ways_to_write_the_address(postgres_url: str, scheme: str) -> None:
    upgrade(postgres_url.replace("postgresql", scheme, 1))
    with closing(Database(postgres_url)) as database:
        assert database.version() == head()


def test_what_is_wrong_is_told_in_one_line(postgres: Cluster, postgres_url: str, tmp_path: Path) -> None:
    narrow = postgres.new_database("ENCODING 'SQL_ASCII' TEMPLATE template0")
    asked = {
        postgres.url("nothing"): 'database "nothing" does not exist',
        postgres_url.replace("password", "guess"): "password authentication failed",
        postgres.url(narrow): r"encoding is SQL_ASCII.*--encoding=UTF8",
        "postgresql://site@127.0.0.1:1/site": "refused",
    }
    for address, told in asked.items():
        done = CliRunner().invoke(cli, ["--data", str(tmp_path), "--database", address, "upgrade"])
        assert done.exit_code == 1 and done.stderr.count("\n") == 1, done.stderr
        assert re.search(told, done.stderr) and "a%20" not in done.stderr, done.stderr
    postgres.drop(narrow)


def test_times_come_back_in_utc(postgres_url: str) -> None:
    with closing(Database(postgres_url)) as database:  # the server's clock shows Tokyo's time
        database.upgrade()
        before = now()
        with database.writing() as db:
            id = add(db, "anna", "hash").id
            db.commit()
        with database.reading() as db:
            created = db.get_one(User, id).created
    assert created.utcoffset() == timedelta(0) and before <= created <= now()


def test_deleting_an_account_takes_along_what_was_its(app: Flask, as_role: Callable[[str], Browser]) -> None:
    owner = as_role("operator")
    with app.extensions["database"].writing() as db:
        user = db.scalars(select(User).where(User.key == "operator")).one()
        kept = {"label": "sunny", "probability": 0.5, "answer": {}, "photo": b"\0\xff", "model_id": "m"}
        db.add_all([Prediction(id="p", user_id=user.id, **kept), Job(id="j", user_id=user.id, overrides=[])])
        db.add(Annotation(run_id="r", user_id=user.id))
        db.flush()
        offer = {"user_id": user.id, "prediction_id": "p", "label": "sunny", "photo": b"\0"}
        db.add_all([Offer(id="w", sha256="1", **offer), Offer(id="a", sha256="2", state="accepted", **offer)])
        db.commit()
    assert owner.delete("/api/profile", {"password": "seven blue kites over harbour"}).status_code == 200
    with app.extensions["database"].reading() as db:
        assert db.get(User, user.id) is None and db.get(Prediction, "p") is None and db.get(Offer, "w") is None
        assert not db.scalar(select(func.count()).select_from(Login).where(Login.user_id == user.id))
        job, note, accepted = db.get_one(Job, "j"), db.get_one(Annotation, "r"), db.get_one(Offer, "a")
        assert job.user_id is None and note.user_id is None and accepted.user_id is None
        assert job.status == "cancelled" and accepted.prediction_id is None


def test_what_no_text_can_hold_is_not_found(app: Flask, as_role: Callable[[str], Browser]) -> None:
    """PostgreSQL's text has no character 0; a path or name with one is answered like any other that is unknown."""
    admin = as_role("admin")
    assert admin.patch("/api/admin/users/a%00b", {"role": "user"}).status_code == 404
    assert admin.get("/api/jobs/a%00b").status_code == 404
    assert Browser(app.test_client()).log_in("a\0b").status_code == 401
