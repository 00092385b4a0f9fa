"""How busy the machine is, and what part of a core that leaves."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from fedsky.machine.load import AUTOGROUP, Look, look


@pytest.mark.parametrize(
    ("seen", "num", "speed"),
    [
        (Look(0), 1, 1),
        (Look(1), 1, 1),
        (Look(3), 1, 0.5),
        (Look(2), 2, 0.5),  # every thread alike
        (Look(0, ()), 2, 1),
        (Look(0, ()), 4, 0.5),
        (Look(5, (5,)), 1, 1),  # five of another session get a core together, and leave one
        (Look(5, (5,)), 2, 0.5),
        (Look(2, (1, 1)), 2, 1 / 3),
        (Look(4, (2, 2)), 1, 2 / 3),
        (Look(1, (1,)), 3, 1 / 3),  # what the other does not want is left
        (Look(3, ()), 1, 0.5),
        (Look(4, (1,)), 1, 0.25),  # three in this process's own session
    ],
)
def test_the_part_of_a_core_of_two(seen: Look, num: int, speed: float) -> None:
    assert seen.speed(num, 2) == pytest.approx(speed)


def soon(seen: Callable[[Look], bool]) -> bool:
    """Whether a look sees it; a process needs a moment to begin."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if seen(look()):
            return True
    return False


def test_a_busy_process_of_another_session_is_in_a_group_of_its_own() -> None:
    grouped = AUTOGROUP.exists() and AUTOGROUP.read_text().strip() == "1"
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        assert soon(lambda seen: seen.others >= 1 and (bool(seen.groups) if grouped else seen.groups is None))
    finally:
        busy.kill()
        busy.wait()
