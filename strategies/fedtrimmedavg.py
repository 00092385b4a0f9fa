"""FedTrimmedAvg.

Dong Yin, Yudong Chen, Kannan Ramchandran, Peter Bartlett (2018). Byzantine-Robust Distributed Learning: Towards Optimal
Statistical Rates. ICML. Algorithm 1, option II, definition 2: coordinate by coordinate,

    w = x + mean of the differences w_k - x without the ``cut`` smallest and the ``cut`` largest

of n clients. The definition cuts a share beta at each end and leaves open what that is where beta * n is not whole:
here cut = beta * n rounded up, so that beta > 0 never trims nothing (rounded down, 0.2 of 4 clients is none). It stands
up to ``cut`` clients sending anything. beta = 0 is the unweighted FedAvg; beta = (n - 1) / (2 n) of an odd n is the
median.
"""

import math
from typing import Any

from torch import Tensor

from fedsky.client import checks
from strategies.robust import Robust, ascending


class FedTrimmedAvg(Robust):
    """The server half; ``beta``, from 0 to below 0.5, is the share of the clients that is cut at each end."""

    def __init__(self, beta: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.beta = checks.number("strategy.beta", beta, at_least=0, below=0.5)

    def cut(self, num_replies: int) -> int:
        """How many are cut at each end; 0.1 * 30 is a little above 3 in floating point."""
        return math.ceil(self.beta * num_replies - 1e-9)

    def check(self, num_replies: int) -> None:
        cut = self.cut(num_replies)
        if 0 < num_replies <= 2 * cut:
            raise ValueError(
                f"strategy.beta={self.beta:g}: {cut} cut at each end leave none of {num_replies} clients a round: "
                "lower it, or raise num_clients or participation"
            )

    def combine(self, differences: Tensor, num_parameters: int) -> Tensor:
        cut = self.cut(len(differences))
        return ascending(differences)[cut : len(differences) - cut].mean(0)
