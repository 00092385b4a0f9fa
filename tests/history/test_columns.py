"""What is known of a column stands in one table, and what others make of it is right."""

import ast
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedsky.history.columns import (
    CLIENT_METRICS,
    CLIENTS,
    COLUMNS,
    FINAL_METRICS,
    ROUND_METRICS,
    ROUNDS,
    TABLES,
    TIMING,
)
from fedsky.tracking.tracker import NAMES

FEDSKY = Path(__file__).resolve().parents[2] / "fedsky"
MEASURED = {*ROUND_METRICS, *CLIENT_METRICS}


def test_fractions_are_from_0_to_1_and_a_loss_is_any_number() -> None:
    fractions = {name for name, column in COLUMNS.items() if column.is_fraction}
    assert fractions == {name for name in COLUMNS if "accuracy" in name}
    assert all(COLUMNS[name].range == (0.0, 1.0) for name in fractions)
    assert {COLUMNS[name].range for name in COLUMNS if "loss" in name} == {(-math.inf, math.inf)}
    assert COLUMNS["bytes_up"].range == COLUMNS["num_steps"].range == (0.0, math.inf)


def test_tables_have_their_columns() -> None:
    assert TABLES[ROUNDS][:4] == ("round", "loss", "accuracy", "balanced_accuracy")
    assert set(TABLES[CLIENTS]) - set(TABLES[ROUNDS]) == {
        "client",
        "status",
        "reason",
        "num_examples",
        "num_test",
        "pooled_accuracy",
        "pooled_balanced_accuracy",
        "staleness",
    }
    assert TABLES[TIMING][:3] == ("round", "client", "round_seconds")
    assert FINAL_METRICS == ("balanced_accuracy", "accuracy", "loss")


def test_trackers_group_charts_by_what_they_show() -> None:
    assert NAMES == {
        "accuracy": "test/accuracy", "balanced_accuracy": "test/balanced_accuracy", "loss": "test/loss",
        "validation_accuracy": "validation/accuracy", "validation_loss": "validation/loss", "train_loss": "train/loss",
        "global_train_loss": "train/global_loss", "num_steps": "train/num_steps", "num_trained": "clients/num_trained",
        "bytes_up": "communication/bytes_up", "bytes_down": "communication/bytes_down", "epsilon": "privacy/epsilon",
        "clip_norm": "privacy/clip_norm", "virtual_seconds": "clients/virtual_seconds",
    }  # fmt: skip


def listed(path: Path) -> Iterator[set[str]]:
    """The columns that each tuple, list, set or dict written out in a file names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        parts = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
        yield {part.value for part in parts if isinstance(part, ast.Constant) and part.value in MEASURED}


@pytest.mark.parametrize("room", ["report", "tracking", "photographs", "web", "history/__init__.py"])
def test_no_second_list_of_columns(room: str) -> None:
    place = FEDSKY / room
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        if "node_modules" not in path.parts:
            assert not [found for found in listed(path) if len(found) > 2], path
