"""Imports of thousands of modules: what they leave is there to stay, and nobody need look through it for garbage."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def to_stay() -> Iterator[None]:
    """Within it Python looks for no garbage, nor ever after among what is there at its end: a fifth of the time.

    Where nothing new was imported all is as before: what an earlier job of a sweep left would else never be given back.
    """
    before = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:
            gc.freeze()
        gc.enable()
