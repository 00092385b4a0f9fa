"""The server optimizers against golden vectors, torch.optim, Flower's built-ins and what they must leave alone."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from exchange import exchange, replies
from flwr.app import ArrayRecord
from flwr.serverapp import strategy as flower
from hypothesis import given, settings
from hypothesis import strategies as st
from quadratics import GOLDEN, Federation, random_owners
from torch import Tensor, nn

from fedsky.checks import shown
from strategies.fedadagrad import FedAdagrad
from strategies.fedadam import FedAdam
from strategies.fedavg import FedAvg
from strategies.fedavgm import FedAvgM
from strategies.fedyogi import FedYogi

NOWHERE = Path("no client keeps anything")
PAPER: dict[str, Any] = {"server_lr": 0.1, "beta1": 0.9, "beta2": 0.99, "tau": 1e-3}
MAKERS: dict[str, Callable[[], FedAvg]] = {
    "fedavgm": lambda: FedAvgM(beta=0.9, server_lr=0.1),
    "fedadam": lambda: FedAdam(**PAPER),
    "fedadam, corrected": lambda: FedAdam(**PAPER, bias_correction="torch"),
    "fedyogi": lambda: FedYogi(**PAPER),
    "fedadagrad": lambda: FedAdagrad(server_lr=0.1, tau=1e-3),
}
any_optimizer = pytest.mark.parametrize("name", MAKERS)
problems = given(
    seed=st.integers(0, 10**6), clients=st.integers(2, 5), dimension=st.integers(1, 4), lr=st.floats(0.01, 0.4)
)
few = settings(deadline=None, max_examples=15)


@pytest.mark.parametrize(
    ("strategy", "golden"),
    [
        (FedAvgM(beta=0, server_lr=0.5), [4.1000600000, 6.0892444996, 7.3656246256]),
        (MAKERS["fedavgm"](), [1.6200120000, 2.7535997800, 4.2681637929]),
        (MAKERS["fedadam"](), [1.0998389725, 1.2343322539, 1.3912838035]),
        (MAKERS["fedyogi"](), [1.0998389725, 1.2339920770, 1.3901461863]),
        (MAKERS["fedadagrad"](), [1.0999838739, 1.1702743157, 1.2274612761]),
    ],
)
def test_golden_vectors(strategy: FedAvg, golden: list[float]) -> None:
    assert np.ravel(Federation(strategy, GOLDEN, NOWHERE).run(3)) == pytest.approx(golden, abs=1e-9)


def test_fedavgm_ends_where_fedavg_does() -> None:
    for beta, server_lr in ((0, 0.5), (0.5, 0.5)):
        end = Federation(FedAvgM(beta=beta, server_lr=server_lr), GOLDEN, NOWHERE).run(120)[-1]
        assert end == pytest.approx(9.6511692806, abs=1e-9)


@any_optimizer
def test_fedavgs_fixed_point_is_a_fixed_point(name: str) -> None:
    end = Federation(FedAvg(), GOLDEN, NOWHERE).run(300)[-1]
    federation = Federation(MAKERS[name](), GOLDEN, NOWHERE, start=end)
    assert federation.run(5)[-1] == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("fedavgm", lambda x: torch.optim.SGD([x], lr=0.1, momentum=0.9)),
        ("fedadam, corrected", lambda x: torch.optim.Adam([x], lr=0.1, betas=(0.9, 0.99), eps=1e-3)),
        ("fedadagrad", lambda x: torch.optim.Adagrad([x], lr=0.1, eps=1e-3)),
    ],
)
@few
@problems
def test_torchs_optimizer_makes_the_same_steps(
    name: str, make: Callable[[Tensor], torch.optim.Optimizer], seed: int, clients: int, dimension: int, lr: float
) -> None:
    owners, start = random_owners(seed, clients, dimension), np.full(dimension, 0.5)
    federation = Federation(MAKERS[name](), owners, NOWHERE, start=start, lr=lr)
    x = torch.tensor(start, requires_grad=True)
    optimizer = make(x)
    for _ in range(4):
        mean = Federation(FedAvg(), owners, NOWHERE, start=x.detach().numpy(), lr=lr).round()
        x.grad = x.detach() - torch.from_numpy(mean)
        optimizer.step()
        assert federation.round() == pytest.approx(x.detach().numpy(), abs=1e-9)


@few
@problems
def test_degenerate_cases(seed: int, clients: int, dimension: int, lr: float) -> None:
    owners, start = random_owners(seed, clients, dimension), np.full(dimension, 0.5)

    def run(strategy: FedAvg, rounds: int) -> Any:
        return Federation(strategy, owners, NOWHERE, start=start, lr=lr).run(rounds)

    assert np.array(run(FedAvgM(beta=0, server_lr=1), 4)) == pytest.approx(np.array(run(FedAvg(), 4)), abs=1e-10)
    moved = run(FedAvg(), 1)[0] - start
    alone: dict[str, Any] = {"server_lr": 0.3, "beta1": 0, "beta2": 0, "tau": 0.01}
    for strategy in (FedAdam(**alone), FedYogi(**alone)):
        assert run(strategy, 1)[0] == pytest.approx(start + 0.3 * moved / (abs(moved) + 0.01), abs=1e-12)
    assert run(FedYogi(**PAPER), 1)[0] == pytest.approx(run(FedAdam(**PAPER), 1)[0], abs=1e-12)


def test_flowers_own_vector() -> None:
    answers = [({"x": torch.tensor([value])}, {"num_examples": 1.0}) for value in (0.2, 1.0)]
    model = exchange(FedAdagrad(server_lr=0.1, tau=0.5), {"x": torch.tensor([0.1])}, answers)
    assert model is not None
    assert model["x"].numpy() == pytest.approx(0.15, abs=1e-7)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("fedavgm", lambda: flower.FedAvgM(server_learning_rate=0.1, server_momentum=0.9)),
        ("fedyogi", lambda: flower.FedYogi(eta=0.1)),
        ("fedadagrad", lambda: flower.FedAdagrad(eta=0.1)),
    ],
)
def test_flowers_built_ins_agree_where_they_are_right(name: str, theirs: Callable[[], Any]) -> None:
    ours, built_in, generator = MAKERS[name](), theirs(), torch.Generator().manual_seed(0)
    grid: Any = SimpleNamespace(get_node_ids=lambda: [])
    model = {"x": torch.randn(5, generator=generator, dtype=torch.float64)}
    built_in.fraction_train = 0.0  # asks nobody, and takes note of the model
    for round in range(1, 6):
        answers = [
            ({"x": model["x"] + torch.randn(5, generator=generator)}, {"num_examples": n, "num-examples": n})
            for n in (1.0, 4.0, 2.0)
        ]
        list(built_in.configure_train(round, ArrayRecord(model), SimpleNamespace(), grid))
        arrays, _ = built_in.aggregate_train(round, list(replies(answers)))
        model = exchange(ours, model, answers) or {}
        assert model["x"].numpy() == pytest.approx(arrays["x"].numpy(), abs=1e-12)


@pytest.mark.slow
@any_optimizer
def test_batchnorms_statistics_take_the_mean_alone(name: str) -> None:
    """The clients' data vary little: towards so small a variance an optimizer's steps would go past 0."""
    generator = torch.Generator().manual_seed(0)
    strategy, net = MAKERS[name](), nn.BatchNorm1d(4)
    names = {"weight": "x1", "bias": "x2", "running_mean": "mean", "running_var": "variance"}
    names["num_batches_tracked"] = "counter"
    model = {names[key]: value.clone() for key, value in net.state_dict().items()}
    for _ in range(10):
        answers = []
        for n in (3, 7):
            net.load_state_dict({key: model[name] for key, name in names.items()})
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter.add_(torch.randn(4, generator=generator))
                for _ in range(n):
                    net(0.01 * torch.randn(8, 4, generator=generator))
            own = {names[key]: value.clone() for key, value in net.state_dict().items()}
            answers.append((own, {"num_examples": float(n)}))
        mean, after = (exchange(server, model, answers) or {} for server in (FedAvg(), strategy))
        assert [value.dtype for value in after.values()] == [value.dtype for value in model.values()]
        for key, value in after.items():
            assert value.isfinite().all()
            assert torch.equal(value, mean[key]) != key.startswith("x"), key
        model = after
    assert 0 <= model["variance"].min() < 0.01
    assert model["counter"] == 10 * 6  # after 3 and 7 batches, with weights 3 and 7: 5.8 more, kept whole


@any_optimizer
def test_the_memory_is_all_that_a_resumed_run_needs(name: str) -> None:
    whole = Federation(MAKERS[name](), GOLDEN, NOWHERE)
    first = Federation(MAKERS[name](), GOLDEN, NOWHERE)
    first.run(3)
    fresh = MAKERS[name]()
    fresh.memory = {key: value.clone() for key, value in first.strategy.memory.items()}
    assert {value.dtype for value in fresh.memory.values()} <= {torch.float64, torch.int64}
    second = Federation(fresh, GOLDEN, NOWHERE)
    second.arrays, second.round_number = first.arrays, 3
    assert np.array_equal(second.run(3), whole.run(6)[3:])


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "much", True, None])
def test_impossible_values_are_named(value: Any) -> None:
    makers: list[tuple[Any, dict[str, Any]]] = [
        (FedAvgM, {"beta": 0.9, "server_lr": 1.0}),
        (FedAdam, PAPER),
        (FedYogi, PAPER),
        (FedAdagrad, {"server_lr": 0.1, "tau": 1e-3}),
    ]
    for make, right in makers:
        for key in right:
            with pytest.raises(ValueError, match=rf"^strategy\.{key}={shown(value)}: a number .* is needed$"):
                make(**right | {key: value})
            bound = 1 if key.startswith("beta") else 0
            with pytest.raises(ValueError, match=rf"^strategy\.{key}={bound}"):
                make(**right | {key: bound})
    with pytest.raises(ValueError, match=r"strategy\.bias_correction=.*: choose none or torch"):
        FedAdam(**PAPER, bias_correction=value)
