"""Krum.

Peva Blanchard, El Mahdi El Mhamdi, Rachid Guerraoui, Julien Stainer (2017). Machine Learning with Adversaries:
Byzantine Tolerant Gradient Descent. NeurIPS. Of n clients, f of whom may send anything,

    s_i = sum of |w_i - w_j|^2 over the n - f - 2 others nearest to w_i
    w = the w_i with the lowest score s_i; of equals, the client with the lowest number

which needs n >= 2 f + 3. Distances are over the parameters, of differences taken one by one: by squares and products,
|a|^2 + |b|^2 - 2 a.b, what tells the clients apart would be lost in rounding. The client that is chosen gives its
buffers too.
"""

from typing import Any

import torch
from torch import Tensor

from fedsky.client import checks
from strategies.robust import Robust


class Krum(Robust):
    """The server half; ``num_malicious``, f, is how many clients of a round may send anything."""

    per_malicious = 2  # so many clients a malicious one, and three more, are needed

    def __init__(self, num_malicious: int, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.num_malicious = checks.whole("strategy.num_malicious", num_malicious)

    def check(self, num_replies: int) -> None:
        needed = self.per_malicious * self.num_malicious + 3
        if num_replies < needed:
            raise ValueError(
                f"strategy.num_malicious={self.num_malicious}: {needed} clients a round are needed "
                f"({self.per_malicious} * num_malicious + 3), not {num_replies}: lower it, or raise num_clients or "
                "participation"
            )

    def combine(self, differences: Tensor, num_parameters: int) -> Tensor:
        return differences[scores(squared_distances(differences[:, :num_parameters]), self.num_malicious).argmin()]


def squared_distances(rows: Tensor) -> Tensor:
    """|a - b|^2 of all pairs of rows, from their differences."""
    return torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square()


def scores(distances: Tensor, num_malicious: int) -> Tensor:
    """Krum's score of every row: the sum of the n - f - 2 smallest squared distances to others, of one at least."""
    num_nearest = max(1, len(distances) - num_malicious - 2)
    others = distances.clone().fill_diagonal_(torch.inf)
    return others.sort(1).values[:, :num_nearest].sum(1)
