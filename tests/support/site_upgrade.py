"""``site_upgrade.py FOLDER KILLS SEED``: upgrades fresh databases and kills each upgrade at a random moment.

A program of its own, since it forks: all modules are loaded once, and no thread is running. Prints the state of each
database, one a line.
"""

import os
import random
import signal
import sqlite3
import sys
import time
from pathlib import Path

from fedsky.web.database import VERSION_TABLE, Database, head
from fedsky.web.tables import Table


def forked(path: Path) -> int:
    """Begins an upgrade in a child; its process id."""
    child = os.fork()
    if child == 0:
        Database(f"sqlite:///{path}").upgrade()
        os._exit(0)
    return child


def state_of(path: Path) -> str:
    """Whether a database is empty (``old``) or of this version (``new``)."""
    connection = sqlite3.connect(path)
    try:
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if sound != "ok":
            return str(sound)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return "old"
        versions = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall()
        return "new" if tables == {*Table.metadata.tables, VERSION_TABLE} and versions == [(head(),)] else "half"
    finally:
        connection.close()


def main(folder: Path, kills: int, seed: int) -> None:
    """Measures how long an upgrade takes whole, then kills within that time and a little more."""
    Database(f"sqlite:///{folder / 'first.sqlite'}").upgrade()
    started = time.perf_counter()
    os.waitpid(forked(folder / "whole.sqlite"), 0)
    whole = time.perf_counter() - started
    rng = random.Random(seed)
    for i in range(kills):
        child = forked(folder / f"{i}.sqlite")
        time.sleep(rng.uniform(0, 1.2 * whole))
        os.kill(child, signal.SIGKILL)  # which also a child that is done, but not yet waited for, takes
        os.waitpid(child, 0)
        print(state_of(folder / f"{i}.sqlite"), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
