"""A job's process: started in a session of its own, found again after the worker has died, and ended with all it began.

It is known by its number together with its start (numbers are used again), or by the job's folder, which stands in its
arguments: so a job is found too whose worker was killed between starting it and writing that down.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from .command import belongs

SECRETS = ("FEDSKY_DATABASE_URL", "PGPASSWORD", "PGPASSFILE", "PGSERVICEFILE")
GRACE = (20.0, 10.0)  # seconds that a job has to end after SIGINT, and then after SIGTERM


def started(process: psutil.Process) -> str:
    """When a process began, as text that is kept beside its number."""
    return f"{process.create_time():.1f}"


def start(arguments: Sequence[str], cwd: Path, log: Path, first_line: str = "") -> "subprocess.Popen[bytes]":
    """Starts a job. Its output goes straight to its log, so that it outlives the worker.

    SIGINT waits until the job has said what it does on it (fedsky.machine.interrupt): Python itself, while it starts,
    would leave a traceback in the log.
    """
    handle = _open(log)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # of this thread, and of what it starts
    try:
        os.write(handle, first_line.encode())
        return subprocess.Popen(
            list(arguments),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment(),
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(handle)


def tell(log: Path, line: str) -> None:
    """Adds a line of the site's own to a job's log."""
    handle = _open(log)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


def _open(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def environment() -> dict[str, str]:
    """What a job knows of its surroundings: all but the way into the site's database."""
    known = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return known | {"PYTHONUNBUFFERED": "1", "COLUMNS": "120"}


def find(job: str, pid: int | None, pid_started: str | None) -> psutil.Process | None:
    """The living process of a job, by what was written down, or else by its arguments."""
    if pid is not None:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if _same_start(process, pid_started) and lives(process):
                return process
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if belongs(process.cmdline(), job) and lives(process) and os.getsid(process.pid) == process.pid:
                return process
    return None


def _same_start(process: psutil.Process, pid_started: str | None) -> bool:
    """Whether a process began then; a clock that was set in between moves the time by a little."""
    return pid_started is not None and abs(process.create_time() - float(pid_started)) < 2


def lives(process: psutil.Process) -> bool:
    """Whether a process still runs; one that has ended and that nobody asked after does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def members(pid: int) -> list[psutil.Process]:
    """All living processes of a job's session."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == pid and lives(process):
                found.append(process)
    return found


def interrupt(pid: int, passed: float, last: int | None) -> int | None:
    """Sends a job's group what is due ``passed`` seconds after it was asked to end; returns the last signal sent."""
    due = signal.SIGINT
    if passed >= GRACE[0]:
        due = signal.SIGTERM
    if passed >= sum(GRACE):
        due = signal.SIGKILL
    if due != last:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, due)
    return due


def clear(pid: int) -> None:
    """Ends what a job's process has left behind in its session."""
    left = [process for process in members(pid) if process.pid != pid]
    for process in left:
        with suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=5)
    for process in alive:
        with suppress(psutil.Error):
            process.kill()
