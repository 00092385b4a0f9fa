"""``site_upgrade.py SEED URL...``: upgrades fresh databases and kills each upgrade at a random moment.

A program of its own, since it forks: all modules are loaded once, and no thread is running. The first two databases
are upgraded whole, to load everything and to see how long it takes. Prints the state of each other, one a line.
"""

import os
import random
import signal
import sys
import time

from sqlalchemy import Connection, inspect, text

from fedsky.web.database import VERSION_TABLE, Database, head
from fedsky.web.tables import Table

OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def forked(url: str) -> int:
    """Begins an upgrade in a child; its process id."""
    child = os.fork()
    if child == 0:
        Database(url).upgrade()
        os._exit(0)
    return child


def state_of(url: str) -> str:
    """Whether a database is empty (``old``) or of this version (``new``)."""
    database = Database(url)
    try:
        with database.engine.connect() as connection:
            return _state(connection)
    finally:
        database.close()


def _state(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        sound = connection.execute(text("PRAGMA integrity_check")).scalar()
        if sound != "ok":
            return str(sound)
    else:  # the server may be about to notice that it was left
        while connection.execute(text(OTHERS)).scalar():
            connection.rollback()
            time.sleep(0.01)
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return "old"
    versions = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()
    return "new" if tables == {*Table.metadata.tables, VERSION_TABLE} and versions == [head()] else "half"


def main(seed: int, first: str, second: str, *others: str) -> None:
    """Measures how long an upgrade takes whole, then kills within that time and a little more."""
    database = Database(first)
    database.upgrade()
    database.close()
    started = time.perf_counter()
    os.waitpid(forked(second), 0)
    whole = time.perf_counter() - started
    rng = random.Random(seed)
    for url in others:
        child = forked(url)
        time.sleep(rng.uniform(0, 1.2 * whole))
        os.kill(child, signal.SIGKILL)  # which also a child that is done, but not yet waited for, takes
        os.waitpid(child, 0)
        print(state_of(url), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
