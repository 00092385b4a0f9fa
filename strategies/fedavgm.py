"""FedAvgM.

Tzu-Ming Harry Hsu, Hang Qi, Matthew Brown (2019). Measuring the Effects of Non-Identical Data Distribution for
Federated Visual Classification. arXiv:1909.06335. The server takes x - mean for a gradient and makes a
step of SGD with momentum,

    v = beta v + (x - mean)
    x = x - server_lr v

on the parameters; buffers take the mean. beta = 0 and server_lr = 1 is FedAvg. Where the clients' mean is x itself,
FedAvg stands still, and so does FedAvgM once v has died away: their fixed points are the same.
"""

from typing import Any

import torch
from torch import Tensor

from fedsky.client import checks
from strategies.fedavg import FedAvg


class FedAvgM(FedAvg):
    """FedAvg's client half; ``beta`` is the server's momentum, 0 to below 1, ``server_lr`` its step size."""

    def __init__(self, beta: float, server_lr: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.beta = checks.number("strategy.beta", beta, at_least=0, below=1)
        self.server_lr = checks.number("strategy.server_lr", server_lr, above=0)

    def update(self, mean: dict[str, Tensor]) -> dict[str, Tensor]:
        """The step on the parameters; ``memory`` holds v."""
        x = self.before()
        for name in [name for name in mean if name in self.trainable]:
            v = self.memory.get(f"v/{name}", torch.zeros_like(x[name]))
            v = self.beta * v + (x[name] - mean[name])
            self.memory[f"v/{name}"] = v
            mean[name] = x[name] - self.server_lr * v
        return mean
