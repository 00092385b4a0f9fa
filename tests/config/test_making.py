"""A value that the code of one's own cannot use costs one line: its key, the value, and the file of the code."""

from pathlib import Path
from typing import Any

import pytest

from fedsky.client.task import Task, specification
from fedsky.config import compose, make, resolve

MODULE = """
from torch import nn

from strategies.fedavg import FedAvg


class Declared(FedAvg):
    def __init__(self, server_lr: float, name: str = "", twice: bool = False, owner: int | None = None, **fedavg):
        super().__init__(**fedavg)


class Adds(FedAvg):
    def __init__(self, server_lr, beta=0.5):
        self.server_lr = server_lr + 1


class Converts(FedAvg):
    def __init__(self, server_lr, beta=0.5):
        self.server_lr = float(server_lr)


class Refuses(FedAvg):
    def __init__(self, server_lr):
        raise ValueError("strategy.server_lr: my own words")


def small(num_classes, width):
    return nn.Linear(width, num_classes)


def part(labels, num_clients, rng, share):
    return [labels[: len(labels) * share / 2]]


def photos(count):
    return list(range(count))
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the current folder."""
    name = f"own_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("Declared", {"server_lr": "abc"}, "strategy.server_lr=abc: a number is needed ({}.py)"),
        ("Declared", {"server_lr": True}, "strategy.server_lr=true: a number is needed ({}.py)"),
        ("Declared", {"server_lr": 1, "twice": 3}, "strategy.twice=3: true or false is needed ({}.py)"),
        ("Declared", {"server_lr": 1, "owner": 1.5}, "strategy.owner=1.5: a whole number or null is needed ({}.py)"),
        (
            "Adds",
            {"server_lr": "abc"},
            'strategy.server_lr=abc: can only concatenate str (not "int") to str ({}.py:14)',
        ),
        ("Adds", {"server_lr": [1]}, "strategy.server_lr=[1]: AssertionError ({}.py:14)"),
        (
            "Converts",
            {"server_lr": "abc"},
            "strategy.server_lr=abc: could not convert string to float: 'abc' ({}.py:19)",
        ),
        ("Adds", {"server_lr": 1, "gamma": 2}, "strategy.gamma=2: "),
        ("Refuses", {"server_lr": 1}, "strategy.server_lr: my own words"),
    ],
)
def test_a_constructor_names_key_value_and_file(own: str, name: str, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as refused:
        make({"_target_": f"{own}.{name}", **settings}, "strategy")
    assert told.format(own) in str(refused.value) and "\n" not in str(refused.value)


def test_what_is_right_is_made(own: str) -> None:
    for settings in ({"server_lr": 1}, {"server_lr": 0.5, "name": "a", "twice": True, "owner": 3}, {"server_lr": 1e3}):
        assert make({"_target_": f"{own}.Declared", **settings}, "strategy").parameters == {}


def test_so_do_a_model_a_source_of_data_and_a_partition(own: str, session_cache: Path) -> None:
    drawn = resolve(
        compose(["data.count=40", "data.size=16", f"data.cache={session_cache / 'fedsky'}", "num_clients=2"])
    )
    for group, key, settings, line in (
        ("data", "count", {"_target_": f"{own}.photos"}, 36),
        ("partition", "share", {"_target_": f"{own}.part", "min_examples": 1}, 32),
        ("model", "width", {"_target_": f"{own}.small"}, 28),
    ):
        asked = drawn | {group: settings | {key: "abc"}}
        with pytest.raises(ValueError, match=rf"{group}\.{key}=abc: .*\({own}\.py:{line}\)"):
            Task(specification(asked, Path("states")))
