"""FedDyn against closed forms, its invariant, and what it coincides with."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exchange import Answer, exchange
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from quadratics import GOLDEN, Federation, Owner, Quadratic, Rows, check_going_on, random_owners
from torch import nn

from fedsky.checks import shown
from fedsky.client import State
from fedsky.client.state import forget_before
from strategies.feddyn import FedDyn, train
from strategies.fedprox import FedProx


def optimum(owners: list[Owner]) -> NDArray[np.float64]:
    """Where the plain mean of the owners' losses is least."""
    return np.asarray(np.linalg.solve(sum(o.a for o in owners), sum(o.a @ o.t for o in owners)), dtype=np.float64)


def test_the_closed_form(tmp_path: Path) -> None:
    federation = Federation(FedDyn(alpha=0.5), GOLDEN, tmp_path)
    xs = [federation.round() for _ in range(150)]
    assert np.ravel(xs[:3]) == pytest.approx([8.4973725000, 11.8681006370, 11.8603510857], abs=1e-9)
    assert xs[-1] == pytest.approx(8, abs=1e-3)
    assert np.ravel(federation.states()) == pytest.approx([8, -8], abs=1e-2)


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 10**6),
    alpha=st.floats(0.01, 3.0),
    participation=st.sampled_from([0.5, 1.0]),
    momentum=st.sampled_from([0.0, 0.9]),
)
def test_it_stands_still_at_the_plain_optimum(seed: int, alpha: float, participation: float, momentum: float) -> None:
    owners = random_owners(seed, 4, 2)
    best = optimum(owners)
    with tempfile.TemporaryDirectory() as folder:
        for client, owner in enumerate(owners):
            State(Path(folder), client, 0).save({"x": torch.from_numpy(owner.a @ (best - owner.t))})
        asked: dict[str, Any] = {"participation": participation, "momentum": momentum}
        assert np.abs(Federation(FedDyn(alpha), owners, Path(folder), best, **asked).round() - best).max() < 1e-9
        away = Federation(FedDyn(alpha), owners, Path(folder), best + 1, **asked)
        away.round_number = 1
        assert np.abs(away.round() - best - 1).max() > 1e-4


@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 10**6), participation=st.sampled_from([0.5, 1.0]))
def test_it_ends_at_the_plain_optimum_of_random_problems(seed: int, participation: float) -> None:
    owners = random_owners(seed, 4, 2)
    with tempfile.TemporaryDirectory() as folder:
        federation = Federation(
            FedDyn(alpha=2.0), owners, Path(folder), [1, 1], lr=0.2, participation=participation, seed=seed
        )
        for _ in range(int(30 / participation)):
            federation.round()
            forget_before(federation.folder, federation.round_number)
        assert np.abs(federation.x - optimum(owners)).max() < 1e-2


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), alpha=st.floats(0.01, 3.0), participation=st.sampled_from([0.25, 0.5, 1.0]))
def test_h_is_the_mean_of_all_l_after_every_round(seed: int, alpha: float, participation: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        federation = Federation(
            FedDyn(alpha), random_owners(seed, 4, 2), Path(folder), [1, 1], participation=participation, seed=seed
        )
        for _ in range(5):
            federation.round()
            h = federation.strategy.memory["h/x"].numpy()
            assert h == pytest.approx(federation.states().mean(axis=0), rel=1e-10, abs=1e-10)
            assert np.abs(h).max() > 0


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), alpha=st.floats(0.01, 3.0))
def test_the_first_round_goes_twice_as_far_as_fedprox(seed: int, alpha: float) -> None:
    owners = [Owner(owner.a, owner.t, owner.steps, 1) for owner in random_owners(seed, 3, 2)]
    with tempfile.TemporaryDirectory() as folder:
        ends = [Federation(made, owners, Path(folder), [1, 1]).round() for made in (FedProx(alpha), FedDyn(alpha))]
    assert ends[1] == pytest.approx(1 + 2 * (ends[0] - 1), abs=1e-12)


def test_memory_and_states_are_all_that_a_round_needs(tmp_path: Path) -> None:
    check_going_on(lambda: FedDyn(0.5), tmp_path)


def test_parameters_make_the_step_and_buffers_take_the_plain_mean() -> None:
    strategy = FedDyn(alpha=0.5)
    model = nn.Module()
    model.x = nn.Parameter(torch.tensor([1.0]))
    model.register_buffer("variance", torch.tensor([4.0]))
    model.register_buffer("count", torch.tensor(10))
    strategy.begin(model, {"num_clients": 4})
    answers: list[Answer] = [
        ({"x": torch.tensor([x]), "variance": torch.tensor([v]), "count": torch.tensor(n)}, {"num_examples": examples})
        for x, v, n, examples in ((2.0, 1.0, 12, 1), (4.0, 0.5, 13, 99))
    ]
    after = exchange(strategy, dict(model.state_dict()), answers)
    assert after is not None
    assert strategy.memory["h/x"].item() == -0.5 / 4 * (1 + 3)
    assert after["x"].item() == 3 + 1.0
    assert after["variance"].item() == 0.75
    assert after["count"].item() == 12 and after["count"].dtype == torch.int64


def test_a_client_keeps_the_digits_that_its_model_has_not(tmp_path: Path) -> None:
    model, config = Quadratic(1.0).float(), {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0, "batch_size": 1}
    shard: Any = Rows(GOLDEN[0])
    train(model, shard, {**config, "local_epochs": 3, "alpha": 0.3}, State(tmp_path, 0, 1))
    kept = State(tmp_path, 0, 2).load()
    assert kept is not None and kept["x"].dtype == torch.float64
    assert kept["x"].item() == -0.3 * (model.x.item() - 1.0)


def test_a_client_without_steps_changes_nothing(tmp_path: Path) -> None:
    owners = [Owner(owner.a, owner.t, 0, 1) for owner in random_owners(6, 2, 2)]
    federation = Federation(FedDyn(0.5), owners, tmp_path, [1, 1])
    assert np.array_equal(federation.round(), [1, 1])
    assert not federation.states().any()


@pytest.mark.parametrize("alpha", [0, -0.1, float("nan"), float("inf"), "much", True, None])
def test_what_it_refuses(alpha: Any) -> None:
    with pytest.raises(ValueError, match=f"strategy.alpha={shown(alpha)}: a number above 0 is needed"):
        FedDyn(alpha)
