"""What the site's tests share: a site in a fresh folder, and browsers that are logged in as each role.

With FEDSKY_TEST_DATABASE=postgresql in the environment, every site's database is a fresh one of a PostgreSQL server.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from postgres_server import Cluster, MissingError
from site_browser import PASSWORD, Browser
from werkzeug.routing import Rule

from fedsky.web import Settings, application, create_app, database, passwords
from fedsky.web.accounts import add
from fedsky.web.database import Database
from fedsky.web.options import DATABASE_VARIABLE
from fedsky.web.tables import ACTIVE, User


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """argon2id with parameters that a test can wait for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_sites() -> Iterator[None]:
    """A site's set-up without what takes most of its time, which hundreds of tests need.

    Nothing waits for the disk, as no test cuts the power; and a route of which werkzeug has once made the function that
    builds its address has that function again.
    """
    known: dict[Any, Any] = {}
    make, on_connect = Rule._compile_builder, database._on_connect

    def known_builder(rule: Rule, append_unknown: bool = True) -> Any:
        kinds = [type(each) for each in rule._converters.values()]
        key = (tuple(rule._trace), repr(rule.defaults), *kinds, append_unknown)
        if key not in known:
            known[key] = make(rule, append_unknown)
        return known[key]

    def connected(connection: Any, record: Any) -> None:
        on_connect(connection, record)
        connection.execute("PRAGMA synchronous = OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", known_builder)
        patch.setattr(database, "_on_connect", connected)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of the session's own."""
    try:
        cluster = Cluster()
    except MissingError as missing:
        pytest.skip(str(missing))
    yield cluster
    cluster.close()


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """The address of a fresh database there."""
    name = postgres.new_database()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(autouse=True)
def database_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a test's sites have their database: in their folder, as the empty address says, never a developer's own."""
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    if os.environ.get("FEDSKY_TEST_DATABASE") != "postgresql" or "settings" not in request.fixturenames:
        yield ""
        return
    url: str = request.getfixturevalue("postgres_url")
    monkeypatch.setenv(DATABASE_VARIABLE, url)  # for the programs that a test starts
    made: list[Database] = []

    def noted(url: str, connections: int) -> Database:
        made.append(Database(url, connections))
        return made[-1]

    monkeypatch.setattr(application, "Database", noted)  # psycopg wants every connection closed
    yield url
    for each in made:
        each.close()


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A site of its own in a fresh folder, without runs; replace what a test needs otherwise."""
    (tmp_path / "outputs").mkdir()
    outputs = tmp_path / "outputs"
    return Settings(
        data=tmp_path / "data",
        outputs=(outputs,),
        reference=outputs / "reference",
        federation=tmp_path / "federation",
        testing=True,
        database_url=database_url,
    )


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database of this version with nothing in it: to make its tables takes longer than most tests."""
    file = tmp_path_factory.mktemp("tables") / "site.sqlite"
    database = Database(f"sqlite:///{file}")
    database.upgrade()
    database.close()
    return file


@pytest.fixture
def app(settings: Settings, tables: Path) -> Iterator[Flask]:
    file = settings.data / "site.sqlite"
    if settings.url == f"sqlite:///{file}" and not file.exists():
        settings.prepare()
        shutil.copyfile(tables, file)
    made = create_app(settings)
    with made.extensions["database"].writing() as db:
        hashed = passwords.hasher.hash(PASSWORD)
        for role in ("user", "operator", "admin"):
            add(db, role, hashed, role=role, state=ACTIVE)
        db.commit()
    yield made
    for each in made.extensions.values():  # the database, and what works in a process beside the site
        if hasattr(each, "close"):
            each.close()


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser without an account."""
    return Browser(app.test_client())


@pytest.fixture
def as_role(app: Flask) -> Callable[[str], Browser]:
    """Makes a browser that is logged in as ``user``, ``operator`` or ``admin`` (or any account of PASSWORD)."""

    def make(name: str) -> Browser:
        browser = Browser(app.test_client())
        answer = browser.log_in(name)
        assert answer.status_code == 200, answer.text
        return browser

    return make


@pytest.fixture
def add_user(app: Flask) -> Callable[..., User]:
    """Adds an account with PASSWORD; its role and state as told."""

    def make(name: str, role: str = "user", state: str = ACTIVE) -> User:
        with app.extensions["database"].writing() as db:
            user = add(db, name, passwords.hasher.hash(PASSWORD), role=role, state=state)
            db.commit()
            return user

    return make
