"""``python -m benchmarks.site_kills``: kill -9 at random moments, and what is left of accounts, jobs and notes.

A site runs under load: people register and log in, operators launch real (small) trainings and write notes, someone has
photographs judged and kept. Its server, its worker, the training itself, or all of them are killed at random moments,
and the upgrade of an empty database is. After each kill the database is looked at: whole by SQLite's own check, every
write that a client was told of is there, nothing half-made (each account and each job has its entry in the audit log,
written in the same transaction; both halves of a note are of one change). At the end the site is started once more:
every job ends, those whose training was killed together with the worker after they have gone on, and no run says that
it is running.
"""

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
from sqlalchemy import select, text

from fedsky.web.database import Database, head
from fedsky.web.jobs import process
from fedsky.web.jobs.command import FOLDER, folder_of
from fedsky.web.settings import Settings
from fedsky.web.tables import Annotation, AuditEntry, Job, Prediction, User

from .site_copy import command, copy_runs, free_port, quiet, wait_for
from .site_crowd import Crowd

KINDS = ("log-in", "launch", "notes", "training", "prediction", "worker", "migration")


class Site:
    """A site that is killed and started again, over the same folders."""

    def __init__(self, place: Path, seed: int) -> None:
        self.place, self.rng = place, random.Random(seed)  # noqa: S311 - for moments, not for secrets
        self.outputs = place / "outputs"
        self.settings = Settings(data=place / "data", outputs=(self.outputs,), reference=self.outputs / "reference")
        self.database = Database(self.settings.url)
        self.crowd = Crowd(self.database, seed)
        self.server: subprocess.Popen[bytes] | None = None
        self.killed_jobs: set[str] = set()
        self.begins: list[float] = []

    def start(self) -> None:
        """Starts the server, with its worker, unless it runs."""
        if self.server is not None and self.server.poll() is None:
            return
        port = free_port()
        with (self.place / "server.log").open("ab") as log:
            line = command(self.place, port, "--registration", "open")
            self.server = subprocess.Popen(line, cwd=self.place, stdout=log, stderr=log)
        self.crowd.address = f"http://127.0.0.1:{port}"
        self.begins.append(wait_for(self.crowd.address, self.server))

    def workers(self) -> list[psutil.Process]:
        """The worker's process."""
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = each.cmdline()
                if line[-1:] == ["worker"] and str(self.place / "data") in line:
                    found.append(each)
        return found

    def running(self) -> list[tuple[str, psutil.Process]]:
        """The processes of running jobs."""
        with self.database.reading() as db:
            jobs = db.scalars(select(Job).where(Job.status == "running")).all()
        return [(job.id, each) for job in jobs if (each := process.find(job.id, job.pid, job.pid_started)) is not None]

    def kill(self, kind: str) -> None:
        """Loads the site, and kills of it what this kind of kill is about."""
        self.start()
        with self.crowd.busy(kind):
            if kind in ("training", "worker"):
                end = time.monotonic() + 60
                while not self.running() and time.monotonic() < end:
                    time.sleep(0.1)
            time.sleep(self.rng.uniform(0.5, 8.0))
            if kind == "training" and self.rng.random() < 0.5:
                for id, each in self.running():
                    self.killed_jobs.add(id)
                    _kill(each)
            if kind in ("training", "worker") or self.rng.random() < 0.3:
                for each in self.workers():
                    _kill(each)
            if kind != "worker" and self.server is not None:
                self.server.send_signal(signal.SIGKILL)
                self.server.wait()

    def look(self) -> list[str]:
        """What is wrong with the database after a kill; empty if nothing is."""
        wrong = []
        with self.database.reading() as db:
            if (told := db.execute(text("PRAGMA integrity_check")).scalar()) != "ok":
                wrong.append(f"integrity: {told}")
            if db.execute(text("PRAGMA foreign_key_check")).first() is not None:
                wrong.append("a row leads nowhere")
            users = {user.name: user for user in db.scalars(select(User))}
            jobs = {job.id: job for job in db.scalars(select(Job))}
            notes = {note.run_id: note for note in db.scalars(select(Annotation))}
            kept = set(db.scalars(select(Prediction.id)))
            audit = Counter((each.action, each.target) for each in db.scalars(select(AuditEntry)))
        told_of = self.crowd.told
        wrong += [f"account {name} is lost" for name in told_of.accounts if name not in users]
        wrong += [f"account {name} lost its log-in" for name in told_of.logins if users[name].last_login is None]
        wrong += [f"job {id} is lost" for id in told_of.jobs if id not in jobs]
        wrong += [f"prediction {id} is lost" for id in told_of.predictions if id not in kept]
        for run, number in told_of.notes.items():
            note = notes.get(run)
            if note is None or int(note.title.removeprefix("t")) < number:
                wrong.append(f"note {number} on {run} is lost")
        wrong += [f"the note on {run} is half-made" for run, note in notes.items() if note.title[1:] != note.note[1:]]
        joined = {name for name in users if name.startswith("person")}
        wrong += [f"account {name} is half-made" for name in joined if not audit[("register", name)]]
        wrong += [
            f"job {id} is half-made"
            for id, job in jobs.items()
            if not audit[("launch", id)] or job.folder != folder_of(id) or not job.overrides
        ]
        return wrong

    def finish(self, seconds: float) -> list[str]:
        """Lets the site run until every job is over, those that wait too long cancelled; what is wrong then."""
        self.start()
        end = time.monotonic() + seconds
        is_cancelled = False
        while True:
            with self.database.reading() as db:
                jobs = list(db.scalars(select(Job)))
            open_jobs = [job for job in jobs if job.status in ("queued", "running")]
            if not open_jobs:
                break
            if time.monotonic() > end + 120:
                return [f"job {job.id} is still {job.status}" for job in open_jobs]
            if time.monotonic() > end and not is_cancelled:
                print(f"{len(open_jobs)} jobs still wait or run: cancelled now", flush=True)
                self.crowd.cancel([job.id for job in open_jobs])
                is_cancelled = True
            time.sleep(0.5)
        print(f"jobs: {dict(Counter(job.status for job in jobs))}, {len(self.killed_jobs)} of them killed themselves")
        wrong = [
            f"job {job.id} is {job.status} ({job.reason}), and nobody killed it"
            for job in jobs
            if job.status not in ("done", "cancelled") and job.id not in self.killed_jobs
        ]
        for path in (self.outputs / FOLDER).rglob("run.json"):
            if json.loads(path.read_text(encoding="utf-8"))["status"] == "running":
                wrong.append(f"{path.parent.relative_to(self.outputs)} says that it is running")
        return wrong

    def end(self) -> None:
        """Ends the server and whatever still runs."""
        if self.server is not None and self.server.poll() is None:
            self.server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(60)
        for each in [*self.workers(), *(found for _, found in self.running())]:
            _kill(each)
        self.database.close()


