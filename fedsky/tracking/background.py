"""A tracker in a thread of its own, so that neither its slowness nor its failure costs a run anything."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fedsky.config import make
from fedsky.history import INTERRUPTED, Row

from .tracker import Tracker

LOG = logging.getLogger("fedsky")
PATIENCE_SECONDS = 30.0  # for what a tracker has still to write when the run is over
HURRY_SECONDS = 3.0  # the same after Ctrl-C


class Background:
    """Hands calls to a tracker in their order; without a tracker every call does nothing."""

    def __init__(self, tracker: Tracker | None, name: str = "", patience: float = PATIENCE_SECONDS) -> None:
        self.tracker, self.name, self.patience = tracker, name, patience
        self.calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.thread: threading.Thread | None = None

    def begin(self, folder: Path, info: Row, first: int) -> None:
        """A run begins, or goes on, with round ``first``."""
        if self.tracker is not None:
            # A daemon: a tracker that hangs must not keep the process.
            self.thread = threading.Thread(target=self._work, name="tracking", daemon=True)
            self.thread.start()
            self._add(lambda tracker: tracker.begin(folder, info, first))

    def round(self, row: Row, clients: Sequence[Row], seconds: float) -> None:
        """A round is over."""
        self._add(lambda tracker: tracker.round(row, clients, seconds))

    def end(self, info: Row) -> None:
        """The run is over; waits for what is still to be written, but not for ever."""
        if self.thread is None:
            return
        self._add(lambda tracker: tracker.end(info))
        self.calls.put(None)
        seconds = min(self.patience, HURRY_SECONDS) if info["status"] == INTERRUPTED else self.patience
        self.thread.join(seconds)
        if self.thread.is_alive():
            LOG.warning("tracking=%s did not finish within %g s: what it has is not whole", self.name, seconds)

    def _add(self, call: Callable[[Tracker], None]) -> None:
        if self.thread is not None and self.tracker is not None:
            tracker = self.tracker
            self.calls.put(lambda: call(tracker))

    def _work(self) -> None:
        failed = False
        while (call := self.calls.get()) is not None:
            if failed:
                continue
            try:
                call()
            except BaseException as error:  # whatever a tracker does, the run goes on
                failed = True
                text = " ".join(str(error).split())[:300]
                LOG.warning("tracking=%s stopped, the run goes on: %s: %s", self.name, type(error).__name__, text)
                LOG.debug("", exc_info=error)


def open_tracking(config: dict[str, Any]) -> Background:
    """The tracker that a configuration names, or one that does nothing; ValueError if its package is missing."""
    settings = config["tracking"]
    if settings.get("_target_") is None:
        return Background(None)
    return Background(make(settings, "tracking"), str(settings["_target_"]).rpartition(".")[2].lower())
