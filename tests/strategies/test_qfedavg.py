"""q-FedAvg against golden vectors, a direct simulation, Flower's built-in, and losses of 0."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exchange import exchange, replies
from flwr.app import ArrayRecord
from flwr.serverapp.strategy import QFedAvg as FlowersQFedAvg
from hypothesis import given, settings
from hypothesis import strategies as st
from quadratics import GOLDEN, Federation, Owner, random_owners

from fedsky.checks import shown
from strategies.fedavg import FedAvg
from strategies.qfedavg import QFedAvg

NOWHERE = Path("no client keeps anything")
few = settings(deadline=None, max_examples=20)
problems = given(
    seed=st.integers(0, 10**6),
    clients=st.integers(2, 5),
    dimension=st.integers(1, 4),
    lr=st.floats(0.01, 0.4),
    q=st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 5.0]),
)


@pytest.mark.parametrize(
    ("q", "golden", "limit"),
    [
        (1, [2.5790181807, 3.8715709978, 4.9164102573], 7.6899466437),
        (0, [5.1000800000, 7.1045271104, 8.0844612137], 9.0217561434),
    ],
)
def test_golden_vectors(q: float, golden: list[float], limit: float) -> None:
    xs = Federation(QFedAvg(q=q), GOLDEN, NOWHERE).run(300)
    assert np.ravel(xs[:3]) == pytest.approx(golden, abs=1e-9)
    assert xs[-1] == pytest.approx(limit, abs=1e-9)


@few
@problems
def test_a_direct_simulation_agrees(seed: int, clients: int, dimension: int, lr: float, q: float) -> None:
    owners, x = random_owners(seed, clients, dimension), np.full(dimension, 0.5)
    federation = Federation(QFedAvg(q=q), owners, NOWHERE, start=x, lr=lr)
    for _ in range(4):
        change, steepness = np.zeros(dimension), np.zeros(())
        for owner in owners:
            loss = 0.5 * (x - owner.t) @ owner.a @ (x - owner.t)
            y = owner.t + np.linalg.matrix_power(np.eye(dimension) - lr * owner.a, owner.steps) @ (x - owner.t)
            g = (x - y) / lr
            change += loss**q * g
            steepness += q * loss ** (q - 1) * g @ g + loss**q / lr
        x = x - change / steepness
        assert federation.round() == pytest.approx(x, rel=1e-9, abs=1e-9)


@few
@problems
def test_q_of_0_is_the_unweighted_fedavg(seed: int, clients: int, dimension: int, lr: float, q: float) -> None:
    owners = random_owners(seed, clients, dimension)
    alike = [Owner(owner.a, owner.t, owner.steps, 1) for owner in owners]
    fair = Federation(QFedAvg(q=0), owners, NOWHERE, start=np.zeros(dimension), lr=lr).run(3)
    plain = Federation(FedAvg(), alike, NOWHERE, start=np.zeros(dimension), lr=lr).run(3)
    assert np.array(fair) == pytest.approx(np.array(plain), abs=1e-10)


def answer(x: float, loss: float, variance: float = 1.0, counter: int = 0, lr: float = 0.1) -> Any:
    arrays = {"x": torch.tensor([x]), "variance": torch.tensor([variance]), "counter": torch.tensor(counter)}
    return arrays, {"num_examples": 1 + counter, "received_loss": loss, "lr": lr}


def step(q: float, *answers: Any, start: float = 0.0) -> dict[str, torch.Tensor]:
    return exchange(QFedAvg(q=q), answer(start, 0)[0], answers) or {}


def test_two_clients() -> None:
    after = step(1, answer(1.0, 1.0, 0.2, 3), answer(-1.0, 3.0, 0.4, 8))
    assert after["x"].numpy() == pytest.approx(-20 / 240, abs=1e-7)
    assert after["variance"].numpy() == pytest.approx(0.3)  # the plain mean, not that of the 4 and 9 examples
    assert after["counter"] in (5, 6)
    assert [after[name].dtype for name in ("x", "counter")] == [torch.float32, torch.int64]


@pytest.mark.parametrize("q", [0.1, 1.0, 3.0])
def test_a_client_whose_loss_is_0_has_no_say(q: float) -> None:
    content = answer(5.0, 0.0)
    others = [answer(1.0, 1.0), answer(-1.0, 3.0)]
    assert step(q, *others, content)["x"] == step(q, *others)["x"]
    assert step(q, content, content, start=2.0)["x"] == 2
    assert step(0, content, answer(1.0, 1.0))["x"] == 3


def test_all_stragglers_leave_the_model_as_it_is() -> None:
    assert Federation(QFedAvg(q=1), GOLDEN, NOWHERE, stragglers=1.0).round() == 1


@pytest.mark.slow
@pytest.mark.parametrize("q", [0.0, 0.5, 2.0])
def test_flowers_built_in_agrees(q: float) -> None:
    """It adds 1e-10 to every loss."""
    generator = torch.Generator().manual_seed(0)
    model = {"x": torch.randn(5, generator=generator, dtype=torch.float64)}
    answers: Any = [
        ({"x": torch.randn(5, generator=generator, dtype=torch.float64)}, {"num-examples": 1, "lr": 0.2} | losses)
        for losses in ({"received_loss": 0.5, "train_loss": 0.5}, {"received_loss": 2.0, "train_loss": 2.0})
    ]
    built_in = FlowersQFedAvg(client_learning_rate=0.2, q=q)
    built_in.current_arrays = ArrayRecord(model)
    theirs, _ = built_in.aggregate_train(1, list(replies(answers)))
    ours = exchange(QFedAvg(q=q), model, answers)
    assert theirs is not None
    assert ours is not None
    assert ours["x"].numpy() == pytest.approx(theirs["x"].numpy(), abs=1e-8)


def test_impossible_values_are_named() -> None:
    values: list[Any] = [-1, float("nan"), "much", True]
    for value in values:
        with pytest.raises(ValueError, match=rf"^strategy\.q={shown(value)}: a number of 0 or more is needed"):
            QFedAvg(q=value)
    with pytest.raises(ValueError, match=r"a client's loss is -1: .* never below 0"):
        step(1, answer(1.0, -1.0))
