"""Programs that a test interrupts, or that write where it wants to."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def start(*arguments: str, start_new_session: bool = False, cwd: Path | None = None) -> "subprocess.Popen[str]":
    """A Python program that heeds signals, as one in a terminal's foreground does; its output is one text."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=start_new_session,
        cwd=cwd,
        preexec_fn=heed,
    )


def heed() -> None:
    """Undoes what a shell's background, or nohup, has a program ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def wait_until_it_heeds(process: "subprocess.Popen[str]") -> None:
    """Waits for the command's first lines; Python's own start, a few hundredths of a second, is nobody's to mend."""
    status = Path("/proc") / str(process.pid) / "status"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.005)
    pytest.fail("it never handles SIGTERM")


WRITER = """
import sys, time
from pathlib import Path
from fedsky.history import lock
lock.take(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def writer(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds a folder."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()
