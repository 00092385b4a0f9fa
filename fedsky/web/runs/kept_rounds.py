"""The rounds of the runs asked for last: a run's files are read once a change of theirs, whatever cursor is asked."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .views import Rounds

ROOM = 20_000  # rounds of all kept runs together, about 50 MB


class KeptRounds:
    """Rounds by run and stamp. What is being read is waited for; one is read at a time, as reading takes a core."""

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self._kept: OrderedDict[tuple[Any, ...], Rounds] = OrderedDict()
        self._lock, self._reading = threading.Lock(), threading.Lock()

    def get(self, key: tuple[Any, ...], read: Callable[[], Rounds]) -> Rounds:
        """The rounds kept under the key, or read and kept."""
        if (kept := self._known(key)) is not None:
            return kept
        with self._reading:
            if (kept := self._known(key)) is not None:
                return kept
            rounds = read()
        with self._lock:
            self._kept[key] = rounds
            for old in [other for other in self._kept if other[0] == key[0] and other != key]:
                del self._kept[old]
            while self._kept and sum(len(each.rounds) for each in self._kept.values()) > self.room:
                self._kept.popitem(last=False)
        return rounds

    def _known(self, key: tuple[Any, ...]) -> Rounds | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)
