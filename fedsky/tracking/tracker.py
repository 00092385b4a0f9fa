"""What a tracker is, and what it is told."""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from fedsky.history import Row
from fedsky.history.columns import COLUMNS, ROUND_METRICS

# The columns of rounds.jsonl by the names under which trackers group their charts: train/loss for train_loss.
NAMES = {name: f"{topic}/{name.replace(f'{topic}_', '')}" for name in ROUND_METRICS if (topic := COLUMNS[name].topic)}


class Tracker(Protocol):
    """Told of one run from a thread of its own: whatever it raises is logged and costs the run nothing."""

    def begin(self, folder: Path, info: Row, first: int) -> None:
        """A run begins, or goes on, with round ``first``; info is its run.json."""

    def round(self, row: Row, clients: Sequence[Row], seconds: float) -> None:
        """A row of rounds.jsonl, the round's rows of clients.jsonl, and its wall seconds."""

    def end(self, info: Row) -> None:
        """The run's last run.json: its status is done, failed or interrupted."""


def scalars(row: Row, seconds: float) -> dict[str, float]:
    """The numbers of a round that are known, by their names in a tracker."""
    known = {name: row.get(key) for key, name in NAMES.items()}
    known["timing/round_seconds"] = seconds
    return {name: float(value) for name, value in known.items() if value is not None and value == value}


def parameters(config: Mapping[str, Any], prefix: str = "") -> dict[str, str | int | float | bool]:
    """A configuration as flat settings, as a tracker's table has them; without what is empty."""
    flat: dict[str, str | int | float | bool] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= parameters(value, f"{prefix}{key}.")
        elif value is not None:
            flat[f"{prefix}{key}"] = value if isinstance(value, str | int | float) else json.dumps(value)
    return flat


def needs(group: str, package: str, module: str) -> None:
    """Raises ValueError, before anything is trained, where a tracker's package is not installed."""
    if find_spec(module) is None:
        raise ValueError(f"tracking={group}: {package} is not installed: python -m pip install {package}")
