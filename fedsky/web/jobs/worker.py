"""The worker: runs the queue's jobs, one after the other, and takes up what a killed worker has left.

A job's process is in a session of its own and writes its own log: it outlives the worker, on purpose. The next worker
finds it and follows it to its end. So no moment at which the worker, the site or the machine is killed loses a job.
"""

import fcntl
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from fedsky.history import read_run
from fedsky.web.database import Database, one_line
from fedsky.web.settings import Settings
from fedsky.web.tables import Job

from . import ending, process, queue
from .command import argv, folder_of, shown, working_folder

LOG = logging.getLogger("fedsky.web.worker")
T = TypeVar("T")
TICK, HEARTBEAT = 0.5, 5.0  # seconds between looks at a job, and between signs of life
LARGEST_LOG = 64_000_000  # bytes of output after which a job is ended
NICE = 5  # jobs and their worker give way to the site

Command = Callable[[Job], list[str]]


def log_path(settings: Settings, id: str) -> Path:
    """Where a job's output is kept."""
    return settings.data / "logs" / f"{id}.log"


def real_command(job: Job) -> list[str]:
    """What runs a job: ``python -m fedsky`` with its arguments."""
    return argv(job.overrides)


class Worker:
    """One worker of a site. ``command`` is replaced in tests alone."""

    def __init__(self, settings: Settings, command: Command = real_command) -> None:
        self.settings, self.command = settings, command
        self.database = Database(settings.url, connections=2)
        self.stop = threading.Event()
        self.me = psutil.Process()
        self.parent = _site_above(self.me)
        self.said = 0.0
        self.left: subprocess.Popen[bytes] | None = None  # a job that goes on without it

    def run(self) -> None:
        """Works until it is told to stop. A second worker of the same site waits for the first to end."""
        with (self.settings.data / "worker.lock").open("a") as lock:
            while not self.stopping():
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    self.stop.wait(1)
            if not self.stopping():
                self._work()
        self.database.close()

    def _work(self) -> None:
        self.recover()
        while not self.stopping():
            self._say_alive(None)
            job = self._write(queue.claim)
            if job is not None:
                self._launch(job)
            else:
                self.stop.wait(TICK)

    def stopping(self) -> bool:
        """Whether it is to end: it was told to, or the site that started it is no more."""
        return self.stop.is_set() or (self.parent is not None and os.getppid() != self.parent)

    def recover(self) -> None:
        """Takes up the jobs that a worker before this one was running."""
        for job in self._write(lambda db: db.scalars(select(Job).where(Job.status == queue.RUNNING)).all()):
            if self.stopping():
                break
            found = process.find(job.id, job.pid, job.pid_started)
            if found is not None:
                LOG.info("job %s still runs as process %d and is followed", job.id, found.pid)
                self._note(job.id, found)
                self._follow(job, found, None)
            elif not ending.runs_of(self._folder(job)) and not job.cancel:
                self._take_back(job)
            else:
                self._end(job, None)

    def _take_back(self, job: Job) -> None:
        if job.attempts < queue.MOST_ATTEMPTS:
            self._write(lambda db: queue.put_back(db, job.id))
        else:
            reason = f"the worker was killed {job.attempts} times before it began"
            self._write(lambda db: queue.finish(db, job.id, queue.INTERRUPTED, reason, None))

    def _launch(self, job: Job) -> None:
        log = log_path(self.settings, job.id)
        try:
            cwd = working_folder(self.settings.outputs[0])
            child = process.start(self.command(job), cwd, log, f"$ {shown(job.overrides)}\n")
        except OSError as error:
            reason = f"it could not be started: {error.strerror}"
            self._write(lambda db: queue.finish(db, job.id, queue.FAILED, reason, None))
            return
        found = psutil.Process(child.pid)  # a child that nobody has waited for keeps its number
        self._note(job.id, found)
        self._follow(job, found, child)

    def _note(self, id: str, found: psutil.Process) -> None:
        """Writes down which process a job is."""

        def note(db: Session) -> None:
            job = db.get(Job, id)
            if job is not None:
                job.pid, job.pid_started = found.pid, process.started(found)
            db.commit()

        self._write(note)

    def _follow(self, job: Job, found: psutil.Process, child: "subprocess.Popen[bytes] | None") -> None:
        """Waits for a job's end, and ends it where that is asked for; leaves it running if the worker is to stop."""
        asked: float | None = None
        sent: int | None = None
        too_long = False
        while (child.poll() is None) if child is not None else process.lives(found):
            if self.stopping():
                LOG.info("job %s goes on as process %d; the next worker follows it", job.id, found.pid)
                self.left = child
                return
            self._say_alive(job.id)
            too_long = too_long or _size(log_path(self.settings, job.id)) > LARGEST_LOG
            if asked is None and (too_long or self._is_cancelled(job.id)):
                asked = time.monotonic()
            if asked is not None:
                sent = process.interrupt(found.pid, time.monotonic() - asked, sent)
            self.stop.wait(TICK)
        process.clear(found.pid)
        if too_long:
            ending.mend(ending.runs_of(self._folder(job)))
            reason = f"its output came to more than {LARGEST_LOG // 1_000_000} MB"
            self._write(lambda db: queue.finish(db, job.id, queue.FAILED, reason, None))
        else:
            self._end(job, child.returncode if child is not None else None)

    def _end(self, job: Job, exit_code: int | None) -> None:
        """Says how a job ended, once no run of it says that it is running."""
        folders = ending.runs_of(self._folder(job))
        ending.mend(folders)
        runs = [read_run(folder).info for folder in folders]
        found = ending.judge(exit_code, job.num_runs, runs, log_path(self.settings, job.id))

        def finish(db: Session) -> None:
            kept = db.get(Job, job.id)
            if kept is not None and kept.cancel and found.status != queue.DONE:
                queue.finish(db, job.id, queue.CANCELLED, kept.reason or "cancelled", exit_code)
            else:
                queue.finish(db, job.id, found.status, found.reason, exit_code)

        self._write(finish)
        LOG.info("job %s: %s %s", job.id, found.status, found.reason)

    def _is_cancelled(self, id: str) -> bool:
        try:
            with self.database.reading() as db:
                job = db.get(Job, id)
                return job is None or job.cancel
        except OperationalError as error:  # it is asked again at the next look
            LOG.warning("the database does not answer: %s", one_line(error))
            return False

    def _folder(self, job: Job) -> Path:
        return self.settings.outputs[0] / folder_of(job.id)

    def _say_alive(self, job: str | None) -> None:
        if time.monotonic() - self.said >= HEARTBEAT:
            self._write(lambda db: queue.say_alive(db, self.me.pid, process.started(self.me), job))
            self.said = time.monotonic()

    def _write(self, do: Callable[[Session], T]) -> T:
        """Does something in a writing session, again and again while the database is busy."""
        while True:
            try:
                with self.database.writing() as db:
                    return do(db)
            except OperationalError as error:
                if self.stop.is_set():
                    raise
                LOG.warning("the database is busy: %s", one_line(error))
                self.stop.wait(1)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _site_above(me: psutil.Process) -> int | None:
    """The number of the site's process that started this one; None for a worker that a person started."""
    try:
        parent = me.parent()
        return parent.pid if parent is not None and "fedsky.web" in " ".join(parent.cmdline()) else None
    except psutil.Error:
        return None


def work(settings: Settings, command: Command = real_command) -> None:
    """Runs a worker until SIGTERM or Ctrl-C; ValueError where the database cannot be used."""
    settings.prepare()
    worker = Worker(settings, command)
    worker.database.upgrade()

    def stop(number: int, frame: Any) -> None:
        worker.stop.set()

    # Handlers of its own also make Ctrl-C work in the jobs: what a process ignores, its children ignore.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    os.nice(NICE)
    worker.run()
