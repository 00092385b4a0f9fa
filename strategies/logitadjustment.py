"""Logit adjustment.

Aditya Krishna Menon, Sadeep Jayasumana, Ankit Singh Rawat, Himanshu Jain, Andreas Veit, Sanjiv Kumar (2021). Long-tail
Learning via Logit Adjustment. ICLR. Equation (10), by every client with the shares of its own classes, as label skew
between clients asks for (Jie Zhang et al. 2022, Federated Learning with Label Distribution Skew via Logits
Calibration, ICML, do so with a margin of another form): a client trains on

    cross-entropy of (logits + tau * log prior),   prior_c = (n_c + 1) / (n + number of classes)

so that the logits themselves need not learn which classes it happens to have. Its share of a class is smoothed by
one, so that an absent class is pressed down no further than is finite. Models predict by their plain logits. The
server half is FedAvg's.

tau = 0 is FedAvg; so is a client that has as many images of each class, as softmax knows no common shift.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, criterion, sgd
from strategies.fedavg import FedAvg


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD on the cross-entropy of the adjusted logits."""
    shift = config["tau"] * log_prior(shard.labels, shard.num_classes)

    def objective(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        logits = model(images)
        return F.cross_entropy(logits + shift.to(logits), labels)

    return model.state_dict(), sgd(model, shard, config, objective=objective)


def log_prior(labels: Tensor, num_classes: int) -> Tensor:
    """The logarithms of the classes' shares among labels, one added to every count; float64 [num_classes]."""
    counts = torch.bincount(labels, minlength=num_classes).double() + 1
    return (counts / counts.sum()).log()


class LogitAdjustment(FedAvg):
    """The server half is FedAvg's; ``tau`` is the weight of the prior, 0 or more."""

    train = staticmethod(train)

    def __init__(self, tau: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.parameters["tau"] = checks.number("strategy.tau", tau, at_least=0)

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """Refuses a model whose outputs are not the logits of a cross-entropy."""
        super().begin(model, config)
        if criterion(model) is not F.cross_entropy:
            raise ValueError(
                f"strategy=logitadjustment: {type(model).__name__} has a loss of its own; "
                "a model with cross-entropy is needed"
            )
