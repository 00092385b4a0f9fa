"""The linear model's own solver makes the very steps of the plain loop."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fedsky.checks import shown
from fedsky.client import Shard, proximal_gradient, sgd
from fedsky.client.task import load_task, specification
from fedsky.config import compose, resolve
from fedsky.data import synthetic
from fedsky.data.augment import Augment
from fedsky.model.linear import Softmax
from fedsky.model.solver import Correct

PLAIN = {"lr": 0.05, "momentum": 0.0, "weight_decay": 0.0, "batch_size": 10, "local_epochs": 3}
PHOTOS = synthetic.load(1.0, 1.0, False, 2, 0)


def shard(count: int, dtype: Any, relabel: list[int] | None = None) -> Shard:
    pixels = torch.from_numpy(PHOTOS.pixels).to(dtype)
    task: Any = SimpleNamespace(photos=PHOTOS, device="cpu", images=lambda indices: pixels[indices], augment=Augment())
    return Shard(task, np.arange(count) + 7, torch.Generator().manual_seed(1), relabel)


def model(dtype: Any) -> Softmax:
    torch.manual_seed(3)
    return Softmax(60, 10).to(dtype)


def twice(count: int, dtype: Any, correct: Any = None, **config: Any) -> tuple[Any, Any]:
    """Weights, metrics and the generator's state after training by the solver and by the loop."""
    ends = []
    for solved in (True, False):
        net, own = model(dtype), shard(count, dtype)
        change: Correct | None = correct([net.weight.detach().clone()]) if correct else None
        if not solved:
            net.solve = None  # type: ignore[assignment, method-assign]
        metrics = sgd(net, own, {**PLAIN, **config}, change)
        ends.append((net.weight.detach().numpy(), metrics, own.generator.get_state()))
    return ends[0], ends[1]


def controlled(start: list[torch.Tensor]) -> Correct:
    added = torch.linspace(-1, 1, start[0].numel(), dtype=start[0].dtype).reshape(start[0].shape)

    def correct(parameters: list[nn.Parameter]) -> None:
        assert parameters[0].grad is not None
        parameters[0].grad.add_(added).mul_(0.5)

    return correct


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
@pytest.mark.parametrize("count", [43, 41, 1])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"momentum": 0.9},
        {"weight_decay": 0.1},
        {"momentum": 0.5, "weight_decay": 0.1, "batch_size": 7},
        {"correct": lambda start: lambda w: proximal_gradient(w, start, 2.0)},
        {"correct": controlled, "momentum": 0.9, "weight_decay": 0.1},
        {"batch_size": 1},
    ],
)
def test_the_solver_is_the_plain_loop(count: int, dtype: Any, tolerance: float, config: dict[str, Any]) -> None:
    (solved, metrics, state), (looped, others, state_of_the_loop) = twice(count, dtype, **config)
    start = model(dtype).weight.detach().numpy()
    assert np.abs(looped - start).max() > 0.01
    assert np.abs(solved - looped).max() < tolerance
    assert metrics["train_loss"] == pytest.approx(others["train_loss"], abs=tolerance)
    assert (metrics["num_steps"], metrics["num_examples"]) == (others["num_steps"], others["num_examples"])
    assert torch.equal(state, state_of_the_loop), "as many random numbers are drawn"


def test_an_objective_is_not_for_the_solver() -> None:
    net, asked = model(torch.float32), []

    def objective(net: nn.Module, points: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        asked.append(len(labels))
        return torch.as_tensor(net(points).square().mean())

    sgd(net, shard(20, torch.float32), PLAIN, objective=objective)
    assert asked == [10] * 6


def test_the_labels_of_a_client_that_lies_are_trained_with() -> None:
    first, second = model(torch.float32), model(torch.float32)
    sgd(first, shard(40, torch.float32), PLAIN)
    sgd(second, shard(40, torch.float32, [9 - label for label in range(10)]), PLAIN)
    assert (first.weight - second.weight).abs().max() > 0.01


def test_a_training_that_diverges_says_so() -> None:
    with pytest.raises(ValueError, match=r"training diverged: lower lr=1e"):
        sgd(model(torch.float32), shard(40, torch.float32), {**PLAIN, "lr": 1e30, "weight_decay": 1e10})


def test_large_logits_overflow_nothing() -> None:
    net = model(torch.float32)
    with torch.no_grad():
        net.weight.mul_(1e4)
    assert np.isfinite(sgd(net, shard(40, torch.float32), PLAIN)["train_loss"])


def test_the_model_is_a_linear_layer() -> None:
    net, layer = model(torch.float64), nn.Linear(60, 10).double()
    with torch.no_grad():
        layer.weight.copy_(net.weight[:-1].T)
        layer.bias.copy_(net.weight[-1])
    points = torch.randn(5, 60, dtype=torch.float64)
    assert (net(points) - layer(points)).abs().max() < 1e-12
    assert 0.9 * 60**-0.5 < float(net.weight.detach().abs().max()) <= 60**-0.5


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "x", None])
def test_a_number_of_features_that_is_none(value: Any) -> None:
    with pytest.raises(ValueError, match=f"^model.num_features={shown(value)}: a whole number of 1 or more is needed"):
        Softmax(value, 2)


def test_points_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^model.num_features=60: the data's points have \[3\]"):
        model(torch.float32)(torch.zeros(2, 3))


def test_the_jobs_model_is_solved_in_place(tmp_path: Any) -> None:
    """The parameter that is trained is the one whose state_dict was taken before, as client halves do."""
    task = load_task(specification(resolve(compose(["experiment=fcube"])), tmp_path))
    task.model.load_state_dict(task.initial)
    sent = task.model.state_dict()
    sgd(task.model, Shard(task, task.part("train", [0]), torch.Generator()), PLAIN)
    assert not torch.equal(sent["weight"], task.initial["weight"])
