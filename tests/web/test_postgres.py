"""The site on PostgreSQL, for real: its tables, its starts, and a server that is busy, away or begun anew."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import site_upgrade
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from postgres_server import PASSWORD, Cluster, name_of
from site_browser import Browser
from sqlalchemy import func, inspect, select
from typer.testing import CliRunner

from fedsky.web import Settings
from fedsky.web.__main__ import cli
from fedsky.web.accounts import add
from fedsky.web.database import VERSION_TABLE, Database, head
from fedsky.web.tables import ACTIVE, Annotation, Job, Login, Offer, Prediction, Table, User, now

KILLS = 20
ROOT = Path(__file__).resolve().parents[2]
START = "import sys; from fedsky.web.database import Database; Database(sys.argv[1]).upgrade()"


@pytest.fixture
def url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def settings(settings: Settings, url: str) -> Settings:
    return replace(settings, database_url=url)


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def upgrade(url: str) -> None:
    with opened(url) as database:
        database.upgrade()


def test_the_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    with opened(url) as database:
        database.upgrade()
        with database.engine.connect() as connection:
            options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
            assert compare_metadata(MigrationContext.configure(connection, opts=options), Table.metadata) == []
        inspector = inspect(database.engine)
        assert set(inspector.get_table_names()) == {*Table.metadata.tables, VERSION_TABLE}
        assert database.version() == head()
        for table in Table.metadata.sorted_tables:
            wanted = {(key.parent.name, key.ondelete) for key in table.foreign_keys}
            found = {
                (key["constrained_columns"][0], key["options"].get("ondelete"))
                for key in inspector.get_foreign_keys(table.name)
            }
            assert found == wanted, table.name


def test_upgrading_again_changes_nothing(url: str) -> None:
    with opened(url) as database:
        database.upgrade()
        with database.writing() as db:
            add(db, "anna", "hash", state=ACTIVE)
            db.commit()
        database.upgrade()
        with database.reading() as db:
            assert db.scalars(select(User)).one().name == "anna"


def test_several_starts_at_once_upgrade_once(url: str) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", START, url], cwd=ROOT, stderr=subprocess.PIPE) for _ in "123"]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert site_upgrade.state_of(url) == "new"


def test_killed_at_any_moment_the_tables_are_old_or_new(postgres: Cluster) -> None:
    names = [postgres.new_database() for _ in range(KILLS + 2)]
    urls = [postgres.url(name) for name in names]
    done = subprocess.run(
        [sys.executable, site_upgrade.__file__, "7", *urls],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    found = done.stdout.split()
    assert len(found) == KILLS and set(found) == {"old", "new"}, found
    for url in urls:  # and each goes on from where it is
        upgrade(url)
        assert site_upgrade.state_of(url) == "new"
    for name in names:
        postgres.drop(name)


def test_the_password_need_not_stand_in_the_address(
    postgres: Cluster, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = postgres.url(name_of(url), password=None)
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
    monkeypatch.setenv("FEDSKY_DATABASE_URL", url)  # or the whole address by the site's own variable
    done = CliRunner().invoke(cli, ["--data", str(tmp_path / "data"), "create-admin", "anna"])
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "data" / "site.sqlite").exists()
    with opened(url) as database, database.reading() as db:
        assert db.scalars(select(User.name)).all() == ["anna"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_ways_to_write_the_address(url: str, scheme: str) -> None:
    upgrade(url.replace("postgresql", scheme, 1))
    with opened(url) as database:
        assert database.version() == head()


def test_what_is_wrong_is_told_in_one_line(postgres: Cluster, url: str, tmp_path: Path) -> None:
    narrow = postgres.new_database("ENCODING 'SQL_ASCII' TEMPLATE template0")
    asked = {
        postgres.url("nothing"): 'database "nothing" does not exist',
        url.replace("password", "guess"): "password authentication failed",
        postgres.url(narrow): r"encoding is SQL_ASCII.*--encoding=UTF8",
        "postgresql://site@127.0.0.1:1/site": "refused",
    }
    for address, told in asked.items():
        done = CliRunner().invoke(cli, ["--data", str(tmp_path), "--database", address, "upgrade"])
        assert done.exit_code == 1 and done.stderr.count("\n") == 1, done.stderr
        assert re.search(told, done.stderr) and "a%20" not in done.stderr, done.stderr
    postgres.drop(narrow)


def test_times_come_back_in_utc(url: str) -> None:
    with opened(url) as database:  # the server's clock shows Tokyo's time
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
