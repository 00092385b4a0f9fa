"""Something that few can have at a time, of which one visitor gets no more than a share."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class BusyError(Exception):
    """Too many wait for something, or one visitor has all that one may have of it.

    seconds: to wait before another try.
    """

    def __init__(self, seconds: int = 5) -> None:
        super().__init__("busy")
        self.seconds = seconds


class Share:
    """Something that few can have at a time: ``most`` in all, ``each`` of them for one visitor; others are refused."""

    def __init__(self, most: int, each: int) -> None:
        self.most, self.each = most, each
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, who: str) -> Iterator[None]:
        """Holds one for a visitor; BusyError where that one, or all together, have as many as may be."""
        with self._lock:
            if self._held[who] >= self.each or self._held.total() >= self.most:
                raise BusyError
            self._held[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._held[who] -= 1
                if not self._held[who]:
                    del self._held[who]
