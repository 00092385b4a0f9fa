"""Ditto: FedAvg's global model, and personal models against their closed form."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from personal import own_models, same, server_model
from quadratics import GOLDEN, Federation, random_owners
from run_files import rows_of
from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State
from strategies.ditto import Ditto, train
from strategies.fedavg import FedAvg

Go = Callable[..., Path]


def count_global_steps(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """Ditto's client half, with the number of steps that the quadratics ask for."""
    arrays, metrics = train(model, shard, config, state)
    return arrays, metrics | {"num_steps": metrics["num_steps"] / 2}


class Counted(Ditto):
    train = staticmethod(count_global_steps)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), dimension=st.integers(1, 4), lam=st.floats(0, 3), momentum=st.sampled_from([0, 0.5]))
def test_personal_models_follow_their_closed_form(seed: int, dimension: int, lam: float, momentum: float) -> None:
    owners = random_owners(seed, 3, dimension)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        start = np.arange(1.0, dimension + 1)
        ditto = Federation(Counted(lam=lam), owners, Path(one), start, 0.05, momentum=momentum)
        fedavg = Federation(FedAvg(), owners, Path(other), start, 0.05, momentum=momentum)
        expected = [start] * 3
        for _ in range(4):
            w = ditto.x
            assert ditto.round().tobytes() == fedavg.round().tobytes()
            for client, owner in enumerate(owners):
                v, velocity = expected[client], np.zeros(dimension)
                for _ in range(owner.steps):
                    velocity = momentum * velocity + owner.a @ (v - owner.t) + lam * (v - w)
                    v = v - 0.05 * velocity
                expected[client] = v
                own = ditto.state(client)
                assert own is not None and np.abs(own["x"].numpy() - v).max() < 1e-9


def test_personal_models_settle_between_their_owners_best_and_the_global_model(tmp_path: Path) -> None:
    ditto = Federation(Counted(lam=2), GOLDEN, tmp_path)
    w = ditto.run(200)[-1]
    assert w == pytest.approx(9.6511692806, abs=1e-9)
    own = [state["x"].item() for client in (0, 1) if (state := ditto.state(client)) is not None]
    assert own == pytest.approx([(1 * 0 + 2 * w[0]) / 3, (4 * 10 + 2 * w[0]) / 6], abs=1e-9)


@pytest.mark.parametrize("real", [False, True])
def test_without_its_pull_it_is_every_client_alone_and_fedavg(go: Go, real: bool) -> None:
    asked = ["local_epochs=2", "partition=quantity", "partition.min_examples=5"]
    ditto = go("strategy=ditto", "strategy.lam=0", *asked, real=real, model="personal.normed")
    local = go("strategy=local", *asked, real=real, model="personal.normed")
    assert all(same(*pair) for pair in zip(own_models(ditto), own_models(local), strict=True))
    assert (ditto / "predictions.csv").read_bytes() == (local / "predictions.csv").read_bytes()
    judged = ("loss", "accuracy", "validation_loss", "pooled_accuracy")
    for one, other in zip(rows_of(ditto, "clients"), rows_of(local, "clients"), strict=True):
        assert [one[key] for key in judged] == [other[key] for key in judged]
    fedavg = go("strategy=fedavg", *asked, real=real, model="personal.normed")
    assert same(server_model(ditto), server_model(fedavg))


def test_with_its_pull_the_global_model_is_fedavgs_and_own_models_are_nearer_to_it(go: Go) -> None:
    asked = ["local_epochs=2", "participation=0.5", "seed=2", "momentum=0.5"]
    fedavg = server_model(go("strategy=fedavg", *asked, real=True))
    distances = []
    for lam in (0, 1, 5):
        folder = go("strategy=ditto", f"strategy.lam={lam}", *asked, real=True)
        assert same(server_model(folder), fedavg)
        weights = [name for name in fedavg if name.endswith("weight")]
        distances.append(sum(float(((own[n] - fedavg[n]) ** 2).sum()) for own in own_models(folder) for n in weights))
    assert distances[0] > distances[1] > distances[2] > 0


def test_both_models_steps_are_counted_and_the_global_ones_loss(go: Go) -> None:
    ours, fedavg = (rows_of(go(f"strategy={name}", real=True), "rounds")[1:] for name in ("ditto", "fedavg"))
    for row, other in zip(ours, fedavg, strict=True):
        assert row["num_steps"] == 2 * other["num_steps"]
        assert row["train_loss"] == other["train_loss"]
        assert row["bytes_up"] == other["bytes_up"]
