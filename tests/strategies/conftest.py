"""Whole runs in this process, for the tests of strategies."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fedsky.config import compose, resolve
from fedsky.run import run


@pytest.fixture
def go(tmp_path: Path) -> Callable[..., Path]:
    """Runs overrides in this process and returns the folder: float64 points, or a ResNet on 60 images if ``real``.

    ``model`` and ``data`` are functions of tests/support, such as "personal.deep"; ``changed`` replaces whole groups.
    """
    numbers = iter(range(100))

    def run_one(
        *overrides: str, real: bool = False, model: str = "tiny.linear", data: str = "tiny.points", **changed: object
    ) -> Path:
        small = ["data.count=60", "data.size=32"] if real else []
        config = resolve(compose(["engine=inline", "num_rounds=3", "num_clients=4", *small, *overrides]))
        if not real:
            config |= {"data": {"_target_": data, "fold": "1/5"}, "model": {"_target_": model}}
        folder = tmp_path / str(next(numbers))
        run(config | changed, folder)
        return folder

    return run_one
