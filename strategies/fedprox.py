"""FedProx.

Tian Li, Anit Kumar Sahu, Manzil Zaheer, Maziar Sanjabi, Ameet Talwalkar, Virginia Smith (2020). Federated
Optimization in Heterogeneous Networks. MLSys. Algorithm 2, equation (2): every client minimises, from the received
model w0,

    h_k(w; w0) = F_k(w) + mu / 2 * |w - w0|^2

whose proximal term enters as its exact gradient mu * (w - w0). mu = 0 is FedAvg. A straggler's
few passes count, as in the paper.
"""

from typing import Any

from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, proximal_gradient, sgd
from strategies.fedavg import FedAvg


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD whose gradients are pulled back to the received model."""
    received = [parameter.detach().clone() for parameter in model.parameters() if parameter.requires_grad]
    return model.state_dict(), sgd(model, shard, config, lambda w: proximal_gradient(w, received, config["mu"]))


class FedProx(FedAvg):
    """The server half is FedAvg's; ``mu`` is the weight of the proximal term, 0 or more."""

    train = staticmethod(train)
    partial_work = True

    def __init__(self, mu: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.parameters["mu"] = checks.number("strategy.mu", mu, at_least=0)
