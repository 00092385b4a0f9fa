"""The machine that a process runs on: its cores and memory, its signals and streams, and what its system refuses."""

import os
import resource
import shlex
import sys
from pathlib import Path

import psutil

CORES = "FEDSKY_CORES"  # the variable that leaves a process a share of the cores
LEAST_FREE = 0.05  # of the machine's memory, below which Ray kills workers and then Linux kills whom it likes


def num_cores() -> int:
    """How many cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = os.environ.get(CORES, "")
    return min(cores, int(share)) if share.isdecimal() and int(share) else cores


def peak_memory_bytes() -> int:
    """The largest resident memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def short_of_memory() -> str | None:
    """How little of the machine's memory is left, where that may end a process soon; None where there is enough."""
    memory = psutil.virtual_memory()
    if memory.available > LEAST_FREE * memory.total:
        return None
    return f"{memory.available / 1e6:.0f} of {memory.total / 1e6:.0f} MB of memory are left"


def command(part: str, *words: str | Path) -> str:
    """A command of fedsky as a person would type it; ``part`` is report, resume ... or empty."""
    is_installed = Path(next(iter(sys.orig_argv[1:]), "")).name == "fedsky"
    names = ["fedsky", *([part] if part else [])]
    return shlex.join([*(names if is_installed else ["python", "-m", ".".join(names)]), *map(str, words)])
