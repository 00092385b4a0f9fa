"""SCAFFOLD against closed forms, its invariants, and what it coincides with."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from quadratics import GOLDEN, Federation, Owner, Rows, check_going_on, random_owners
from safetensors.numpy import load_file
from torch import nn
from torch.nn import functional as F

from fedsky.client import State
from fedsky.client.state import forget_before
from strategies.fedavg import FedAvg
from strategies.scaffold import Scaffold, gradient, train

Go = Callable[..., Path]
X, KINDS = "control/x", ("examples", "uniform")


def shares(owners: Sequence[Owner], kind: str) -> NDArray[np.float64]:
    """The weights of all owners, by a kind's name."""
    weights = np.array([owner.weight if kind == "examples" else 1 for owner in owners], dtype=np.float64)
    return np.asarray(weights / weights.sum())


def optimum(owners: Sequence[Owner], kind: str) -> NDArray[np.float64]:
    """Where the mean of the owners' losses is least."""
    pairs = list(zip(shares(owners, kind), owners, strict=True))
    return np.linalg.solve(sum(p * o.a for p, o in pairs), sum(p * o.a @ o.t for p, o in pairs))


@pytest.mark.parametrize(
    ("weights", "control_weights", "first", "limit"),
    [
        ("uniform", "uniform", [5.1000800000, 6.5300526656, 7.1873652046], 8),
        ("examples", "uniform", [7.2001200000, 7.6550183312, 7.8204102672], 8),
        ("examples", "examples", [7.2001200000, 8.5258821648, 8.9716264807], 9.2307692308),
    ],
)
def test_the_closed_form(tmp_path: Path, weights: str, control_weights: str, first: list[float], limit: float) -> None:
    xs = Federation(Scaffold(2, weights, control_weights), GOLDEN, tmp_path).run(100)
    assert np.ravel(xs[:3]) == pytest.approx(first, abs=1e-9)
    assert xs[-1] == pytest.approx(limit, abs=1e-9)


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    num_clients=st.integers(2, 4),
    dimension=st.integers(1, 3),
    option=st.sampled_from([1, 2]),
    momentum=st.sampled_from([0.0, 0.9]),
    weights=st.sampled_from(KINDS),
    control_weights=st.sampled_from(KINDS),
)
def test_the_weights_of_c_alone_decide_the_objective(
    seed: int, num_clients: int, dimension: int, option: int, momentum: float, weights: str, control_weights: str
) -> None:
    owners = random_owners(seed, num_clients, dimension)
    best = optimum(owners, control_weights)
    with tempfile.TemporaryDirectory() as folder:
        strategy = Scaffold(option, weights, control_weights)
        federation = Federation(strategy, owners, Path(folder), best, lr=0.05, momentum=momentum)
        gradients = np.array([owner.a @ (best - owner.t) for owner in owners])
        for client, own in enumerate(gradients):
            State(Path(folder), client, 0).save({"x": torch.from_numpy(own)})
        assert np.abs(federation.round() - best).max() < 1e-10
        assert np.abs(federation.states() - gradients).max() < 1e-9
        assert np.abs(strategy.memory[X].numpy()).max() < 1e-9
        away = Federation(strategy, owners, Path(folder), best + 1, lr=0.05, momentum=momentum)
        away.round_number = 1
        assert np.abs(away.round() - best).max() > 1e-4


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 10**6), weights=st.sampled_from(KINDS), control_weights=st.sampled_from(KINDS))
def test_it_ends_at_the_optimum_of_random_problems(seed: int, weights: str, control_weights: str) -> None:
    owners = random_owners(seed, 3, 2)
    with tempfile.TemporaryDirectory() as folder:
        federation = Federation(Scaffold(2, weights, control_weights), owners, Path(folder), [1, 1], lr=0.2)
        for _ in range(50):
            federation.round()
            forget_before(federation.folder, federation.round_number)
        assert np.abs(federation.x - optimum(owners, control_weights)).max() < 1e-2


