"""A process beside the site that does one task at a time: what takes seconds of a core does not hold up the pages.

Plots are drawn there too, as matplotlib's settings are one for a whole process. The process begins with the first task,
ends with the site, and is begun anew after a task that took too long or brought it down.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from fedsky.web.share import Share

NICE = 5  # the site comes first
BEGINNING_SECONDS = 120.0  # the libraries of the report are many


class FailedError(Exception):
    """A task failed in a way that is no mistake of whoever asked."""


class Beside:
    """One process; ``most`` requests may wait for it, ``each`` of one visitor, beyond which BusyError is raised."""

    def __init__(self, do: Callable[[str, Sequence[Any]], Any], most: int, seconds: float, each: int = 1) -> None:
        self.do, self.seconds = do, seconds
        self._room = Share(most, each)
        self._lock = threading.Lock()
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def ask(self, name: str, *arguments: Any, who: str = "") -> Any:
        """A task's answer to a visitor; ValueError as the task raised it, FailedError where it took long or broke."""
        with self._room.of(who), self._lock:
            return self._ask(name, arguments)

    def _ask(self, name: str, arguments: Sequence[Any]) -> Any:
        if self._process is None or not self._process.is_alive() or self._pipe is None:
            self._begin()
        assert self._pipe is not None
        try:
            self._pipe.send((name, arguments))
            if not self._pipe.poll(self.seconds):
                raise FailedError(f"it took more than {self.seconds:.0f} seconds")
            is_good, answer = self._pipe.recv()
        except (OSError, EOFError):
            self.close()
            raise FailedError("its process ended") from None
        except FailedError:
            self.close()
            raise
        if is_good == "refused":
            raise ValueError(answer)
        if is_good == "failed":
            raise FailedError(answer)
        return answer

    def _begin(self) -> None:
        self.close()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.do), name="beside", daemon=True)
        self._process.start()
        theirs.close()  # so that each side sees the other's end
        if not self._pipe.poll(BEGINNING_SECONDS):
            self.close()
            raise FailedError("its process did not begin")
        try:
            self._pipe.recv()
        except (OSError, EOFError):
            self.close()
            raise FailedError("its process did not begin") from None

    def close(self) -> None:
        """Ends the process."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join(5)
        self._pipe = self._process = None


def _serve(pipe: Connection, do: Callable[[str, Sequence[Any]], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the site's
    with contextlib.suppress(OSError):
        os.nice(NICE)
    pipe.send("ready")
    while True:
        try:
            name, arguments = pipe.recv()
        except (EOFError, OSError):  # the site is no more
            return
        try:
            answer: tuple[str, Any] = ("good", do(name, arguments))
        except ValueError as error:
            answer = ("refused", str(error))
        except Exception as error:  # told to the log of the site
            answer = ("failed", f"{type(error).__name__}: {error}")
        try:
            pipe.send(answer)
        except OSError:
            return
