"""The runs of a sweep side by side (``jobs=N``): each in a process with its share of the cores, started by this one.

Not by Hydra's joblib launcher: joblib ends all of a sweep where one process is killed, and gives each of them all
cores. A process keeps its engine from run to run, as one that goes through a sweep alone does; where one is killed, the
run that it was at is lost, and the next run has a new one.
"""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from fedsky.command.member import Make, Order, work
from fedsky.history import GONE, INTERRUPTED, RUNNING, read_object, write_end
from fedsky.machine import CORES, interrupt, num_cores

END_SECONDS = 30.0  # that a process which is told to stop takes at most: Ray takes some


class Member:
    """A process that makes runs, and the run that it is at."""

    def __init__(self, cores: int, make: Make) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self.process: Any = context.Process(target=work, args=(theirs, make))
        self.order: Order | None = None
        os.environ[CORES] = str(cores)
        try:
            with interrupt.held():
                self.process.start()
        finally:
            del os.environ[CORES]
        theirs.close()

    def begin(self, order: Order) -> None:
        """Has it make a run."""
        self.order = order
        with suppress(OSError):  # of one that died meanwhile, as ``ended`` sees
            self.line.send(order)

    def ended(self) -> tuple[Order, str | None] | None:
        """The run that has ended since it was begun, if it has, be it by the death of the process, and what is told."""
        if (order := self.order) is None or not self.line.poll():
            return None
        told: str | None = None
        try:
            told = self.line.recv()
        except (EOFError, OSError):
            self.process.join()
            _mark(order.folder)
        self.order = None
        return order, told

    def leave(self, seconds: float | None) -> None:
        """Has it end after its run; kills it where it takes longer than so many seconds."""
        with suppress(OSError):
            self.line.send(None)
        self.process.join(seconds)
        self.process.kill()
        self.process.join()
        self.line.close()


class Crew:
    """As many processes as runs are to go on at a time; ``told`` hears of each that ended, and what ``make`` said."""

    def __init__(self, size: int, make: Make, told: Callable[[Order, str | None], None]) -> None:
        self.size, self.make, self.told = size, make, told
        self.cores = max(1, num_cores() // size)
        self.members: list[Member] = []
        self.waiting: deque[Order] = deque()

    def give(self, order: Order) -> None:
        """Has a run made as soon as a process is free."""
        self.waiting.append(order)
        self._go_on()

    def finish(self) -> None:
        """Returns when all runs have ended, and their processes."""
        while self._go_on():
            wait([member.line for member in self.members if member.order is not None])
        while self.members:
            self.members.pop().leave(None)

    def stop(self) -> None:
        """Ends all processes; each marks the run that it is at as stopped."""
        self.waiting.clear()
        for member in self.members:
            member.process.terminate()
        while self.members:
            self.members.pop().leave(END_SECONDS)

    def _go_on(self) -> bool:
        """Tells of the runs that have ended and has others begin where there is room; whether any is not done."""
        for member in list(self.members):
            if (ended := member.ended()) is not None:
                self.told(*ended)
            if member.order is None and not member.process.is_alive():
                self.members.remove(member)
        while self.waiting:
            free = next((member for member in self.members if member.order is None), None)
            if free is None:
                if len(self.members) == self.size:
                    break
                free = Member(self.cores, self.make)
                self.members.append(free)
            free.begin(self.waiting.popleft())
        return any(member.order is not None for member in self.members)


def _mark(folder: Path) -> None:
    """Says in the folder of a run whose process is dead that it is over."""
    info = read_object(folder / "run.json", [])
    if info.get("status") == RUNNING:
        write_end(folder, info | {"status": INTERRUPTED, "reason": GONE})