def _kill(each: psutil.Process) -> None:
    with contextlib.suppress(psutil.Error):
        each.kill()
        each.wait(10)


def migration(place: Path, rng: random.Random) -> list[str]:
    """Kills the upgrade of an empty database; its tables must be none or all, and the next upgrade must go well."""
    folder = Path(tempfile.mkdtemp(dir=place))
    line = [sys.executable, "-m", "fedsky.web", "--data", str(folder), "upgrade"]
    upgrade = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    path = folder / "site.sqlite"
    end = time.monotonic() + 60
    while not path.exists() and upgrade.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.4))
    upgrade.kill()
    upgrade.wait()
    database = Database(Settings(data=folder).url)
    try:
        version = database.version()
        database.upgrade()
        whole = database.version() == head()
        with database.reading() as db:
            whole = whole and db.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    finally:
        database.close()
    if version not in (None, head()) or not whole:
        return [f"the tables are half-made: {version}"]
    return []


def main() -> int:
    """Kills; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--finish", type=float, default=300, help="seconds for the jobs that are left at the end")
    parser.add_argument("--seconds", type=float, default=7200, help="begin no further kill after so many seconds")
    args = parser.parse_args()
    wrong: list[str] = []
    kinds = [KINDS[number % len(KINDS)] for number in range(args.kills)]
    with tempfile.TemporaryDirectory(prefix="fedsky-kills-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        copy_runs(place / "outputs", 60)
        (place / "data").mkdir()
        site = Site(place, args.seed)
        print(f"{args.kills} kills; {quiet()}", flush=True)
        begin = time.monotonic()
        try:
            site.database.upgrade()
            site.crowd.prepare()
            site.start()
            site.crowd.come_in()
            site.rng.shuffle(kinds)
            for number, kind in enumerate(kinds, 1):
                if time.monotonic() - begin > args.seconds:
                    kinds = kinds[: number - 1]
                    break
                if kind == "migration":
                    found = migration(place, site.rng)
                else:
                    site.kill(kind)
                    found = site.look()
                wrong += found
                print(
                    f"kill {number}: {kind}, {time.monotonic() - begin:.0f} s; {site.crowd.told}"
                    + "".join(f"\n  {each}" for each in found),
                    flush=True,
                )
            found = site.finish(args.finish) + site.look()
            wrong += found
            print("".join(f"  {each}\n" for each in found), end="")
        finally:
            site.end()
        spread = ", ".join(f"{kind} {count}" for kind, count in sorted(Counter(kinds).items()))
        start = sum(site.begins) / len(site.begins)
        print(
            f"{len(kinds)} kills ({spread}); {site.crowd.told}; a start took {start:.1f} s on average; "
            f"{len(wrong)} things wrong"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
