"""FedDyn.

Durmus Alp Emre Acar, Yue Zhao, Ramon Matas Navarro, Matthew Mattina, Paul N. Whatmough, Venkatesh Saligrama (2021).
Federated Learning Based on Dynamic Regularization. ICLR. Algorithm 1: every client of the cohort S trains, from the
received model x, on

    f_i(y) - <L_i, y> + alpha / 2 * |y - x|^2

whose minimum has the gradient grad f_i(y_i) = L_i - alpha (y_i - x), the L_i of its next round; then

    L_i = L_i - alpha (y_i - x)
    h = h - alpha / N * sum over S of (y_i - x)
    x = mean over S of y_i - h / alpha

on the parameters, L_i and h being 0 at first; N is the number of all clients, and clients count alike, whatever their
number of examples. Buffers take the plain mean, though x goes beyond its own: BatchNorm's statistics lag behind. h is
the plain mean of all L_i, whoever takes part; where x stands still the plain mean of the clients' losses is at its
minimum, h = 0 and L_i = grad f_i(x), however few steps they make. The first round with everyone goes twice as far as
that of FedProx with mu = alpha and clients of one size. Weight decay is part of f_i.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from flwr.app import Message
from torch import Tensor, nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, proximal_gradient, sgd
from strategies.fedavg import FedAvg


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD on f_i with the linear and the proximal term; keeps L_i."""
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    alpha = config["alpha"]
    x = {name: parameter.detach().to(torch.float64, copy=True) for name, parameter in parameters.items()}
    kept = state.load() or {}
    own = {name: kept[name].to(x[name]) if kept else torch.zeros_like(x[name]) for name in parameters}
    # -<L, y> + alpha / 2 |y - x|^2 is alpha / 2 |y - (x + L / alpha)|^2 and a constant: a proximal term alone.
    anchors = [(x[name] + own[name] / alpha).to(parameter) for name, parameter in parameters.items()]
    metrics = sgd(model, shard, config, lambda y: proximal_gradient(y, anchors, alpha))
    state.save({name: own[name] - alpha * (y.detach() - x[name]) for name, y in parameters.items()})
    return model.state_dict(), metrics


class FedDyn(FedAvg):
    """The server half; ``alpha`` is the weight of the proximal term, above 0."""

    train = staticmethod(train)
    averages = False
    partial_work = True

    def __init__(self, alpha: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.alpha = self.parameters["alpha"] = checks.number("strategy.alpha", alpha, above=0)

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """h is 0 at first; N is the number of all clients."""
        super().begin(model, config)
        self.num_clients = len(self.members(config["num_clients"]))
        shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
        self.memory = {f"h/{name}": torch.zeros(shapes[name], dtype=torch.float64) for name in self.trainable}

    def weight(self, reply: Message) -> float:
        """Clients count alike."""
        return 1.0

    def mean(self, replies: Iterable[Message]) -> dict[str, Tensor] | None:
        """The mean of the replies, which are counted on the way."""
        self.num_replies = 0

        def counted() -> Iterable[Message]:
            for reply in replies:
                self.num_replies += 1
                yield reply

        return super().mean(counted())

    def update(self, mean: dict[str, Tensor]) -> dict[str, Tensor]:
        """The step on the parameters; ``memory`` holds h."""
        x, share = self.before(), self.num_replies / self.num_clients
        for name in self.trainable:
            h = self.memory[f"h/{name}"] - self.alpha * share * (mean[name] - x[name])
            self.memory[f"h/{name}"] = h
            mean[name] = mean[name] - h / self.alpha
        return mean
