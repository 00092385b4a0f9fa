"""How busy the machine is: how many processes want a core, how cores are shared, and since when this one has run.

Linux's autogroup shares the cores among sessions (setsid), not processes: five workers of one terminal together get as
much as a run in another. Without it every thread gets as much as any other.
"""

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

PROC, EVERY = Path("/proc"), 0.2
AUTOGROUP = PROC / "sys" / "kernel" / "sched_autogroup_enabled"


@dataclass(frozen=True)
class Look:
    """others: how many threads of other processes want a core; groups: those of other sessions, by session, where the
    cores are shared among these; the rest of ``others`` is in this process's own."""

    others: float
    groups: tuple[float, ...] | None = None

    def speed(self, num: float, cores: int) -> float:
        """The part of a core that each of so many threads of this process's session gets, at most 1."""
        if self.groups is None:
            return min(1.0, cores / (self.others + num))
        wanted = num + max(0.0, self.others - sum(self.groups))
        left, fair = float(cores), float("inf")
        for place, each in enumerate(demands := sorted([*self.groups, wanted])):
            fair = left / (len(demands) - place)
            if each > fair:
                break
            left -= each
        return min(1.0, max(fair, 0.0) / wanted) if wanted > fair else 1.0


def look() -> Look:
    """How many threads of other processes want a core at this moment; elsewhere than on Linux a minute's mean."""
    own = os.getpid()
    try:
        grouped = AUTOGROUP.read_text(encoding="ascii").strip() == "1"
    except OSError:
        grouped = False
    if not (PROC / "self" / "task").is_dir():
        return Look(os.getloadavg()[0])
    found: Counter[str] = Counter()
    for folder in PROC.iterdir():
        if folder.name.isdecimal() and int(folder.name) != own and (number := _wanting(folder)):
            found[_group(folder) if grouped else ""] += number
    others = float(sum(found.values()))
    found.pop(_group(PROC / "self"), None)
    return Look(others, tuple(map(float, found.values())) if grouped else None)


def _wanting(process: Path) -> int:
    """How many threads of a process want a core."""
    try:
        return sum(_wants(thread) for thread in (process / "task").iterdir())
    except OSError:  # it has ended
        return 0


def _wants(thread: Path) -> bool:
    try:
        return (thread / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2][:1] == "R"
    except OSError:  # it has ended
        return False


def _group(process: Path) -> str:
    """What a process shares its cores with others in; its number where the system does not say."""
    try:
        return (process / "autogroup").read_text(encoding="ascii").split()[0]
    except (OSError, IndexError):
        return process.name


class Watch:
    """Looks at the load again and again, in a thread of its own, until ``seen`` is asked for."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._seen: list[Look] = []
        self._thread = threading.Thread(target=self._look, name="load", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(EVERY):
            self._seen.append(look())

    def seen(self) -> list[Look]:
        """The looks so far, one at least; the last time that it is asked."""
        self._stop.set()
        self._thread.join()
        return self._seen or [look()]


def looks(seconds: float) -> list[Look]:
    """Looks at the load for so long."""
    watch = Watch()
    time.sleep(seconds)
    return watch.seen()


def since_start() -> tuple[float, float]:
    """The seconds that have passed since this process began, and those of a processor that it has used.

    On Linux by the clock that nobody sets, in which /proc tells when a process began.
    """
    try:
        told = (PROC / "self" / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
        passed = time.clock_gettime(time.CLOCK_BOOTTIME) - int(told[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, IndexError):
        passed = time.time() - psutil.Process().create_time()
    return max(0.0, passed), time.process_time()
