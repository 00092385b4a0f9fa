"""FedAsync.

Cong Xie, Sanmi Koyejo, Indranil Gupta (2019). Asynchronous Federated Optimization. arXiv:1903.03934. Algorithm 1: every
reply makes a step at once. Client k trains, from the model x_k that it got when it began, on
F_k(y) + mu / 2 |y - x_k|^2 to y, and the server mixes it into its model x of the moment,

    alpha_t = alpha * s(tau),   x = (1 - alpha_t) x + alpha_t y

with the functions s of ``strategies/fedbuff.py``, which also tells how jobs follow each other, and tau counted from 0
for a client whose model the server has not changed since (the paper counts from 1). mu is the paper's rho. Where alpha
= 1, s = 1 and a single client takes part it is FedProx, and with mu = 0 FedAvg, to the bit.
"""

from typing import Any

from torch import Tensor

from fedsky.client import checks
from strategies import fedprox
from strategies.fedbuff import FedBuff


class FedAsync(FedBuff):
    """``alpha``, above 0 and at most 1, is a fresh reply's share of the model; ``mu`` the proximal term's weight."""

    train = staticmethod(fedprox.train)

    def __init__(self, alpha: float, mu: float, staleness: str, a: float, b: float, **fedavg: Any) -> None:
        super().__init__(1, staleness, a, b, **fedavg)
        self.alpha = checks.number("strategy.alpha", alpha, above=0, at_most=1)
        self.parameters["mu"] = checks.number("strategy.mu", mu, at_least=0)

    def moved(self, y: Tensor, base: Tensor, x: Tensor) -> Tensor:
        """The client's own model."""
        return y

    def fresh(self, tau: int) -> float:
        return self.alpha * super().fresh(tau)
