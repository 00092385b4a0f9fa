"""FedNova's normaliser against what torch's SGD does, its golden vectors, fixed points, and clients without steps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exchange import exchange
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from quadratics import GOLDEN, Federation, Owner, random_owners

from fedsky.checks import shown
from strategies.fedavg import FedAvg
from strategies.fednova import FedNova, normaliser
from strategies.fedprox import FedProx

NOWHERE = Path("no client keeps anything")
few = settings(deadline=None, max_examples=20)
problems = given(
    seed=st.integers(0, 10**6),
    clients=st.integers(2, 5),
    dimension=st.integers(1, 4),
    lr=st.floats(0.01, 0.2),
    momentum=st.sampled_from([0.0, 0.5, 0.9]),
    mu=st.sampled_from([0.0, 0.1, 1.0]),
)


@few
@given(steps=st.integers(0, 60), lr=st.floats(0.001, 0.5), rho=st.floats(0, 0.95), mu=st.floats(0.01, 1.5))
def test_the_normaliser_has_closed_forms(steps: int, lr: float, rho: float, mu: float) -> None:
    assert normaliser(steps, lr, 0.0) == steps
    assert normaliser(steps, lr, rho) == pytest.approx((steps - rho * (1 - rho**steps) / (1 - rho)) / (1 - rho))
    assert normaliser(steps, lr, 0.0, mu) == pytest.approx((1 - (1 - lr * mu) ** steps) / (lr * mu))


@few
@given(steps=st.integers(0, 30), lr=st.floats(0.001, 0.5), rho=st.floats(0, 0.95), mu=st.floats(0, 1.5))
def test_the_normaliser_is_how_far_torchs_sgd_goes(steps: int, lr: float, rho: float, mu: float) -> None:
    """With a gradient of 1, and the proximal term's pull to the start at 0."""
    y = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([y], lr=lr, momentum=rho)
    for _ in range(steps):
        y.grad = 1 + mu * y.detach()
        optimizer.step()
    assert normaliser(steps, lr, rho, mu) == pytest.approx(-y.item() / lr, abs=1e-10)


@pytest.mark.parametrize(
    ("momentum", "golden", "limit"),
    [
        (0.0, [5.8800960000, 7.5718105590, 8.1582535611], 8.4694127443),
        (0.9, [9.7223375957, 7.5423769935, 8.0872112394], 7.9782693293),
    ],
)
def test_golden_vectors(momentum: float, golden: list[float], limit: float) -> None:
    xs = Federation(FedNova(), GOLDEN, NOWHERE, momentum=momentum).run(200)
    assert np.ravel(xs[:3]) == pytest.approx(golden, abs=1e-9)
    assert xs[-1] == pytest.approx(limit, abs=1e-9)


def contraction(owner: Owner, lr: float, momentum: float, mu: float) -> NDArray[np.float64]:
    """Q of y = x - Q (x - t), from the linear map of (y - t, momentum buffer, x - t) that one local step is."""
    one, none = np.eye(len(owner.t)), np.zeros_like(owner.a)
    gradient = owner.a + mu * one
    step = np.block(
        [
            [one - lr * gradient, -lr * momentum * one, lr * mu * one],
            [gradient, momentum * one, -mu * one],
            [none, none, one],
        ]
    )
    start = np.vstack([one, none, one])
    found: NDArray[np.float64] = one - (np.linalg.matrix_power(step, owner.steps) @ start)[: len(one)]
    return found


