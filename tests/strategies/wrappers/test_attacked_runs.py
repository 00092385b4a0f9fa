"""Whole runs under attack: nobody, label flip, and which strategies bear what breaks FedAvg."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from run_files import digests, info_of
from torch import Tensor, nn

from fedsky.client import Config, Metrics, Shard, State
from fedsky.config import compose, resolve
from fedsky.run import run
from strategies import fedavg

Go = Callable[..., Path]


@pytest.mark.parametrize("name", ["signflip", "scaled", "gaussian", "labelflip", "alie"])
def test_without_attackers_a_run_is_honest_to_the_bit(go: Go, name: str) -> None:
    clean, none = go("strategy=fedavg"), go(f"attack={name}", "attack.num_attackers=0")
    assert digests(none) == digests(clean)
    some = [f"attack={name}", "attack.num_attackers=2", "participation=0.8", "num_clients=5"]
    assert digests(go(*some)) == digests(go(*some))
    assert digests(go(*some)) != digests(go(*some[2:]))


def test_labels_are_flipped_in_an_attackers_training_alone(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[int, tuple[bool, bool]] = {}

    def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[dict[str, Tensor], Metrics]:
        true = shard.task.photos.labels[shard.indices]
        seen[config["client"]] = (
            bool((shard.labels.numpy() == true).all()),
            bool((shard.labels.numpy() == 1 - true).all()),
        )
        return whole(model, shard, config, state)

    whole = fedavg.train
    monkeypatch.setattr(fedavg, "train", train)
    go("attack=labelflip", "attack.num_attackers=3", "num_clients=4", "num_rounds=2")
    order = np.random.default_rng([0, 4]).permutation(4)
    assert seen == {int(client): (place >= 3, place < 3) for place, client in enumerate(order)}


BREAKING = {
    "signflip": ["attack=signflip", "attack.scale=10"],
    "scaled": ["attack=scaled", "attack.factor=1000"],
    "gaussian": ["attack=gaussian", "attack.std=30"],
}
ROBUST = {
    "fedmedian": [],
    "fedtrimmedavg": ["strategy.beta=0.25"],
    "krum": ["strategy.num_malicious=2"],
    "multikrum": ["strategy.num_malicious=2"],
    "bulyan": ["strategy.num_malicious=2"],
    "geometricmedian": [],
}


def outcome(folder: Path, *overrides: str) -> tuple[float, float]:
    """Accuracy and loss on 80 of 400 points that 11 clients have, after 3 rounds."""
    config = resolve(compose(["engine=inline", "num_rounds=3", "num_clients=11", "lr=0.3", *overrides]))
    data = {"_target_": "tiny.points", "count": 400, "fold": "1/5"}
    info = run(config | {"data": data, "model": {"_target_": "tiny.linear"}}, folder)
    return info["result"]["accuracy"], info["result"]["loss"]


@pytest.mark.parametrize("attack", BREAKING)
def test_an_attack_that_breaks_fedavg_leaves_the_robust_near_the_honest(tmp_path: Path, attack: str) -> None:
    honest_accuracy, honest_loss = outcome(tmp_path / "honest")
    attacked = [*BREAKING[attack], "attack.num_attackers=2"]
    broken, broken_loss = outcome(tmp_path / "fedavg", *attacked)
    assert broken_loss > 2.5 * honest_loss
    assert broken < honest_accuracy - 0.05 or attack == "scaled", "a longer step the right way costs loss alone"
    for name, settings in ROBUST.items():
        accuracy, loss = outcome(tmp_path / name, *attacked, f"strategy={name}", *settings)
        assert accuracy > honest_accuracy - 0.05, name
        assert loss < 1.15 * honest_loss, name


def test_a_run_that_is_attacked_names_its_attack(go: Go) -> None:
    folder = go("attack=alie", "attack.num_attackers=2", "num_clients=5", "strategy=krum")
    config = info_of(folder)["config"]
    assert config["attack"] == {"_target_": "strategies.wrappers.alie.Alie", "num_attackers": 2, "z": None}
