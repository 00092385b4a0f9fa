"""The site's database: SQLite by default, PostgreSQL by its address.

A request gets two kinds of session. ``reading`` begins a transaction when first used; ``writing`` takes the one write
lock at once (BEGIN IMMEDIATE on SQLite, see fedsky.web.postgres for the other), since a transaction that reads first
and writes later fails, or writes what is no longer so, when another wrote in between. So do slow work (hashing,
judging a photograph) before the first statement of a writing session.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.orm import sessionmaker

from fedsky.web import postgres

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
VERSION_TABLE = "fedsky_web_version"
BUSY_SECONDS = 20
FORGET_SECONDS = 2  # that a deletion waits for readers of what is deleted
SQLITE = ("sqlite", "sqlite+pysqlite")
LOOKS = "sqlite:////folder/file or postgresql://user@host/name"


class Database:
    """An engine and its two kinds of session."""

    def __init__(self, url: str, connections: int = 16) -> None:
        try:
            address = make_url(url)
        except (ArgumentError, ValueError):  # the latter of a port that is not a number
            raise ValueError(f"that is not the address of a database: it should look like {LOOKS}") from None
        more: dict[str, Any] = {}
        reads: dict[str, Any] = {}
        writes: dict[str, Any] = {"fedsky_writes": True}
        if address.drivername in postgres.NAMES:
            address = postgres.through_psycopg(address)
            more = {"pool_pre_ping": True, "connect_args": postgres.connecting(address)}
            reads, writes = postgres.READS, postgres.WRITES
        elif address.drivername not in SQLITE:
            raise ValueError(f"{hidden(address)} is not a database here: it should look like {LOOKS}")
        try:
            # Values (hashes, names, photographs) do not belong into the log, where errors go.
            self.engine = create_engine(
                address, pool_size=connections, max_overflow=connections, hide_parameters=True, **more
            )
        except ImportError:
            raise ValueError(
                f"{hidden(address)} needs psycopg, which is missing: python -m pip install 'psycopg[binary]'"
            ) from None
        if address.drivername in SQLITE:
            event.listen(self.engine, "connect", _on_connect)
        event.listen(self.engine, "begin", _on_begin)
        self.owes = False
        self._writes = self.engine.execution_options(**writes)
        self.reading = sessionmaker(self.engine.execution_options(**reads), expire_on_commit=False)
        self.writing = sessionmaker(self._writes, expire_on_commit=False)

    def close(self) -> None:
        self.engine.dispose()

    def forget(self, wait: bool = True) -> None:
        """Has what was deleted go from the disk, too, not from the tables alone.

        Where a reader holds it back, ``owes`` is set: to be asked again, then without waiting for readers.

        SQLite writes zeros over it (secure_delete), but into the write-ahead log, where the page stands as it was
        until the log is carried over and cut. PostgreSQL leaves it to its vacuum.
        """
        if self.engine.dialect.name != "sqlite":
            return
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {FORGET_SECONDS * 1000 if wait else 0:.0f}")
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
            cursor.close()
        finally:
            connection.close()
        self.owes = bool(busy)

    def upgrade(self) -> None:
        """Brings the tables to this version in one transaction under a lock: a kill leaves them old or new."""
        shown = hidden(self.engine.url)
        try:
            with self._writes.begin() as connection:
                if connection.dialect.name == "postgresql":
                    postgres.check(connection)
                command.upgrade(_config(connection), "head")
        except CommandError as error:
            raise ValueError(f"{shown} is of a later version of fedsky: {error}") from None
        except DatabaseError as error:
            raise ValueError(f"{shown} cannot be used: {one_line(error)}") from None

    def version(self) -> str | None:
        """The version of the tables, None where there are none."""
        with self.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            return context.get_current_revision()


def head() -> str | None:
    """The version that this code needs."""
    return ScriptDirectory.from_config(_config(None)).get_current_head()


def hidden(url: str | URL) -> str:
    """A database's address without its passwords, to be shown."""
    bare = make_url(url).difference_update_query(["password", "sslpassword"])
    return bare.render_as_string(hide_password=True)


def one_line(error: DatabaseError) -> str:
    """What a database said, in one line, without the statement and its values."""
    return " ".join(str(error.orig).split())


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
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("fedsky_writes")
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    elif writes:
        postgres.begin(connection, BUSY_SECONDS)
