"""A job's process, as the site starts and ends it."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from fedsky.web.jobs import process

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("command", ["fedsky", "fedsky.resume"])
@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1])
def test_a_job_that_is_cancelled_while_it_starts_leaves_one_line_in_its_log(
    tmp_path: Path, command: str, seconds: float
) -> None:
    """Python's own handler of SIGINT left a traceback of its imports there."""
    log = tmp_path / "job.log"
    child = process.start([sys.executable, "-m", command, str(tmp_path)], CHECKOUT, log)
    time.sleep(seconds)
    os.killpg(child.pid, signal.SIGINT)
    assert child.wait(60) == 130
    assert log.read_text() == f"{command}: stopped by the user\n"
