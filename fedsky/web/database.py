"""The site's database: SQLite by default, any other that SQLAlchemy speaks by its address.

A request gets two kinds of session. ``reading`` begins a transaction when first used; ``writing`` takes SQLite's
write lock at once (BEGIN IMMEDIATE), since a transaction that reads first and writes later fails when another wrote
in between. So do slow work (hashing, judging a photograph) before the first statement of a writing session.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.orm import Session, sessionmaker

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
VERSION_TABLE = "fedsky_web_version"
BUSY_SECONDS = 20


class Database:
    """An engine and its two kinds of session."""

    def __init__(self, url: str, connections: int = 16) -> None:
        try:
            shown = hidden(url)
        except ArgumentError:
            raise ValueError("that is no database's address: it should look like sqlite:////folder/file") from None
        try:
            self.engine = create_engine(url, pool_size=connections, max_overflow=connections)
        except (NoSuchModuleError, ImportError) as error:
            raise ValueError(f"{shown} is no database here: {' '.join(str(error).split())}") from None
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _on_connect)
            event.listen(self.engine, "begin", _on_begin)
        self.reading = sessionmaker(self.engine, expire_on_commit=False)
        self.writing = sessionmaker(self.engine.execution_options(fedsky_writes=True), expire_on_commit=False)

    def close(self) -> None:
        self.engine.dispose()

    def upgrade(self) -> None:
        """Brings the tables to this version in one transaction under a lock: a kill leaves them old or new."""
        try:
            with self.engine.execution_options(fedsky_writes=True).begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(7233105)"))
                command.upgrade(_config(connection), "head")
        except CommandError as error:
            raise ValueError(f"{hidden(self.engine.url)} is of a later version of fedsky: {error}") from None
        except DatabaseError as error:
            raise ValueError(f"{hidden(self.engine.url)} cannot be used: {error.orig}") from None

    def version(self) -> str | None:
        """The version of the tables, None where there are none."""
        with self.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            return context.get_current_revision()


def head() -> str | None:
    """The version that this code needs."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def hidden(url: str | URL) -> str:
    """A database's address without its password, to be shown."""
    return make_url(url).render_as_string(hide_password=True)


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _on_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing on its own, see _on_begin
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit outlives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("fedsky_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def in_order(session: Session) -> bool:
    """Whether the database answers."""
    return bool(session.execute(text("SELECT 1")).scalar())
