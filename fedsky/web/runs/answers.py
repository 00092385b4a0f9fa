"""Answers that are kept: bodies of JSON under a key that says what they were made from, with their ETag."""

import gzip
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedsky.history import finite
from fedsky.web.share import BusyError

ROOM = 24_000_000  # bytes of all kept bodies
SMALL = 1_000  # bytes below which packing gains nothing


@dataclass(frozen=True)
class Answer:
    """A body of JSON in UTF-8, the same packed by gzip (None where small), and its strong ETag without quotes."""

    body: bytes
    packed: bytes | None
    etag: str

    @property
    def size(self) -> int:
        return len(self.body) + len(self.packed or b"")


def pack(value: Any, hide: Callable[[bytes], bytes] = bytes) -> Answer:
    """The answer of a JSON value; NaN is null. hide: takes out of the body what nobody is to read."""
    body = hide(json.dumps(finite(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
    packed = gzip.compress(body, 5, mtime=0) if len(body) > SMALL else None
    return Answer(body, packed, hashlib.sha256(body).hexdigest()[:32])


class Answers:
    """The answers asked for last, within a room of bytes. One thread makes an answer, others wait for it.

    most: how many may wait, so that what takes long cannot take all threads; BusyError is raised to the others.
    """

    def __init__(self, room: int = ROOM, most: int | None = None, hide: Callable[[bytes], bytes] = bytes) -> None:
        self.room, self.hide = room, hide
        self._slots = threading.BoundedSemaphore(most) if most is not None else None
        self.size = 0
        self._kept: OrderedDict[tuple[Any, ...], Answer] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[tuple[Any, ...], threading.Event] = {}

    def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Answer:
        """The answer kept under the key, or made and kept. What ``make`` raises is raised to the one who made."""
        while True:
            with self._lock:
                kept = self._kept.get(key)
                if kept is not None:
                    self._kept.move_to_end(key)
                    return kept
                event = self._making.get(key)
                if event is None:
                    self._making[key] = threading.Event()
                    break
            self._wait(event)
        try:
            answer = pack(make(), self.hide)
            self._keep(key, answer)
            return answer
        finally:
            with self._lock:
                self._making.pop(key).set()

    def _wait(self, event: threading.Event) -> None:
        if self._slots is None:
            event.wait()
            return
        if not self._slots.acquire(blocking=False):
            raise BusyError
        try:
            event.wait()
        finally:
            self._slots.release()

    def _keep(self, key: tuple[Any, ...], answer: Answer) -> None:
        with self._lock:
            if answer.size > self.room // 4:
                return
            self._kept[key] = answer
            self.size += answer.size
            while self.size > self.room:
                self.size -= self._kept.popitem(last=False)[1].size
