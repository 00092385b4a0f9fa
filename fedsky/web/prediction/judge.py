"""Asks the prediction worker: one photograph at a time, a bounded number waiting, a bounded time for each.

The worker is a process of its own (fedsky.web.prediction.worker says why), begun when first needed and begun anew
after a crash, a hang or an answer that is none.
"""

import contextlib
import json
import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from fedsky import language
from fedsky.web import share

LOG = logging.getLogger("fedsky.web")

MOST_WAITING = 24  # photographs, with the one that is being judged
SECONDS = 20.0  # for one answer, its wait in the queue apart
START_SECONDS = 200.0  # for the worker to load torch
# What Python needs of the environment; a database's password may be elsewhere in it.
INHERITED = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TMPDIR",
             "MPLCONFIGDIR", "SYSTEMROOT", "TEMP", "USERPROFILE")  # fmt: skip
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
LONGEST_ANSWER = 32 * 2**20  # bytes


class BusyError(share.BusyError):
    """Too many wait already."""

    def __init__(self, seconds: int) -> None:
        super().__init__("busy")
        self.seconds = seconds


class WorkerError(Exception):
    """The worker gave no answer: it crashed, or took too long; a new one will be begun.

    had_begun: whether it was there to answer, else it could not even load; exit_code: 0 if it had ended by itself.
    """

    def __init__(self, had_begun: bool, exit_code: int | None) -> None:
        super().__init__("no answer")
        self.had_begun = had_begun
        self.exit_code = exit_code


class Judge:
    """The worker of one site and the queue before it; safe under threads."""

    def __init__(self, command: Sequence[str] = (), seconds: float = SECONDS, most_waiting: int = MOST_WAITING) -> None:
        self.command = list(command) or [sys.executable, "-m", "fedsky.web.prediction.worker"]
        self.seconds = seconds
        self.room = share.Share(most_waiting, max(1, 2 * most_waiting // 3))
        self.most_waiting = most_waiting
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._typical = 1.0  # seconds of an answer, a running mean

    def ask(self, request: dict[str, Any], content: bytes, who: str = "") -> dict[str, Any]:
        """The worker's answer to a visitor. WorkerError for no answer.

        BusyError, with seconds to wait, where the queue is full, or two thirds of it are this visitor's.
        """
        try:
            with self.room.of(who), self._turn:
                return self._ask(request, content)
        except share.BusyError:
            raise BusyError(max(1, round(self._typical * self.most_waiting / 2))) from None

    def _ask(self, request: dict[str, Any], content: bytes) -> dict[str, Any]:
        about = {**request, "language": language.current(), "num_bytes": len(content)}
        sent = json.dumps(about).encode() + b"\n" + content
        try:
            return self._exchange(self._running(), sent)
        except WorkerError as error:
            if error.exit_code != 0:
                raise
            return self._exchange(self._running(), sent)  # it went, long unasked, just when it was asked

    def _exchange(self, process: subprocess.Popen[bytes], sent: bytes) -> dict[str, Any]:
        began = time.monotonic()
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it has gone, as the missing answer will show
            process.stdin.write(sent)
            process.stdin.flush()
        answer = self._receive(process, self.seconds)
        self._typical += 0.1 * (time.monotonic() - began - self._typical)
        return answer

    def warm(self) -> None:
        """Begins the worker, if none runs and nobody is being answered, without waiting until it has loaded torch."""
        if self._turn.acquire(blocking=False):
            try:
                self._begun()
            finally:
                self._turn.release()

    def _begun(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | ENVIRONMENT
        # Its own session: Ctrl-C ends the site, and the worker, whose input then ends, with it.
        self._process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )
        self._is_ready = False
        return self._process

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._begun()
        if not self._is_ready:
            self._receive(process, START_SECONDS)
            self._is_ready = True
        return process

    def _receive(self, process: subprocess.Popen[bytes], seconds: float) -> dict[str, Any]:
        """A line of JSON within the time; else the worker is ended and WorkerError raised."""
        assert process.stdout is not None
        try:
            return dict(json.loads(_line(process.stdout.fileno(), time.monotonic() + seconds)))
        except (OSError, EOFError, TimeoutError, ValueError, TypeError) as error:
            had_begun, code = self._is_ready, _exit_code(process)
            self._end()
            LOG.warning("the prediction worker gave no answer (%s, exit code %s)", type(error).__name__, code)
            raise WorkerError(had_begun, code) from error

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # what could not be sent before it died
                if pipe is not None:
                    pipe.close()

    def close(self) -> None:
        """Ends the worker."""
        with self._turn:
            self._end()

    @property
    def pid(self) -> int | None:
        """The number of the worker's process; None where none runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """How a process that has closed its output has ended; None where it has not."""
    try:
        return process.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        return None


def _line(handle: int, until: float) -> bytes:
    """The bytes up to the next newline; TimeoutError, EOFError, or ValueError where it is too long."""
    parts: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(handle, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, until - time.monotonic())):
                raise TimeoutError
            part = os.read(handle, 2**18)
            if not part:
                raise EOFError
            parts.append(part)
            size += len(part)
            if part.endswith(b"\n"):  # one line for one question, so that nothing follows it
                return b"".join(parts)
            if size > LONGEST_ANSWER:
                raise ValueError("the answer is too long")
