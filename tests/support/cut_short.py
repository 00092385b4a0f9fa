"""Runs that are interrupted in the middle of a round."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fedsky.run.loop import RoundLoop


@contextmanager
def cut_short(in_round: int) -> Iterator[None]:
    """A run within it is interrupted in a round that is trained, but not complete."""
    judge = RoundLoop._judge

    def stop(loop: Any, round: int, last: bool) -> Any:
        if round == in_round:
            raise KeyboardInterrupt
        return judge(loop, round, last)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RoundLoop, "_judge", stop)
        with pytest.raises(KeyboardInterrupt):
            yield
