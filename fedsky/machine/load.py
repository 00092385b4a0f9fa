"""How busy the machine is: how many processes want a core, and since when this one has run."""

import os
import threading
import time
from pathlib import Path

import psutil

STAT, OWN, EVERY = Path("/proc/stat"), Path("/proc/self/task"), 0.1


def num_wanting() -> float:
    """How many threads of other processes want a core at this moment; elsewhere than on Linux a minute's mean."""
    try:
        lines = STAT.read_text(encoding="ascii").splitlines()
        running = next(int(line.split()[1]) for line in lines if line.startswith("procs_running "))
        return float(max(0, running - sum(map(_wants, OWN.iterdir()))))
    except (OSError, StopIteration, ValueError, IndexError):
        return os.getloadavg()[0]


def _wants(thread: Path) -> bool:
    try:
        return (thread / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][0] == "R"
    except (OSError, IndexError):  # it has ended
        return False


class Watch:
    """Looks at the load again and again, in a thread of its own, until ``seen`` is asked for."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._seen: list[float] = []
        self._thread = threading.Thread(target=self._look, name="load", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(EVERY):
            self._seen.append(num_wanting())

    def seen(self) -> list[float]:
        """The looks so far, one at least; the last time that it is asked."""
        self._stop.set()
        self._thread.join()
        return self._seen or [num_wanting()]


def looks(seconds: float) -> list[float]:
    """Looks at the load for so long."""
    watch = Watch()
    time.sleep(seconds)
    return watch.seen()


def since_start() -> tuple[float, float]:
    """The seconds that have passed since this process began, and those of a processor that it has used."""
    return max(0.0, time.time() - psutil.Process().create_time()), time.process_time()
