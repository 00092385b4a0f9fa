"""q-FedAvg.

Tian Li, Maziar Sanjabi, Ahmad Beirami, Virginia Smith (2020). Fair Resource Allocation in Federated Learning. ICLR.
Algorithm 2: clients whose loss is high count for more. Client i tells F_i, the received model's mean loss over all of
its training images, and trains as in FedAvg, from x to y_i; with L = 1 / lr the server makes

    g_i = L (x - y_i)
    D_i = F_i^q g_i
    h_i = q F_i^(q-1) |g_i|^2 + L F_i^q
    x = x - sum_i D_i / sum_i h_i

where |g_i|^2 is over all parameters. Clients count alike, whatever their number of examples; buffers take the plain
mean. q = 0 is the unweighted FedAvg. With q > 0 a client whose loss is 0 has no say, and if it is 0 for all, x stays.
"""

from collections.abc import Iterable
from typing import Any

import torch
from flwr.app import Message
from torch import Tensor, nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, mean_loss, sgd
from strategies.fedavg import FedAvg, metric


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD; the loss of the received model and the step size are among the metrics."""
    before = {"received_loss": mean_loss(model, shard), "lr": config["lr"]}
    return model.state_dict(), sgd(model, shard, config) | before


class QFedAvg(FedAvg):
    """The server half; ``q``, 0 or more, is how much a high loss counts."""

    train = staticmethod(train)
    averages = False

    def __init__(self, q: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.q = checks.number("strategy.q", q, at_least=0)

    def mean(self, replies: Iterable[Message]) -> dict[str, Tensor] | None:
        """The parameters after the step and the plain mean of the buffers, summed in float64 as the replies arrive."""
        x = self.before()
        total = {name: torch.zeros_like(tensor) for name, tensor in x.items()}
        num_replies, h = 0, 0.0
        for reply in replies:
            received, loss, lr = self.received(reply), metric(reply, "received_loss"), metric(reply, "lr")
            if loss < 0:
                raise ValueError(f"a client's loss is {loss:g}: q-FedAvg needs a loss that is never below 0")
            num_replies += 1
            g = {name: (x[name] - y) / lr for name, y in received.items() if name in self.trainable}
            power = loss**self.q
            if power:
                norm = sum(float(value.square().sum()) for value in g.values())
                h += (self.q * loss ** (self.q - 1) * norm if self.q else 0.0) + power / lr
            for name, y in received.items():
                total[name] += power * g[name] if name in g else y.double()
        if not num_replies:
            return None
        return {
            name: value / num_replies if name not in self.trainable else x[name] - value / h if h else x[name]
            for name, value in total.items()
        }
