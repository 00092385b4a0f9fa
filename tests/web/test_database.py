"""The tables are those of the migrations, and come about whole: whoever starts at once, whenever it is killed."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
import site_upgrade
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from site_browser import Browser
from sqlalchemy import event, inspect, select, text, update

from fedsky.web.accounts import add
from fedsky.web.database import VERSION_TABLE, Database, _config, head, hidden
from fedsky.web.tables import ACTIVE, Launch, Login, Table, User, iso, now

KILLS = {"sqlite": 50, "postgresql": 20}
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
START = """
import sys
from fedsky.web.database import Database
print("go", flush=True)
sys.stdin.read(1)
Database(sys.argv[1]).upgrade()
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes databases of either kind, and tells their addresses."""
    if request.param == "sqlite":
        numbers = count()
        yield lambda: f"sqlite:///{tmp_path / f'{next(numbers)}.sqlite'}"
        return
    postgres, names = request.getfixturevalue("postgres"), []

    def made() -> str:
        names.append(postgres.new_database())
        return str(postgres.url(names[-1]))

    yield made
    for name in names:
        postgres.drop(name)


@pytest.fixture
def database(fresh: Callable[[], str]) -> Iterator[Database]:
    with closing(Database(fresh())) as made:
        yield made


def test_the_migrations_make_the_tables_that_the_code_knows(database: Database) -> None:
    database.upgrade()
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Table.metadata) == []
    assert set(inspect(database.engine).get_table_names()) == {*Table.metadata.tables, VERSION_TABLE}
    assert database.version() == head()
    foreign = {
        (table.name, key.parent.name, key.ondelete)
        for table in Table.metadata.sorted_tables
        for key in table.foreign_keys
    }
    made = {
        (name, key["constrained_columns"][0], key["options"].get("ondelete"))
        for name in Table.metadata.tables
        for key in inspect(database.engine).get_foreign_keys(name)
    }
    assert made == foreign


def test_a_database_of_the_first_version_is_brought_up_to_date_with_what_it_holds(database: Database) -> None:
    with database._writes.begin() as connection:
        command.upgrade(_config(connection), "initial")
        connection.execute(
            text(
                "INSERT INTO users (id, name, key, password_hash, must_change_password, role, state, created) "
                "VALUES ('u', 'anna', 'anna', 'hash', false, 'operator', 'waiting', '2026-11-01 00:00:00')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO jobs (id, user_id, title, overrides, folder, status, reason, num_runs, cancel, attempts, "
                "created) VALUES ('j', 'u', '', '[]', '', 'done', '', 1, false, 1, '2026-11-02 00:00:00')"
            )
        )
    database.upgrade()
    with database.reading() as db:
        assert db.scalars(select(User)).one().asked_again == 0
        launch = db.scalars(select(Launch)).one()
        assert (launch.user_id, iso(launch.time)) == ("u", "2026-11-02T00:00:00+00:00")


def test_upgrading_again_changes_nothing(database: Database) -> None:
    database.upgrade()
    with database.writing() as db:
        add(db, "anna", "hash", state=ACTIVE)
        db.commit()
    database.upgrade()
    with database.reading() as db:
        assert db.scalars(select(User)).one().name == "anna"


def test_a_database_of_a_later_version_is_left_alone(database: Database) -> None:
    database.upgrade()
    with database.writing() as db:
        db.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = 'of the future'"))
        db.commit()
    with pytest.raises(ValueError, match="later version"):
        database.upgrade()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("nonsense", "not the address of a database"),
        ("martian://x/y", "martian"),
        ("mysql://x/y", "not a database here"),
        ("postgresql+asyncpg://x/y", "not a database here"),
        ("postgresql://x:port/y", "not the address of a database"),
        ("sqlite:////nonexistent/x/y", "cannot be used"),
    ],
)
def test_addresses_of_no_database(wrong: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refusal:
        Database(wrong).upgrade()
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"not a database at all, but a longish text" * 50)
    with pytest.raises(ValueError, match="cannot be used"):
        Database(f"sqlite:///{tmp_path / 'x'}").upgrade()
    assert (tmp_path / "x").read_bytes().startswith(b"not a database")


def test_a_password_in_an_address_is_not_shown() -> None:
    for url in ("postgresql://anna:geheim@db.example/site", "postgresql:///site?user=anna&password=geheim"):
        assert "geheim" not in hidden(url) and "anna" in hidden(url)


def test_a_missing_driver_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ValueError, match=r"needs psycopg.*pip install 'psycopg\[binary\]'") as refusal:
        Database("postgresql://anna:geheim@db.example/site")
    assert "geheim" not in str(refusal.value) and "\n" not in str(refusal.value)


def test_several_starts_at_once_upgrade_once(fresh: Callable[[], str]) -> None:
    url = fresh()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == b"go\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"x")
        process.stdin.flush()
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert site_upgrade.state_of(url) == "new"


def test_killed_at_any_moment_the_tables_are_old_or_new(
    request: pytest.FixtureRequest, fresh: Callable[[], str]
) -> None:
    kills = KILLS[request.node.callspec.params["fresh"]]
    urls = [fresh() for _ in range(kills + 2)]
    program = [sys.executable, site_upgrade.__file__, "7", *urls]
    done = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT, env=ENVIRONMENT, timeout=600)
    found = done.stdout.split()
    assert len(found) == kills and set(found) == {"old", "new"}, found
    for url in urls:  # and each goes on from where it is
        with closing(Database(url)) as database:
            database.upgrade()
        assert site_upgrade.state_of(url) == "new"


def test_a_busy_database_is_told_as_such(app: Flask, as_role: Callable[[str], Browser]) -> None:
    """Another process holds the write lock for longer than the site waits: 503, and all is well after."""
    user = as_role("user")
    database = app.extensions["database"]
    if database.engine.dialect.name != "sqlite":
        pytest.skip("this is SQLite's lock; test_postgres.py has PostgreSQL's")
    with database.writing() as db:  # so that being seen would be written
        db.execute(update(Login).values(last_seen=now() - timedelta(hours=1)))
        db.commit()
    path = database.engine.url.database
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database.engine.dispose()
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50"))
    answer = user.post("/api/logout")
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    assert user.get("/api/profile").status_code == 200, "reading goes on"
    other.execute("ROLLBACK")
    other.close()
    assert user.post("/api/logout").status_code == 200