@pytest.mark.parametrize("option", [1, 2])
@pytest.mark.parametrize("control_weights", KINDS)
def test_with_momentum_it_ends_at_the_same_optimum(tmp_path: Path, option: int, control_weights: str) -> None:
    xs = Federation(Scaffold(option, "uniform", control_weights), GOLDEN, tmp_path, momentum=0.9).run(70)
    assert xs[-1] == pytest.approx(optimum(GOLDEN, control_weights), abs=1e-9)


def test_with_momentum_a_control_variate_is_a_weighted_mean_of_gradients(tmp_path: Path) -> None:
    owners = [Owner(np.eye(1), np.zeros(1), 2, 1), Owner(np.eye(1), np.ones(1) * 5, 2, 1)]
    federation = Federation(Scaffold(2, "uniform", "uniform"), owners, tmp_path, momentum=0.9)
    for _ in range(3):
        x, own = federation.x, federation.states()
        correction = own.mean(axis=0) - own
        for t, shift, kept in zip((0, 5), correction, controls_after(federation), strict=True):
            at_start = x - t
            at_second = x - 0.1 * (at_start + shift) - t
            assert kept == pytest.approx((1.9 * at_start + at_second) / 2.9, abs=1e-12)


def controls_after(federation: Federation) -> NDArray[np.float64]:
    federation.round()
    return federation.states()


@pytest.mark.parametrize("option", [1, 2])
@pytest.mark.parametrize("participation", [1.0, 0.5])
def test_c_is_the_mean_of_all_control_variates(tmp_path: Path, option: int, participation: float) -> None:
    strategy = Scaffold(option, "examples", "uniform")
    federation = Federation(strategy, random_owners(1, 4, 2), tmp_path, [1, 1], participation=participation)
    for _ in range(8):
        federation.round()
        assert strategy.memory[X].numpy() == pytest.approx(federation.states().mean(axis=0), abs=1e-12)
        assert np.abs(strategy.memory[X].numpy()).max() > 1e-3


def test_c_by_examples(tmp_path: Path) -> None:
    strategy, owners = Scaffold(2, "uniform", "examples"), random_owners(2, 4, 2)
    federation = Federation(strategy, owners, tmp_path / "all", [1, 1])
    for _ in range(4):
        federation.round()
        assert strategy.memory[X].numpy() == pytest.approx(shares(owners, "examples") @ federation.states(), abs=1e-12)
    half = Federation(strategy, owners, tmp_path / "half", [1, 1], participation=0.5)
    half.round()
    own = half.states()
    cohort = [client for client in range(4) if half.state(client) is not None]
    assert len(cohort) == 2
    mine = shares([owners[client] for client in cohort], "examples")
    assert strategy.memory[X].numpy() == pytest.approx(2 / 4 * mine @ own[cohort], abs=1e-12)


@pytest.mark.parametrize("option", [1, 2])
def test_with_one_step_each_it_is_gradient_descent(tmp_path: Path, option: int) -> None:
    owners = [Owner(owner.a, owner.t, 1, owner.weight) for owner in random_owners(3, 4, 3)]
    x = np.array([1.0, 2.0, 3.0])
    federation = Federation(Scaffold(option, "uniform", "uniform"), owners, tmp_path, x, weight_decay=0.1)
    for _ in range(20):
        x = x - 0.1 * (np.mean([owner.a @ (x - owner.t) for owner in owners], axis=0) + 0.1 * x)
        assert federation.round() == pytest.approx(x, abs=1e-12)


@pytest.mark.parametrize("option", [1, 2])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_single_client_makes_plain_sgd_to_the_bit(tmp_path: Path, option: int, momentum: float) -> None:
    owners = random_owners(4, 1, 3)
    ends = [
        Federation(strategy, owners, tmp_path / type(strategy).__name__, [1, 1, 1], momentum=momentum).run(10)
        for strategy in (FedAvg(), Scaffold(option, "examples", "uniform"))
    ]
    assert np.array_equal(ends[0], ends[1])


@pytest.mark.parametrize(("rounds", "real"), [(1, False), (2, False), (1, True)])
def test_the_first_round_is_fedavgs_to_the_bit_and_the_second_is_not(go: Go, rounds: int, real: bool) -> None:
    asked = (f"num_rounds={rounds}", "partition=quantity", "partition.alpha=20", "partition.min_examples=5")
    ends = [go(f"strategy={name}", *asked, real=real) / "model.safetensors" for name in ("fedavg", "scaffold")]
    assert (ends[0].read_bytes() == ends[1].read_bytes()) is (rounds == 1)


