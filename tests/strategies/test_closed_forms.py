"""FedAvg and FedProx on random quadratics: the trajectory and the fixed point that algebra gives."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from quadratics import Federation, Owner, random_owners

from strategies.fedavg import FedAvg, draw
from strategies.fedavgm import FedAvgM
from strategies.fedprox import FedProx

NOWHERE = Path("no client keeps anything")
few = settings(deadline=None, max_examples=20)
seeds, numbers, dimensions = st.integers(0, 10**6), st.integers(2, 5), st.integers(1, 4)
rates = st.floats(0.01, 0.3)  # with mu of 2 at most, steps that do not overshoot twice as far

Matrix = NDArray[np.float64]


def contraction(owner: Owner, lr: float, mu: float = 0.0) -> Matrix:
    """Q of the local model y = x - Q (x - t)."""
    one = np.eye(len(owner.t))
    h = owner.a + mu * one
    found: Matrix = (one - np.linalg.matrix_power(one - lr * h, owner.steps)) @ np.linalg.solve(h, owner.a)
    return found


def shares(owners: list[Owner]) -> list[float]:
    return [owner.weight / sum(other.weight for other in owners) for owner in owners]


def linear(owners: list[Owner], lr: float, mu: float = 0.0) -> tuple[Matrix, Matrix]:
    """The mean map x -> M x + (1 - M) x*: M and the fixed point x*."""
    qs = [p * contraction(owner, lr, mu) for p, owner in zip(shares(owners), owners, strict=True)]
    pull: Matrix = np.sum(qs, axis=0)
    target = np.sum([q @ owner.t for q, owner in zip(qs, owners, strict=True)], axis=0)
    return np.eye(len(pull)) - pull, np.linalg.solve(pull, target)


@few
@given(
    seed=seeds,
    clients=numbers,
    dimension=dimensions,
    lr=rates,
    server_lr=st.sampled_from([0.1, 0.5, 1.0, 1.5]),
    mu=st.floats(0.01, 2),
)
def test_trajectory_and_fixed_point(
    seed: int, clients: int, dimension: int, lr: float, server_lr: float, mu: float
) -> None:
    owners, start = random_owners(seed, clients, dimension), np.linspace(-1, 1, dimension)
    one = np.eye(dimension)
    plain, fixed = linear(owners, lr)
    proximal, other = linear(owners, lr, mu)
    for strategy, m, end in (
        (FedAvg(), plain, fixed),
        (FedAvgM(beta=0, server_lr=server_lr), (1 - server_lr) * one + server_lr * plain, fixed),
        (FedProx(mu=mu), proximal, other),
    ):
        for r, x in enumerate(Federation(strategy, owners, NOWHERE, start=start, lr=lr).run(5), start=1):
            expected = end + np.linalg.matrix_power(m, r) @ (start - end)
            assert x == pytest.approx(expected, rel=1e-9, abs=1e-9)
        stays = Federation(strategy, owners, NOWHERE, start=end, lr=lr).round()
        if not isinstance(strategy, FedAvgM):  # whose v has not died away
            assert stays == pytest.approx(end, rel=1e-9, abs=1e-9)


@few
@given(seed=seeds, clients=st.integers(3, 6), dimension=dimensions, lr=rates, mu=st.sampled_from([0.0, 1.0]))
def test_partial_participation_is_the_map_of_the_cohort(
    seed: int, clients: int, dimension: int, lr: float, mu: float
) -> None:
    owners, x = random_owners(seed, clients, dimension), np.zeros(dimension)
    federation = Federation(FedProx(mu=mu), owners, NOWHERE, start=x, lr=lr, participation=0.5, seed=seed)
    cohorts = set()
    for round in range(1, 9):
        cohort = draw(clients, 0.5, seed, round)
        m, fixed = linear([owners[client] for client in cohort], lr, mu)
        x = fixed + m @ (x - fixed)
        assert federation.round() == pytest.approx(x, rel=1e-9, abs=1e-9)
        cohorts.add(tuple(cohort))
    assert len(cohorts) > 1
    assert {len(cohort) for cohort in cohorts} == {(clients + 1) // 2}


@settings(deadline=None, max_examples=6)
@given(seed=seeds, clients=numbers, dimension=dimensions, mu=st.floats(0, 2))
def test_local_solutions_and_their_mean(seed: int, clients: int, dimension: int, mu: float) -> None:
    """With steps enough, FedAvg takes the mean of the clients' optima, FedProx that of its proximal points."""
    owners = [Owner(owner.a, owner.t, 150, owner.weight) for owner in random_owners(seed, clients, dimension)]
    x, one = np.full(dimension, 2.0), np.eye(dimension)
    optima = sum(p * owner.t for p, owner in zip(shares(owners), owners, strict=True))
    points = sum(
        p * np.linalg.solve(owner.a + mu * one, owner.a @ owner.t + mu * x)
        for p, owner in zip(shares(owners), owners, strict=True)
    )
    assert Federation(FedAvg(), owners, NOWHERE, start=x, lr=0.3).round() == pytest.approx(optima, abs=1e-9)
    assert Federation(FedProx(mu=mu), owners, NOWHERE, start=x, lr=0.3).round() == pytest.approx(points, abs=1e-9)


@few
@given(seed=seeds, clients=numbers, dimension=dimensions, lr=rates, mu=st.floats(0, 2))
def test_what_must_coincide(seed: int, clients: int, dimension: int, lr: float, mu: float) -> None:
    owners = random_owners(seed, clients, dimension)

    def run(strategy: FedAvg, owners: list[Owner]) -> Matrix:
        return np.array(Federation(strategy, owners, NOWHERE, start=np.ones(dimension), lr=lr).run(3))

    plain = run(FedAvg(), owners)
    assert np.array_equal(run(FedProx(mu=0), owners), plain)
    scaled = [Owner(owner.a, owner.t, owner.steps, 7 * owner.weight) for owner in owners]
    assert run(FedAvg(), scaled) == pytest.approx(plain, abs=1e-10)
    assert run(FedAvg(), owners[::-1]) == pytest.approx(plain, abs=1e-10)
    assert run(FedAvg(), [owners[0]] * clients) == pytest.approx(run(FedAvg(), owners[:1]), abs=1e-10)
    single = [Owner(owner.a, owner.t, 1, owner.weight) for owner in owners]  # one step: the proximal gradient is 0
    assert run(FedProx(mu=mu), single) == pytest.approx(run(FedAvg(), single), abs=1e-10)
    pooled = sum(p * owner.a for p, owner in zip(shares(owners), owners, strict=True))
    drift = sum(p * owner.a @ (np.ones(dimension) - owner.t) for p, owner in zip(shares(owners), owners, strict=True))
    step = np.ones(dimension) - lr * drift
    assert run(FedAvg(), single)[0] == pytest.approx(step, abs=1e-10)
    assert run(FedAvg(), single)[1] == pytest.approx(
        step - lr * (drift + pooled @ (step - np.ones(dimension))), abs=1e-10
    )
