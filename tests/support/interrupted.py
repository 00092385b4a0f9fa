"""Programs that a test interrupts."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


def start(*arguments: str, start_new_session: bool = False, cwd: Path | None = None) -> "subprocess.Popen[str]":
    """A Python program that heeds Ctrl-C, as one in a terminal's foreground does; its output is one text."""
    return subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=start_new_session, cwd=cwd,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


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
