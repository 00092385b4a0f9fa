"""One of the processes that make a sweep's runs side by side: what it does with its orders."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fedsky.machine import interrupt


@dataclass
class Order:
    """A run for another process to make; who gives the order adds what is to be known of it."""

    folder: Path
    words: tuple[list[str], list[str]]  # of the command line: sys.argv and sys.orig_argv


Make = Callable[[Any], str | None]  # of an order a run; why it failed, where its folder may not tell


def work(line: Connection, make: Make) -> None:
    """Makes the runs that come in orders and answers each when it is over, however that was; None ends it.

    A terminal's Ctrl-C reaches the command alone, which passes it on; what is to be read of a run is in its folder.
    """
    os.setsid()
    _be_silent()
    interrupt.at_once("fedsky")
    threading.Thread(target=_end_with_the_command, daemon=True).start()
    try:
        while (order := line.recv()) is not None:
            sys.argv, sys.orig_argv = order.words
            told = make(order)
            logging.shutdown()
            line.send(told)
    except EOFError:  # the command is dead
        return
    except KeyboardInterrupt:
        interrupt.leave("fedsky")


def _be_silent() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


def _end_with_the_command() -> None:
    command = multiprocessing.parent_process()
    assert command is not None
    command.join()
    os.kill(os.getpid(), signal.SIGTERM)
