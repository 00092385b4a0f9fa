"""Imports of thousands of modules: what they leave is there to stay, and nobody need look through it for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def to_stay() -> Iterator[None]:
    """Within it Python looks for no garbage, nor ever after among what is there at its end: a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
