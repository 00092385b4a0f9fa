"""Coalitions: the federation that some owners would be by themselves, and pooled training on so many photographs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from quadratics import Federation, random_owners
from run_files import rows_of

from baselines.centralized import Centralized
from fedsky.client import Shard
from fedsky.config import CONF, compose, make, resolve
from fedsky.engine.grid import ClientError
from fedsky.run import run
from strategies.fedavg import FedAvg
from strategies.feddyn import FedDyn
from strategies.fedmedian import FedMedian
from strategies.scaffold import Scaffold

STRATEGIES: dict[str, Callable[..., FedAvg]] = {
    "fedavg": FedAvg,
    "scaffold": lambda **more: Scaffold(option=2, weights="uniform", control_weights="uniform", **more),
    "feddyn": lambda **more: FedDyn(alpha=0.3, **more),
    "fedmedian": FedMedian,
}


@pytest.mark.parametrize("owners", [[3, 0, 2], 0b1101])
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_coalition_is_the_federation_of_its_owners_alone(tmp_path: Path, name: str, owners: Any) -> None:
    every = random_owners(4, 5, 3)
    part = Federation(STRATEGIES[name](owners=owners), every, tmp_path / "part", start=np.ones(3)).run(5)
    alone = Federation(STRATEGIES[name](), [every[0], every[2], every[3]], tmp_path / "alone", start=np.ones(3)).run(5)
    assert np.array_equal(part, alone)
    everyone = Federation(STRATEGIES[name](), every, tmp_path / "all", start=np.ones(3)).run(5)
    assert not np.allclose(part, everyone)
    named = Federation(STRATEGIES[name](owners=list(range(5))), every, tmp_path / "named", start=np.ones(3)).run(5)
    assert np.array_equal(everyone, named)


def test_participation_is_a_share_of_the_coalition(tmp_path: Path) -> None:
    federation = Federation(FedAvg(owners=[1, 4]), random_owners(0, 5, 2), tmp_path, start=np.zeros(2))
    assert federation.strategy.members(5) == [1, 4]
    config = ["engine=inline", "num_rounds=6", "num_clients=5", "participation=0.5", "+strategy.owners=[1,4]"]
    run(small(config), tmp_path / "run")
    rows = rows_of(tmp_path / "run", "clients")
    trained = [{row["client"] for row in rows if row["round"] == r and row["status"] == "ok"} for r in range(1, 7)]
    assert all(len(each) == 1 for each in trained) and set().union(*trained) == {1, 4}
    assert {row["client"] for row in rows if row["round"] == 6 and row["num_test"]} == set(range(5)), "all are judged"


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "strategy").glob("*.yaml")))
def test_every_strategy_can_be_a_coalitions(name: str) -> None:
    """A constructor that does not pass on what it does not know would train everybody."""
    settings = yaml.safe_load((CONF / "strategy" / f"{name}.yaml").read_text())
    assert make(settings | {"owners": [1, 4]}).members(5) == [1, 4]


@pytest.mark.parametrize("owners", ["[]", "[5]", "[-1]", "[a]", "0", "32", "all", "true", "1.5", "{a: 1}"])
def test_owners_that_are_not_there_are_refused(tmp_path: Path, owners: str) -> None:
    with pytest.raises(ValueError, match=r"^strategy.owners=.*: name owners from 0 to 4, such as \[0\]$"):
        run(small(["engine=inline", "num_clients=5", f"+strategy.owners={owners}"]), tmp_path / "run")


def test_pooled_training_takes_so_many_photographs_fewer_among_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, list[int]] = {}

    def sgd(model: Any, shard: Shard, config: Any) -> dict[str, float]:
        taken[name] = [int(index) for index in shard.indices]
        return {"train_loss": 0.0, "num_examples": len(shard), "num_steps": 1}

    monkeypatch.setattr("baselines.centralized.sgd", sgd)
    for name, asked in {"few": "20", "more": "40", "all": "null", "two": "null"}.items():
        owners = ["strategy.owners=[1,2]"] if name == "two" else []
        chosen = ["strategy=centralized", f"strategy.photographs={asked}", *owners]
        run(small(["engine=inline", "num_rounds=1", "num_clients=4", *chosen]), tmp_path / name)
    assert len(taken["few"]) == 20 and len(taken["more"]) == 40 and len(taken["all"]) > 60
    assert set(taken["few"]) < set(taken["more"]) < set(taken["all"])
    assert set(taken["two"]) < set(taken["all"])
    with pytest.raises(
        ClientError, match=r"strategy\.photographs=500: there are 82 to train with, or set null for all"
    ):
        run(small(["engine=inline", "strategy=centralized", "strategy.photographs=500"]), tmp_path / "too_many")
    with pytest.raises(ValueError, match=r"strategy\.photographs=0: a whole number of 1 or more is needed, or null"):
        Centralized(photographs=0)


def test_named_attackers_attack_whatever_the_seed_and_the_coalition(tmp_path: Path) -> None:
    asked = ["engine=inline", "num_rounds=2", "num_clients=5"]
    attack = ["attack=labelflip", "attack.attackers=[3]"]

    def model(name: str, *more: str) -> bytes:
        run(small([*asked, *more]), tmp_path / name)
        return (tmp_path / name / "model.safetensors").read_bytes()

    assert model("honest", "+strategy.owners=[0,1]", *attack) == model("clean", "+strategy.owners=[0,1]")
    for seed in ("0", "1"):
        with_it = model(f"with{seed}", "+strategy.owners=[0,3]", f"seed={seed}", *attack)
        assert with_it != model(f"without{seed}", "+strategy.owners=[0,3]", f"seed={seed}")


def small(asked: list[str]) -> dict[str, Any]:
    """A run on 120 points."""
    config = resolve(compose(asked))
    return config | {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}
