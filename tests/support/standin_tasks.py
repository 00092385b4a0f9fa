"""Tasks that sleep, refuse, break or die, for the process beside the site; light, as that process imports them."""

import os
import signal
import time
from collections.abc import Sequence
from typing import Any


def do(name: str, arguments: Sequence[Any]) -> Any:
    if name == "sleep":
        time.sleep(arguments[0])
    elif name == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif name == "refuse":
        raise ValueError("no such thing")
    elif name == "break":
        raise KeyError("a mistake")
    return os.getpid()