@few
@problems
def test_trajectory_and_fixed_point(
    seed: int, clients: int, dimension: int, lr: float, momentum: float, mu: float
) -> None:
    owners = random_owners(seed, clients, dimension)
    p = np.array([owner.weight for owner in owners]) / sum(owner.weight for owner in owners)
    a = np.array([normaliser(owner.steps, lr, momentum, mu) for owner in owners])
    qs = [contraction(owner, lr, momentum, mu) * share for owner, share in zip(owners, p / a, strict=True)]
    pull, target = sum(qs), sum(q @ owner.t for q, owner in zip(qs, owners, strict=True))
    fixed = np.linalg.solve(pull, target)
    start = np.linspace(-1, 1, dimension)
    xs = Federation(FedNova(mu=mu), owners, NOWHERE, start=start, lr=lr, momentum=momentum).run(4)
    for r, x in enumerate(xs, start=1):
        power = np.linalg.matrix_power(np.eye(dimension) - p @ a * pull, r)
        assert x == pytest.approx(fixed + power @ (start - fixed), rel=1e-9, abs=1e-9)
    stays = Federation(FedNova(mu=mu), owners, NOWHERE, start=fixed, lr=lr, momentum=momentum).round()
    assert stays == pytest.approx(fixed, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_small_steps_reach_the_true_optimum_where_fedavg_does_not(momentum: float) -> None:
    """The optimum of the example-weighted loss of the golden problem is 120 / 13."""
    ends = [
        Federation(strategy, GOLDEN, NOWHERE, start=120 / 13, lr=0.01, momentum=momentum).run(100)[-1]
        for strategy in (FedNova(), FedAvg())
    ]
    assert abs(ends[0] - 120 / 13) < 0.15
    assert abs(ends[1] - 120 / 13) > 0.4


@few
@problems
def test_equal_normalisers_make_it_fedprox_or_fedavg(
    seed: int, clients: int, dimension: int, lr: float, momentum: float, mu: float
) -> None:
    owners = [Owner(owner.a, owner.t, 3, owner.weight) for owner in random_owners(seed, clients, dimension)]
    plain = FedProx(mu=mu) if mu else FedAvg()
    ends = [
        Federation(strategy, owners, NOWHERE, start=np.zeros(dimension), lr=lr, momentum=momentum).run(3)[-1]
        for strategy in (FedNova(mu=mu), plain)
    ]
    assert ends[0] == pytest.approx(ends[1], abs=1e-10)


def answer(x: float, variance: float, counter: int, num_examples: float, a: float) -> Any:
    arrays = {"x": torch.tensor([x]), "variance": torch.tensor([variance]), "counter": torch.tensor(counter)}
    return arrays, {"num_examples": num_examples, "normaliser": a}


def test_a_client_without_steps_is_left_out_and_buffers_take_the_mean() -> None:
    model = answer(1.0, 1.0, 10, 0, 0)[0]
    busy = [answer(0.0, 0.2, 12, 1.0, 2.0), answer(3.0, 0.6, 16, 3.0, 4.0)]
    idle = answer(1.0, 1.0, 10, 5.0, 0.0)
    after = [exchange(FedNova(), model, answers) or {} for answers in (busy, [busy[0], idle, busy[1]])]
    for found in after:
        assert found["x"].numpy() == pytest.approx(1 - 3.5 * (0.25 * 1 / 2 + 0.75 * -2 / 4))
        assert found["variance"].numpy() == pytest.approx(0.5)
        assert found["counter"] == 15
        assert found["counter"].dtype == torch.int64
        assert found["x"].dtype == torch.float32
    assert exchange(FedNova(), model, [idle]) is None


def test_a_stragglers_part_counts() -> None:
    assert Federation(FedNova(), GOLDEN, NOWHERE, stragglers=1.0).round() == pytest.approx(5.880096, abs=1e-9)


def test_impossible_values_are_named() -> None:
    values: list[Any] = [-1, float("nan"), "much", True]
    for value in values:
        with pytest.raises(ValueError, match=rf"^strategy\.mu={shown(value)}: a number of 0 or more is needed"):
            FedNova(mu=value)
    twice = [Owner(np.eye(1), np.zeros(1), 2, 1)]
    with pytest.raises(ValueError, match=r"^strategy\.mu=2: .* lower mu or lr"):  # the second step undoes the first
        Federation(FedNova(mu=2), twice, NOWHERE, lr=1.0).round()
