"""GeometricMedian (RFA).

Krishna Pillutla, Sham M. Kakade, Zaid Harchaoui (2022). Robust Aggregation for Federated Learning. IEEE Transactions on
Signal Processing 70. The point v with the least sum of distances to the clients' models, by their smoothed Weiszfeld
algorithm, where nu keeps a division by zero away:

    v = mean of w_k
    repeat: b_k = 1 / max(nu, |v - w_k|),   v = sum of b_k w_k / sum of b_k

No iteration raises the sum over k of |v - w_k|, or of |v - w_k|^2 / (2 nu) + nu / 2 where that distance is below nu.
They end when v moves by no more than ``tolerance`` times the median of its distances to the clients, a scale that no
attacker can stretch, or after ``max_iterations``. Distances are over the parameters; buffers take the mean with the
same weights b_k. Clients count alike, not by their examples as in the paper. It stands less than half of the clients
sending anything. A nu beyond all distances is the unweighted FedAvg.
"""

from typing import Any

import torch
from torch import Tensor

from fedsky.client import checks
from strategies.robust import Robust


class GeometricMedian(Robust):
    """The server half; ``smoothing`` is nu, above 0; ``tolerance`` is 0 or more."""

    def __init__(self, smoothing: float, max_iterations: int, tolerance: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.smoothing = checks.number("strategy.smoothing", smoothing, above=0)
        self.max_iterations = checks.whole("strategy.max_iterations", max_iterations, 1)
        self.tolerance = checks.number("strategy.tolerance", tolerance, at_least=0)

    def combine(self, differences: Tensor, num_parameters: int) -> Tensor:
        return self.weights(differences[:, :num_parameters]) @ differences

    def weights(self, rows: Tensor) -> Tensor:
        """What every row counts in their geometric median; the weights add up to 1."""
        v = rows.mean(0)
        for _ in range(self.max_iterations):
            distances = torch.cdist(rows, v[None], compute_mode="donot_use_mm_for_euclid_dist")[:, 0]
            weights = 1 / distances.clamp(min=self.smoothing)
            weights /= weights.sum()
            before, v = v, weights @ rows
            if (v - before).norm() <= self.tolerance * distances.median():
                break
        return weights
