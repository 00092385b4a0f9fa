"""Work done in a process beside the site, with limits on its time, its memory, and on how many may wait for it.

Apart from the site, because what decodes a stranger's file in C may crash, because torch and matplotlib are large and
slow to load, and because what takes seconds of a core must not hold up the pages. A crash, a decompression bomb or a
hang costs one answer. The process begins with the first question, does one thing at a time, ends with the site or when
nobody has asked for ``IDLE_SECONDS``, and is begun anew after a crash or a question that took too long.

A question is a line of JSON, with the number of bytes that follow it; an answer is a line of JSON. Nothing is pickled:
a hostile file may have taken over the process that read it, and what that sends must not become code here.
"""

import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from fedsky.web.share import BusyError, Share

LOG = logging.getLogger("fedsky.web")

START_SECONDS = 200.0  # for the process to load its libraries
IDLE_SECONDS = 900.0  # without a question, after which it ends
NICENESS = 5  # the site comes first
LONGEST_ANSWER = 32 * 2**20  # bytes
# What Python needs of the environment; a database's password may be elsewhere in it.
INHERITED = (
    *("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL"),
    *("TMPDIR", "MPLCONFIGDIR", "SYSTEMROOT", "TEMP", "USERPROFILE"),
)
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

Question = dict[str, Any]
Answer = dict[str, Any]
Work = Callable[[Question, bytes], Answer]


class NoAnswerError(Exception):
    """The process gave no answer: it ended, took too long, or failed in a way that is no mistake of whoever asked.

    had_begun: whether it was there to answer, else it could not even load; exit_code: 0 if it had ended by itself.
    """

    def __init__(self, why: str, had_begun: bool = True, exit_code: int | None = None) -> None:
        super().__init__(why)
        self.had_begun = had_begun
        self.exit_code = exit_code


