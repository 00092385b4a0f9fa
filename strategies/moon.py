"""MOON.

Qinbin Li, Bingsheng He, Dawn Song (2021). Model-Contrastive Federated Learning. CVPR. Algorithm 1, equation (3): a
client pulls the representation z of each image towards z_glob, what the received model makes of it, and away from
z_prev, what its own model made of it at the end of its previous round,

    loss = cross-entropy + mu * l
    l = -log( exp(sim(z, z_glob) / T) / (exp(sim(z, z_glob) / T) + exp(sim(z, z_prev) / T)) )

with the cosine similarity sim and the temperature T; l knows the difference of the two similarities alone. z is what
the model's last layer gets: there is no projection head as in the paper, so that models stay as they are. The
received and the previous model work in evaluation mode. The server half is FedAvg's.

mu = 0 is FedAvg. In a client's first round the previous model is the received one: l is log 2 and has no gradient, so
that the first round with everyone is FedAvg's for any mu. So is every round of a model of one layer: z is the image.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, criterion, sgd
from strategies.fedavg import FedAvg


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD with the contrastive loss; keeps the whole model for its next round."""
    received = copy.deepcopy(model).eval()
    previous = copy.deepcopy(received)
    previous.load_state_dict(state.load() or received.state_dict())
    loss_of = criterion(model)

    def objective(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
        outputs, z = represent(model, images)
        with torch.no_grad():
            z_received, z_previous = represent(received, images)[1], represent(previous, images)[1]
        loss: Tensor = config["mu"] * contrast(z, z_received, z_previous, config["temperature"])
        return loss_of(outputs, labels) + loss

    metrics = sgd(model, shard, config, objective=objective)
    state.save(model.state_dict())
    return model.state_dict(), metrics


def represent(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """A model's outputs, and the representation [n, d]: what the last module with parameters of its own got."""
    seen: list[Tensor] = []
    last = [module for module in model.modules() if next(module.parameters(recurse=False), None) is not None][-1]
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        outputs: Tensor = model(images)
    finally:
        hook.remove()
    return outputs, seen[-1].flatten(1)


def contrast(z: Tensor, z_received: Tensor, z_previous: Tensor, temperature: float) -> Tensor:
    """l, as a mean over images: -log(e^a / (e^a + e^b)) is softplus(b - a)."""
    nearer = F.cosine_similarity(z, z_previous) - F.cosine_similarity(z, z_received)
    return F.softplus(nearer / temperature).mean()


class Moon(FedAvg):
    """The server half is FedAvg's; ``mu`` is the weight of the contrastive loss, 0 or more."""

    train = staticmethod(train)

    def __init__(self, mu: float, temperature: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.parameters["mu"] = checks.number("strategy.mu", mu, at_least=0)
        self.parameters["temperature"] = checks.number("strategy.temperature", temperature, above=0)
