"""Logit adjustment: its loss and gradient by hand, runs beside FedAvg's, and owners whose classes are skewed."""

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from quadratics import Quadratic
from torch import Tensor, nn

from fedsky.checks import shown
from fedsky.client import State
from strategies import fedavg, logitadjustment
from strategies.logitadjustment import LogitAdjustment, log_prior

Go = Callable[..., Path]
FILES = ("rounds.jsonl", "clients.jsonl", "predictions.csv", "model.safetensors")
ASKED: dict[str, Any] = {"momentum": 0.0, "weight_decay": 0.0, "local_epochs": 1, "batch_size": 10**6}


class Points:
    """A shard of labelled points, one batch a pass."""

    def __init__(self, points: Tensor, labels: Tensor, num_classes: int) -> None:
        self.points, self.labels, self.num_classes = points.double(), labels, num_classes

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield self.points, self.labels


def step(labels: list[int], num_classes: int, tau: float, folder: Path) -> tuple[Tensor, float]:
    """The bias of a linear model after a step of 1 from 0, and the loss there, on points that are all 0."""
    model = nn.Linear(1, num_classes).double()
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    shard: Any = Points(torch.zeros(len(labels), 1), torch.tensor(labels), num_classes)
    arrays, metrics = logitadjustment.train(model, shard, {**ASKED, "lr": 1.0, "tau": tau}, State(folder, 0, 1))
    return arrays["bias"].detach().clone(), metrics["train_loss"]


def test_the_loss_and_its_gradient_by_hand(tmp_path: Path) -> None:
    # The prior is (4, 2, 1) / 7; with tau = 1 it is what softmax makes of logits of 0, with tau = 2 (16, 4, 1) / 21.
    for tau, softmax in ((1.0, (4 / 7, 2 / 7, 1 / 7)), (2.0, (16 / 21, 4 / 21, 1 / 21))):
        bias, loss = step([0, 0, 0, 1], 3, tau, tmp_path)
        assert loss == pytest.approx(-(3 * math.log(softmax[0]) + math.log(softmax[1])) / 4, abs=1e-12)
        assert bias.tolist() == pytest.approx([3 / 4 - softmax[0], 1 / 4 - softmax[1], -softmax[2]], abs=1e-12)


def test_an_absent_class_is_pressed_down_less_than_without_adjustment(tmp_path: Path) -> None:
    adjusted, plain = (step([0, 0, 0, 1], 3, tau, tmp_path)[0] for tau in (1.0, 0.0))
    assert 0 > adjusted[2] > plain[2]
    assert log_prior(torch.tensor([0] * 98), 2).exp().tolist() == pytest.approx([0.99, 0.01])


def test_equal_counts_change_nothing(tmp_path: Path) -> None:
    (adjusted, loss), (plain, plain_loss) = (step([0, 1, 2] * 4, 3, tau, tmp_path) for tau in (3.0, 0.0))
    assert loss == pytest.approx(plain_loss, abs=1e-15)
    assert (adjusted - plain).abs().max() < 1e-15
    adjusted, plain = (step([0, 1, 1], 2, tau, tmp_path)[0] for tau in (3.0, 0.0))
    assert (adjusted - plain).abs().max() > 0.1


@pytest.mark.parametrize("how", [{"model": "personal.normed"}, {"real": True}])
def test_without_the_prior_it_is_fedavg_to_the_bit_and_with_it_is_not(go: Go, how: dict[str, Any]) -> None:
    skewed = ("partition=dirichlet", "partition.alpha=0.5", "partition.min_examples=5", "participation=0.5")
    runs = [["strategy=fedavg"], *(["strategy=logitadjustment", f"strategy.tau={tau}"] for tau in (0, 1))]
    folders = [go(*asked, *skewed, **how) for asked in runs]
    ends = [[hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES] for folder in folders]
    assert ends[0] == ends[1]
    assert ends[1][3] != ends[2][3]


def balanced_accuracy(half: Any, folder: Path) -> float:
    """After 30 rounds of two owners who have few points of class 1, judged on as many points of each class."""
    rng = np.random.default_rng(0)

    def points(counts: tuple[int, int]) -> Any:
        labels = np.repeat([0, 1], counts)
        return Points(
            torch.from_numpy(rng.normal(size=(len(labels), 4)) + labels[:, None] * 0.7), torch.from_numpy(labels), 2
        )

    owners, judge = [points((190, 10)), points((80, 20))], points((2000, 2000))
    model = nn.Linear(4, 2).double()
    mean = {name: torch.zeros_like(tensor) for name, tensor in model.state_dict().items()}
    for round in range(1, 31):
        sent, mean = mean, {name: torch.zeros_like(tensor) for name, tensor in mean.items()}
        for client, owner in enumerate(owners):
            model.load_state_dict(sent)
            asked = {**ASKED, "lr": 0.5, "local_epochs": 10, "tau": 1.0}
            arrays, metrics = half(model, owner, asked, State(folder, client, round))
            for name, tensor in arrays.items():
                mean[name] += tensor.detach() * metrics["num_examples"] / 300
    model.load_state_dict(mean)
    right = model(judge.points).argmax(dim=1) == judge.labels
    return float((right[:2000].double().mean() + right[2000:].double().mean()) / 2)


@pytest.mark.slow
def test_it_finds_the_rare_class_that_fedavg_misses(tmp_path: Path) -> None:
    adjusted, plain = (balanced_accuracy(half, tmp_path) for half in (logitadjustment.train, fedavg.train))
    assert adjusted > plain + 0.1
    assert adjusted > 0.7


def test_a_model_with_a_loss_of_its_own_is_refused() -> None:
    with pytest.raises(ValueError, match="strategy=logitadjustment: Quadratic has a loss of its own"):
        LogitAdjustment(tau=1.0).begin(Quadratic(1.0), {"num_clients": 2})


@pytest.mark.parametrize("tau", [-1, float("nan"), float("inf"), "1", True, None])
def test_what_it_refuses(tau: Any) -> None:
    with pytest.raises(ValueError, match=f"strategy.tau={shown(tau)}: a number of 0 or more is needed"):
        LogitAdjustment(tau)
