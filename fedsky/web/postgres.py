"""PostgreSQL as the site's database: its address, how it is connected to, and the one lock under which the site writes.

**Why one lock.** Whatever the site counts before it writes (quotas, the last administrator, names, the next job) must
still be so when it commits. SQLite sees to that by letting one transaction write at a time; PostgreSQL lets many, and
two requests could both count four jobs and both add the fifth. So every writing session begins by taking one lock that
lasts as long as its transaction, which makes the two databases behave alike: what was tried on one holds on the other.
Row locks would have to be thought of anew at every rule, and a count has no row to lock; SERIALIZABLE transactions
fail and must be run again, which a view that has moved a file meanwhile cannot be. What it costs is that changes wait
for each other, for milliseconds each; reading waits for nothing.
"""

from typing import Any

from sqlalchemy import URL, Connection, text

LOCK = 7233105  # any number that the site alone uses in its database
CONNECT_SECONDS = 5
# READ COMMITTED has each statement see what is committed when it begins. Anything stricter would see what was
# committed when the transaction began, that is, before it waited for the lock.
WRITES = {"fedsky_writes": True, "isolation_level": "READ COMMITTED"}
READS = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}  # one view of all, as SQLite gives
NAMES = ("postgres", "postgresql", "postgresql+psycopg")


def through_psycopg(url: URL) -> URL:
    """An address of PostgreSQL that SQLAlchemy opens with psycopg 3, whichever version of SQLAlchemy it is."""
    return url.set(drivername="postgresql+psycopg")


def connecting(url: URL) -> dict[str, Any]:
    """What psycopg is told besides an address: not to wait long for a server that does not answer."""
    told: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 20,  # a server that was cut off is noticed while an answer is awaited
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,  # ms
        "application_name": "fedsky.web",
    }
    given = {name: value for name, value in told.items() if name not in url.query}
    # Prepared statements fail after another process has altered their tables, and behind some connection poolers.
    return {**given, "client_encoding": "utf8", "prepare_threshold": None}


def begin(connection: Connection, busy_seconds: int) -> None:
    """Begins a writing transaction: takes the lock, waiting no longer than so for it or any other."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{busy_seconds}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def check(connection: Connection) -> None:
    """ValueError for a database that could not keep every name and note."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar()
    if encoding != "UTF8":
        raise ValueError(
            f"the database's encoding is {encoding}, which cannot keep every name: make it anew with "
            "createdb --encoding=UTF8 --template=template0"
        )
