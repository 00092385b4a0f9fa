"""FedAdam.

Sashank Reddi, Zachary Charles, Manzil Zaheer, Zachary Garrett, Keith Rush, Jakub Konečný, Sanjiv Kumar, H. Brendan
McMahan (2021). Adaptive Federated Optimization. ICLR. Algorithm 2: from the mean of the clients' models the server
makes a step of Adam,

    d = mean - x
    m = beta1 m + (1 - beta1) d
    v = beta2 v + (1 - beta2) d^2
    x = x + server_lr m / (sqrt(v) + tau)

on the parameters; buffers take the mean. m and v start at 0, as in the paper's experiments (its algorithm: v at tau^2
or more). ``bias_correction`` is none, as in the algorithm, or torch: as in torch.optim.Adam with eps = tau, round t
divides m by 1 - beta1^t and v by 1 - beta2^t. beta1 = beta2 = 0 moves x by server_lr d / (|d| + tau). Where m and d
are 0, x stays.
"""

from typing import Any

import torch
from torch import Tensor

from fedsky.client import checks
from strategies.fedavg import FedAvg


class FedAdam(FedAvg):
    """FedAvg's client half; ``server_lr`` and ``tau`` are above 0, ``beta1`` and ``beta2`` from 0 to below 1."""

    def __init__(
        self, server_lr: float, beta1: float, beta2: float, tau: float, bias_correction: str = "none", **fedavg: Any
    ) -> None:
        super().__init__(**fedavg)
        self.server_lr = checks.number("strategy.server_lr", server_lr, above=0)
        self.beta1 = checks.number("strategy.beta1", beta1, at_least=0, below=1)
        self.beta2 = checks.number("strategy.beta2", beta2, at_least=0, below=1)
        self.tau = checks.number("strategy.tau", tau, above=0)
        self.corrected = checks.choice("strategy.bias_correction", bias_correction, ("none", "torch")) == "torch"

    def update(self, mean: dict[str, Tensor]) -> dict[str, Tensor]:
        """The step on the parameters; ``memory`` holds m, v and the number of steps made, t."""
        x = self.before()
        t = self.memory["t"] = self.memory.get("t", torch.tensor(0)) + 1
        for name in [name for name in mean if name in self.trainable]:
            d = mean[name] - x[name]
            m, v = (self.memory.get(f"{moment}/{name}", torch.zeros_like(d)) for moment in "mv")
            m = self.beta1 * m + (1 - self.beta1) * d
            v = self.second_moment(v, d**2)
            self.memory |= {f"m/{name}": m, f"v/{name}": v}
            if self.corrected:
                m, v = m / (1 - self.beta1 ** int(t)), v / (1 - self.beta2 ** int(t))
            mean[name] = x[name] + self.server_lr * m / (v.sqrt() + self.tau)
        return mean

    def second_moment(self, v: Tensor, squared: Tensor) -> Tensor:
        """The next v, from the one before and d^2."""
        return self.beta2 * v + (1 - self.beta2) * squared