class IsolatedProcess:
    """One such process of a site and the queue before it; safe under threads.

    arguments: of the Python that calls ``serve``. seconds: for one answer, its wait in the queue apart. most: questions
    that may wait, with the one that is being answered; each: those of one visitor.
    """

    def __init__(self, name: str, arguments: Sequence[str], *, seconds: float, most: int, each: int) -> None:
        self.name, self.arguments, self.seconds = name, list(arguments), seconds
        self.room = Share(most, each)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._has_begun = False
        self._typical = 1.0  # seconds of an answer, a running mean

    def ask(self, question: Question, content: bytes = b"", who: str = "") -> Answer:
        """The answer to a visitor; ValueError where the question is refused, NoAnswerError for none.

        BusyError, with seconds to wait, where the queue is full, or this visitor has as many in it as one may.
        """
        sent = json.dumps({**question, "num_bytes": len(content)}).encode() + b"\n" + content
        try:
            with self.room.of(who), self._turn:
                return self._ask(sent)
        except BusyError:
            raise BusyError(max(1, round(self._typical * self.room.most / 2))) from None
        except NoAnswerError as error:
            LOG.warning("%s gave no answer: %s", self.name, error)
            raise

    def _ask(self, sent: bytes) -> Answer:
        try:
            told = self._exchange(self._running(), sent)
        except NoAnswerError as error:
            if error.exit_code != 0:
                raise
            told = self._exchange(self._running(), sent)  # it went, long unasked, just when it was asked
        if "refused" in told:
            raise ValueError(str(told["refused"]))
        if "failed" in told:
            raise NoAnswerError(str(told["failed"]))
        return dict(told["answer"])

    def _exchange(self, process: subprocess.Popen[bytes], sent: bytes) -> Answer:
        began = time.monotonic()
        told = self._receive(process, sent, self.seconds)
        self._typical += 0.1 * (time.monotonic() - began - self._typical)
        return told

    def warm(self) -> None:
        """Begins the process, if none runs and nobody is being answered, without waiting until it has loaded."""
        if self._turn.acquire(blocking=False):
            try:
                self._begun()
            finally:
                self._turn.release()

    def _begun(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ} | ENVIRONMENT
        # Its own session: Ctrl-C ends the site, and the site ends the process.
        self._process = process = subprocess.Popen(
            [sys.executable, *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._kill = weakref.finalize(self, process.kill)  # at the site's end too, whatever it is doing
        self._has_begun = False
        return process

    def _running(self) -> subprocess.Popen[bytes]:
        process = self._begun()
        if not self._has_begun:
            self._receive(process, b"", START_SECONDS)
            self._has_begun = True
        return process

    def _receive(self, process: subprocess.Popen[bytes], sent: bytes, seconds: float) -> Answer:
        """What is told to what was sent, within the time; else the process is ended and NoAnswerError raised."""
        assert process.stdin is not None and process.stdout is not None
        until = time.monotonic() + seconds
        too_late = threading.Timer(seconds, process.kill)  # wherever it hangs: reading, working, midway in answering
        too_late.daemon = True
        too_late.start()
        try:
            with suppress(OSError):  # it has gone, as the missing answer will show
                process.stdin.write(sent)
                process.stdin.flush()
            line = process.stdout.readline(LONGEST_ANSWER)
            if not line.endswith(b"\n"):
                why = "its answer is too long" if len(line) == LONGEST_ANSWER else "its process ended"
            elif _is_answer(told := json.loads(line)):
                return dict(told)
            else:
                why = "its answer is not as agreed"
        except (OSError, ValueError, RecursionError):
            why = "its answer is not JSON"
        finally:
            too_late.cancel()
        if time.monotonic() >= until:
            why = f"it took more than {seconds:.0f} seconds"
        code = _exit_code(process)
        self.close()
        raise NoAnswerError(f"{why} (exit code {code})", self._has_begun, code)

    def close(self) -> None:
        """Ends the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        self._kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):  # what could not be sent before it died
                if pipe is not None:
                    pipe.close()

    @property
    def pid(self) -> int | None:
        """The number of the process; None where none runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None


def _is_answer(told: Any) -> bool:
    return isinstance(told, dict) and (
        isinstance(told.get("answer"), dict) or bool(told.keys() & {"refused", "failed"})
    )


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """How a process that has closed its output has ended; None where it has not."""
    try:
        return process.wait(timeout=0.5)
    except subprocess.TimeoutExpired:
        return None


def serve(begin: Callable[[], Work], memory: int) -> None:
    """The process's side: answers questions from standard input on standard output until there are no more.

    begin: loads what is slow to load, and returns what answers a question; its ValueError is a refusal that whoever
    asked is told. memory: bytes that it may take above what it has when all is loaded. What is printed goes to
    standard error.
    """
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    work = begin()
    confine(memory)
    answer_all(work, sys.stdin.buffer, outgoing)


def answer_all(work: Work, incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Says that it has begun, by an empty answer, then answers each question in one line."""
    _tell(outgoing, {"answer": {}})
    while line := _next(incoming):
        question = json.loads(line)
        content = incoming.read(question.pop("num_bytes"))
        try:
            told: Answer = {"answer": work(question, content)}
        except ValueError as error:
            told = {"refused": str(error)}
        except Exception as error:  # told to the log of the site
            traceback.print_exc()
            told = {"failed": f"{type(error).__name__}: {error}"}
        _tell(outgoing, told)


def _tell(outgoing: BinaryIO, told: Answer) -> None:
    outgoing.write(json.dumps(told).encode() + b"\n")
    outgoing.flush()


def _next(incoming: BinaryIO) -> bytes:
    """The line of the next question; empty when there are no more, or none came for ``IDLE_SECONDS``."""
    if os.name == "posix" and not select.select([incoming], [], [], IDLE_SECONDS)[0]:
        return b""  # another is begun when one is needed; until then its memory serves others
    return incoming.readline()


def confine(memory: int) -> None:
    """Gives way to other processes, takes no more bytes of memory than these above what it has, writes no core file."""
    try:
        import resource
    except ImportError:  # Windows
        return
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:  # no Linux
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = used + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
