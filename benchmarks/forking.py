"""Children of a process that has loaded what takes long to import: each does one thing, in its own time alone."""

import os
import runpy
import sys
import traceback
from collections.abc import Callable


def fork(do: Callable[[], object], out: int) -> int:
    """The number of a child that does it and ends as a program would; what it says goes to that file descriptor."""
    if child := os.fork():
        return child
    code = 1
    try:
        for stream in (1, 2):
            os.dup2(out, stream)
        do()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else bool(end.code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def module(name: str, *words: str) -> None:
    """Runs a module as python -m does."""
    sys.argv = [name, *words]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
