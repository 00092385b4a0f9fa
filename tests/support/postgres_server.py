"""A PostgreSQL server for tests: private, in a temporary folder, asked through a socket there, gone with its tests.

PostgreSQL refuses to run as root; there its programs run as the account ``postgres``, which its packages make.
"""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

OWNER, PASSWORD = "site", "a password with %: /@"
ROOT_RUNS_AS = "postgres"
START_SECONDS = 60


class MissingError(Exception):
    """Why there can be no server here, in one sentence."""


def program(name: str) -> str:
    """One of PostgreSQL's programs, of the newest version that is installed; MissingError if there is none."""
    debian = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = sorted(debian, key=lambda path: [int(part) for part in path.parts[-3].split(".") if part.isdigit()])
    found = shutil.which(name) or (str(newest[-1]) if newest else None)
    if found is None:
        raise MissingError(f"PostgreSQL is missing: no {name} in PATH or /usr/lib/postgresql")
    return found


class Cluster:
    """One server with its databases; its superuser is OWNER, who logs in with PASSWORD."""

    def __init__(self) -> None:
        self.account: dict[str, Any] = {}
        initdb, self.postgres = program("initdb"), program("postgres")
        if os.geteuid() == 0:
            try:
                known = pwd.getpwnam(ROOT_RUNS_AS)
            except KeyError:
                raise MissingError(f"PostgreSQL is missing an account {ROOT_RUNS_AS}: it refuses root") from None
            self.account = {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": []}
        self.folder = Path(tempfile.mkdtemp(prefix="fedsky-pg-"))
        self.numbers = itertools.count(1)
        self.process: subprocess.Popen[bytes] | None = None
        if self.account:
            os.chown(self.folder, self.account["user"], self.account["group"])
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        try:
            subprocess.run(
                [initdb, "-D", self.folder / "data", "-U", OWNER, f"--pwfile={secret}", "--auth=scram-sha-256",
                 "--encoding=UTF8", "--locale=C", "--no-sync"],
                check=True, capture_output=True, cwd=self.folder, **self.account,
            )  # fmt: skip
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [self.postgres, "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=", "-F",
                 "-c", "timezone=Asia/Tokyo", "-c", "max_connections=60"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.account,
            )  # fmt: skip
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ask("SELECT 1")
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self, by: int = signal.SIGINT) -> None:
        """Ends the server: quickly but in order, or by SIGQUIT as a crash would."""
        if self.process is not None:
            self.process.send_signal(by)
            self.process.wait(START_SECONDS)
            self.process = None

    def close(self) -> None:
        """Ends the server and removes all that was its."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)

    def ask(self, statement: str, database: str = "postgres") -> list[Any]:
        """The rows of a statement, run by itself."""
        with psycopg.connect(
            host=str(self.folder), user=OWNER, password=PASSWORD, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, more: str = "") -> str:
        """The name of a fresh database."""
        name = f"site{next(self.numbers)}"
        self.ask(f"CREATE DATABASE {name} {more}")
        return name

    def drop(self, name: str) -> None:
        """Removes a database, whoever still asks it."""
        self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str, password: str | None = PASSWORD) -> str:
        """A database's address, as a user writes it."""
        who = OWNER if password is None else f"{OWNER}:{quote(password, safe='')}"
        return f"postgresql://{who}@/{name}?host={self.folder}"


def name_of(url: str) -> str:
    """The database's name in an address that ``Cluster.url`` made."""
    return url.rpartition("@/")[2].partition("?")[0]
