"""MultiKrum.

Peva Blanchard, El Mahdi El Mhamdi, Rachid Guerraoui, Julien Stainer (2017). Machine Learning with Adversaries:
Byzantine Tolerant Gradient Descent. NeurIPS. The plain mean of the m clients with the lowest of Krum's
scores; of equals, those with the lowest numbers.

m = 1 is Krum; m = n, the number of clients, is the unweighted FedAvg. Krum's n >= 2 f + 3 holds here too.
"""

from typing import Any

from torch import Tensor

from fedsky.client import checks
from strategies.krum import Krum, scores, squared_distances


class MultiKrum(Krum):
    """The server half; ``num_selected`` is m, or None for n - ``num_malicious``: as many as are honest."""

    def __init__(self, num_malicious: int, num_selected: int | None = None, **fedavg: Any) -> None:
        super().__init__(num_malicious, **fedavg)
        self.num_selected = None if num_selected is None else checks.whole("strategy.num_selected", num_selected, 1)

    def check(self, num_replies: int) -> None:
        super().check(num_replies)
        if self.num_selected is not None and self.num_selected > num_replies:
            raise ValueError(f"strategy.num_selected={self.num_selected}: there are only {num_replies} clients a round")

    def combine(self, differences: Tensor, num_parameters: int) -> Tensor:
        num_selected = self.num_selected or len(differences) - self.num_malicious
        found = scores(squared_distances(differences[:, :num_parameters]), self.num_malicious).argsort(stable=True)
        return differences[found[:num_selected].sort().values].mean(0)
