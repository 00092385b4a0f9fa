"""Clients that take turns in one process: each goes on until it asks for something that is to be done for several.

A turn is a greenlet: a function that can wait in its middle, in the same thread. Whoever knows no turns, works alone.
"""

import time
from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet

Times = tuple[float, float]  # seconds on the wall, seconds of the processor


def now() -> Times:
    """What this process has spent until now, from some moment on."""
    return time.perf_counter(), time.process_time()


class Turn:
    """One client's work, with a model of its own, until it has ended or waits for the answer to what it asks."""

    def __init__(self, model: Any, work: Callable[[], Any]) -> None:
        self.model = model
        self.inner: Any = greenlet(lambda _: work())
        self.inner.turn = self
        self.asks: Any = None
        self.together = 1  # clients that were trained in one with it
        self.saved: list[str] = []  # of the client's own states
        self.spent: Times = (0.0, 0.0)  # by this client, of what this process has spent
        self.since: Times = (0.0, 0.0)

    def go_on(self, answer: Any = None) -> Any:
        """Has the client go on with the answer to what it has asked; what its work comes to, once it has ended."""
        self.asks, self.since = None, now()
        result = self.inner.switch(answer)
        self.spend(*_since(self.since))
        return result

    @property
    def has_ended(self) -> bool:
        return bool(self.inner.dead)

    def spend(self, wall: float, processor: float) -> None:
        """Counts what was spent for this client."""
        self.spent = self.spent[0] + wall, self.spent[1] + processor

    def ask(self, what: Any) -> Any:
        """Waits for an answer, or raises it; called within the client's work."""
        self.asks = what
        answer = self.inner.parent.switch()
        if isinstance(answer, Exception):
            raise answer
        return answer


def current() -> Turn | None:
    """The turn that this code runs in; None where it works alone."""
    turn: Turn | None = getattr(getcurrent(), "turn", None)
    return turn


def clock() -> Times:
    """What this process has spent, on the wall and of the processor; in a turn that of its client alone."""
    if (turn := current()) is None:
        return now()
    wall, processor = _since(turn.since)
    return turn.spent[0] + wall, turn.spent[1] + processor


def _since(before: Times) -> Times:
    wall, processor = now()
    return wall - before[0], processor - before[1]
