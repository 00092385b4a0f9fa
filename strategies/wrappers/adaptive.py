"""User-level differential privacy, with updates clipped to a quantile of their norms.

Galen Andrew, Om Thakkar, H. Brendan McMahan, Swaroop Ramaswamy (2021). Differentially Private Learning with Adaptive
Clipping. NeurIPS. Algorithm 1, on top of all that fixed.py does with the C of the round:

    b_k = 1 if |d_k| <= C else 0
    b = 1/2 + (sum over S of (b_k - 1/2) + N(0, sigma_b^2)) / (q N)
    C = C exp(-clip_lr (b - quantile))

So C falls while more than a share ``quantile`` of the updates fit into it, and rises while fewer do. Less 1/2 each,
one client changes the sum of the b_k by 1/2 (hence the 2 below), and b is right in the mean over samples of whatever
size; an empty one tells 1/2. The count, too, tells of the clients and gets noise, sigma_b = ``count_noise``; so that
both together cost what ``noise_multiplier`` z says, the updates get noise of deviation z_delta C with

    z_delta = (z^-2 - (2 sigma_b)^-2)^(-1/2)

clip_lr = 0 is the fixed norm, with the noise of a count that nobody uses.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from fedsky.client import checks
from strategies.fedavg import FedAvg
from strategies.wrappers.fixed import Fixed
from strategies.wrappers.wrapper import Wrapper


class Adaptive(Fixed):
    """``clip_norm`` is the first C; ``count_noise`` None is q N / 20, but ``noise_multiplier`` at least."""

    def __init__(
        self,
        strategy: FedAvg | Wrapper,
        noise_multiplier: float,
        clip_norm: float,
        quantile: float,
        clip_lr: float,
        count_noise: float | None,
        delta: float,
        max_epsilon: float | None = None,
    ) -> None:
        super().__init__(strategy, noise_multiplier, clip_norm, delta, max_epsilon)
        self.quantile = checks.number("privacy.quantile", quantile, above=0, below=1)
        self.clip_lr = checks.number("privacy.clip_lr", clip_lr, at_least=0)
        self.count_noise = (
            None if count_noise is None else checks.number("privacy.count_noise", count_noise, at_least=0)
        )
        if self.noise_multiplier and self.count_noise is not None and 2 * self.count_noise <= self.noise_multiplier:
            raise ValueError(f"privacy.count_noise={count_noise}: above noise_multiplier / 2 is needed, or null")

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        super().begin(model, config)
        self.kept["clip_norm"] = torch.tensor(self.clip_norm, dtype=torch.float64)
        self.sigma = max(self.expected / 20, self.noise_multiplier) if self.count_noise is None else self.count_noise

    @property
    def norm(self) -> float:
        """C as the rounds so far have made it."""
        return float(self.kept["clip_norm"])

    @property
    def deviation(self) -> float:
        """The standard deviation of the noise on the sum of the clipped updates: z_delta C."""
        z = self.noise_multiplier
        return z / math.sqrt(1 - (z / (2 * self.sigma)) ** 2) * self.norm if z else 0.0

    def learn(self, norms: list[float], rng: np.random.Generator) -> None:
        """A step of C towards the quantile."""
        count = sum((norm <= self.norm) - 0.5 for norm in norms) + rng.normal(0.0, self.sigma)
        step = self.clip_lr * (0.5 + count / self.expected - self.quantile)
        self.kept["clip_norm"] = self.kept["clip_norm"] * math.exp(-step)
