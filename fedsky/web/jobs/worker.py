"""The worker: runs the queue's jobs, one after the other, and takes up what a killed worker has left.

A job's process is in a session of its own and writes its own log: it outlives the worker, on purpose. The next worker
finds it and follows it to its end; where the process is gone too, it goes on with the job after the last complete
round. So no moment at which the worker, the site or the machine is killed loses a job.
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
from fedsky.language import _
from fedsky.web.database import Database, one_line
from fedsky.web.settings import Settings
from fedsky.web.tables import Job

from . import ending, process, queue
from .command import argv, folder_of, shown, working_folder

LOG = logging.getLogger("fedsky.web.worker")
T = TypeVar("T")
TICK, HEARTBEAT = 0.5, 5.0  # seconds between looks at a job, and between signs of life
LARGEST_LOG = 64_000_000  # bytes of output after which a job is ended
STOPPED = 130  # how fedsky ends on Ctrl-C and SIGTERM
NICE = 5  # jobs and their worker give way to the site

Command = Callable[[Job, Path | None], list[str]]  # a job, and the folder to go on with if it has begun


def log_path(settings: Settings, id: str) -> Path:
    """Where a job's output is kept."""
    return settings.data / "logs" / f"{id}.log"


def real_command(job: Job, begun: Path | None) -> list[str]:
    """What runs a job: ``python -m fedsky`` with its arguments, or ``python -m fedsky.resume``."""
    return argv(job.overrides, begun)


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
            else:
                self._take_back(job)

    def _take_back(self, job: Job) -> None:
        """Lets a job wait again whose process is gone and whose end nobody saw, if there is something left to do."""
        job = self._write(lambda db: db.get_one(Job, job.id))  # it may have been cancelled since
        folders, found = self._judge(job, None)
        if job.cancel or found.status != queue.INTERRUPTED:
            self._end(job, None)
        elif job.attempts < queue.MOST_ATTEMPTS:
            if folders:
                self._tell(job, f"{found.reason}: going on (attempt {job.attempts + 1} of {queue.MOST_ATTEMPTS})")
            self._write(lambda db: queue.put_back(db, job.id))
            LOG.info("job %s waits again: %s", job.id, found.reason)
        else:
            times = _("the worker was killed {n} times before it began", n=job.attempts)
            after = _("{reason}, after {n} attempts", reason=found.reason, n=job.attempts)
            reason = after if folders else times
            self._write(lambda db: queue.finish(db, job.id, queue.INTERRUPTED, reason, None))

    def _tell(self, job: Job, line: str) -> None:
        """Adds a line of the site's own to a job's log."""
        try:
            process.tell(log_path(self.settings, job.id), line)
        except OSError as error:  # of a full disk: the job is worth more than the line
            LOG.warning("job %s: its log cannot be written: %s", job.id, error)

    def _launch(self, job: Job) -> None:
        """Starts a job, or goes on with it after what it has done already."""
        log, cwd = log_path(self.settings, job.id), working_folder(self.settings.outputs[0])
        begun = ending.begun(self.settings.outputs[0].resolve() / folder_of(job.id))
        if begun is not None:
            if self._judge(job, None)[1].status == queue.DONE:  # it was stopped after its last run
                self._end(job, None)
                return
            begun = begun.relative_to(cwd)
        try:
            child = process.start(self.command(job, begun), cwd, log, f"$ {shown(job.overrides, begun)}\n")
        except OSError as error:
            reason = _("it could not be started: {why}", why=error.strerror)
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
            reason = _("its output came to more than {n} MB", n=LARGEST_LOG // 1_000_000)
            self._write(lambda db: queue.finish(db, job.id, queue.FAILED, reason, None))
        elif child is None and not self._was_stopped(job):
            self._take_back(job)
        elif child is None:
            self._end(job, None)
        elif child.returncode == STOPPED and self.stopping() and asked is None:
            LOG.info("job %s was stopped together with its worker; the next goes on with it", job.id)
        else:
            self._end(job, child.returncode)

    def _judge(self, job: Job, exit_code: int | None) -> tuple[list[Path], ending.Ending]:
        """A job's run folders, none of which says any longer that it is running, and how it ended."""
        folders = ending.runs_of(self._folder(job))
        ending.mend(folders)
        runs = [read_run(folder).info for folder in folders]
        return folders, ending.judge(exit_code, job.num_runs, runs, log_path(self.settings, job.id))

    def _end(self, job: Job, exit_code: int | None) -> None:
        """Says how a job ended."""
        found = self._judge(job, exit_code)[1]

        def finish(db: Session) -> None:
            kept = db.get(Job, job.id)
            if kept is not None and kept.cancel and found.status != queue.DONE:
                queue.finish(db, job.id, queue.CANCELLED, kept.reason or _("cancelled"), exit_code)
            else:
                queue.finish(db, job.id, found.status, found.reason, exit_code)

        self._write(finish)
        LOG.info("job %s: %s %s", job.id, found.status, found.reason)

    def _was_stopped(self, job: Job) -> bool:
        """Whether a job that ended unseen was stopped from outside rather than killed."""
        return ending.was_stopped([read_run(folder).info for folder in ending.runs_of(self._folder(job))])

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