def test_a_single_client_is_fedavg_to_the_bit_in_float32(go: Go) -> None:
    ends = [go(f"strategy={name}", "num_clients=1", real=True) for name in ("fedavg", "scaffold")]
    models = [load_file(folder / "model.safetensors") for folder in ends]
    assert all(np.array_equal(models[0][name], models[1][name]) for name in models[0])


def test_memory_and_states_are_all_that_a_round_needs(tmp_path: Path) -> None:
    check_going_on(lambda: Scaffold(2, "examples", "uniform"), tmp_path)


def test_a_client_without_steps_keeps_its_control_variate(tmp_path: Path) -> None:
    model = nn.Linear(1, 1).double()
    extra = {"control/weight": torch.full((1, 1), 2.0), "control/bias": torch.full((1,), 3.0)}
    own = {"weight": torch.full((1, 1), 5.0).double(), "bias": torch.zeros(1).double()}
    State(tmp_path, 0, 1).save(own)
    for option in (1, 2):
        config = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0, "local_epochs": 0, "batch_size": 1}
        nobody: Any = Rows(Owner(np.eye(0), np.zeros(0), 0, 0))
        nobody.in_order = lambda batch_size: iter(())
        arrays, metrics = train(model, nobody, {**config, "option": option, "extra": extra}, State(tmp_path, 0, 2))
        assert metrics["num_steps"] == 0
        assert [arrays[name].abs().max().item() for name in extra] == [0, 0]
        kept = State(tmp_path, 0, 3).load()
        assert kept is not None and torch.equal(kept["weight"], own["weight"])


class Images:
    """A shard of n images, and the sizes of the batches that were asked of it."""

    def __init__(self, n: int) -> None:
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(n, 3, generator=generator).double()
        self.labels = torch.arange(n) % 2
        self.sizes: list[int] = []

    def __len__(self) -> int:
        return len(self.labels)

    def in_order(self, batch_size: int) -> Any:
        for start in range(0, len(self), batch_size):
            labels = self.labels[start : start + batch_size]
            self.sizes.append(len(labels))
            yield self.images[start : start + batch_size], labels


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"), [(6, 4, [4, 2]), (5, 4, [5]), (13, 3, [5, 5, 3]), (2, 1, [1, 1]), (1, 8, [1])]
)
def test_the_full_gradient(n: int, batch_size: int, sizes: list[int]) -> None:
    model: nn.Module = nn.Linear(3, 2).double()
    images: Any = Images(n)
    found = gradient(model, images, {"batch_size": batch_size, "weight_decay": 0.5})
    assert images.sizes == sizes
    loss = F.cross_entropy(model(images.images), images.labels)
    loss = loss + sum(0.25 * (parameter**2).sum() for parameter in model.parameters())
    for one, other in zip(found.values(), torch.autograd.grad(loss, list(model.parameters())), strict=True):
        assert torch.allclose(one, other, atol=1e-12)


def test_the_full_gradient_takes_the_batches_statistics_and_leaves_none() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double().eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    images: Any = Images(6)
    found = gradient(model, images, {"batch_size": 6, "weight_decay": 0.0})
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not model.training and all(parameter.grad is None for parameter in model.parameters())
    loss = F.cross_entropy(model.train()(images.images), images.labels)
    for one, other in zip(found.values(), torch.autograd.grad(loss, list(model.parameters())), strict=True):
        assert torch.allclose(one, other, atol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"option": 3}, "strategy.option=3: choose 1 or 2"),
        ({"option": "2"}, "strategy.option=2"),
        ({"option": True}, "strategy.option=true"),
        ({"weights": "equal"}, "strategy.weights=equal: choose examples or uniform"),
        ({"control_weights": 1}, "strategy.control_weights=1"),
        ({"weights": ["examples"]}, "strategy.weights="),
    ],
)
def test_what_it_refuses(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        Scaffold(**{"option": 2, "weights": "examples", "control_weights": "uniform", **wrong})
