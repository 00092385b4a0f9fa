"""Ctrl-C, SIGTERM and SIGHUP end a command in one line, with status 130, whatever its code is doing just then.

While a command starts it has nothing to put away, and ends at once: an exception in the middle of an import comes out
as something else. Later the signals raise KeyboardInterrupt, and raise it again until somebody has caught it, since
Python ignores an exception in a callback or a destructor, and Ctrl-C with it.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

STOPPED = "stopped by the user"
INSIST_SECONDS = 1.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last as a terminal closes or a connection breaks
_asked = False
_held = 0  # blocks of `held` that have begun
_resumed: tuple[Path, str] | None = None  # the file without which there is nothing to go on with, and the command
_last: list[Callable[[], None]] = []


def before_leaving(do: Callable[[], None]) -> None:
    """Has something done at the very end of an interrupted process, quickly and without raising."""
    _last.append(do)


def goes_on_by(command: str, begun: Path) -> None:
    """Has the last line say which command goes on with what was stopped, if ``begun`` is there by then.

    What was said first holds: of a sweep, and of a sweep that goes on, the whole rather than the job of the moment.
    """
    global _resumed
    _resumed = _resumed or (begun, command)


def at_once(name: str) -> None:
    """Has the signals end the process at once; ``name`` begins the line that tells so."""

    def end(number: int, frame: FrameType | None) -> None:
        _end(name)

    _handle(end)


def by_exception() -> None:
    """Has the signals raise KeyboardInterrupt in the main thread, every ``INSIST_SECONDS`` until ``stop_insisting``."""
    signal.signal(signal.SIGALRM, _insist)
    _handle(_insist)


@contextmanager
def held() -> Iterator[None]:
    """Has a signal wait for the end of the block, in which processes begin or end: half of one cannot be put away."""
    global _held
    _held += 1
    try:
        yield
    finally:
        _held -= 1
    if _asked and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt


def asked() -> bool:
    """Whether a signal has come: whatever was raised since is a consequence of it."""
    return _asked


def stop_insisting() -> None:
    """Says that the interrupt has arrived and what is to be put away is about to be."""
    if _asked:
        signal.setitimer(signal.ITIMER_REAL, 0)


def leave(name: str, *first: Callable[[], None]) -> NoReturn:
    """Ends this process with status 130, once ``first`` is done, Ray is gone and every file is written.

    Threads of the engine may still wait for actors that are no more; the interpreter's own end can abort on them.
    """
    stop_insisting()
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for do in first:
        do()
    if "fedsky.engine" in sys.modules:
        sys.modules["fedsky.engine"].close(at_once=True)
    if "multiprocessing" in sys.modules:
        for process in sys.modules["multiprocessing"].active_children():  # which wait for work for ever
            process.kill()
    with suppress(OSError):  # of a terminal that is gone
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    _end(name)


def _end(name: str) -> NoReturn:
    for do in _last:
        do()
    with suppress(OSError):
        more = f"; {_resumed[1]} goes on" if _resumed is not None and _resumed[0].is_file() else ""
        os.write(2, f"{name}: {STOPPED}{more}\n".encode(errors="backslashreplace"))
    os._exit(130)


def _insist(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    signal.setitimer(signal.ITIMER_REAL, INSIST_SECONDS)
    if not _held:
        raise KeyboardInterrupt


def _handle(do: "signal._HANDLER") -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # which a shell sets for its background
            signal.signal(number, do)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # the site has them wait until here
