"""The run folders that the report's tests make by hand have nothing that a run does not write."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_files import info_of

from fedsky.config import compose, resolve
from fedsky.run import run

QUICK = ["engine=inline", "num_rounds=1", "num_clients=2", "data.count=40", "data.size=32"]
CHOICES = {"partition": "iid", "model": "resnet8", "data": "rendered", "engine": "inline"}


def keys(value: Any, path: str = "") -> set[str]:
    """The dotted keys of nested mappings."""
    if not isinstance(value, dict):
        return {path}
    return {key for name, each in value.items() for key in keys(each, f"{path}.{name}" if path else name)} | {path}


def fields(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in folder.glob("*.jsonl"):
        found[path.name] = {key for line in path.read_text().splitlines() for key in json.loads(line)}
    parts = json.loads((folder / "partition.json").read_text())
    found["partition.json"] = {*parts, *(f"clients.{key}" for client in parts["clients"] for key in client)}
    found["run.json"] = keys(info_of(folder))
    with (folder / "predictions.csv").open(newline="") as file:
        found["predictions.csv"] = set(next(csv.reader(file)))
    return found


@pytest.mark.parametrize("strategy", ["fedavg", "local", "centralized"])
def test_it_has_a_runs_files_and_fields(
    tmp_path: Path, write_run: Callable[..., Path], judge: Callable[..., Any], strategy: str
) -> None:
    run(resolve(compose([*QUICK, f"strategy={strategy}"])), tmp_path / "run", {**CHOICES, "strategy": strategy})
    by_hand, written = fields(write_run(tmp_path / "made", strategy, predictions=judge(1))), fields(tmp_path / "run")
    assert by_hand.keys() <= written.keys()
    assert {file: by_hand[file] - written[file] for file in by_hand if by_hand[file] - written[file]} == {}
