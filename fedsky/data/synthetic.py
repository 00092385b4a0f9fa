"""FedProx's Synthetic(alpha, beta): points of devices that each have a linear model and a mean of their own.

Tian Li et al. (2020), Federated Optimization in Heterogeneous Networks, section 5.1. For every device k, as the
paper's code draws them, alpha and beta being standard deviations:

    u_k ~ N(0, alpha),  W_k ~ N(u_k, 1) [60, 10],  b_k ~ N(u_k, 1) [10]
    B_k ~ N(0, beta),   v_k ~ N(B_k, 1) [60]
    n_k = 50 + floor(exp(N(4, 2))) points x ~ N(v_k, diag(j^-1.2)) of class argmax(x W_k + b_k)

floor(0.9 n_k) of them are trained with, the others tested on. iid: one W and b ~ N(0, 1) for all, and v_k = 0.
Synthetic(0, 0) is not iid: W_k and v_k still differ.

The paper's code sets no seed, so its own points cannot be drawn again: ``data_seed`` draws others of their kind. The
validation points, as many as the test's, are more of the same from a stream of their own; the paper has none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from fedsky import checks
from fedsky.data.photos import Part, Photos, owned

NUM_FEATURES, NUM_CLASSES = 60, 10
DEVIATION = np.arange(1, NUM_FEATURES + 1) ** -0.6  # of x from v_k: the root of j^-1.2


@dataclass(frozen=True)
class Device:
    """Where a device's points lie, v_k, and what classifies them, W_k and b_k."""

    mean: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def draw(self, rng: Generator, count: int) -> Part:
        """Points [count, 60] and their classes."""
        points = rng.normal(self.mean, DEVIATION, (count, NUM_FEATURES))
        return points, np.argmax(points @ self.weight + self.bias, axis=1)


def devices(rng: Generator, alpha: float, beta: float, iid: bool, count: int) -> list[Device]:
    """Devices unlike each other, or ``count`` times the same one."""
    if iid:
        return [Device(np.zeros(NUM_FEATURES), *_model(rng, 0.0))] * count
    centers, means = rng.normal(0, alpha, count), rng.normal(rng.normal(0, beta, count), 1, (NUM_FEATURES, count)).T
    return [Device(mean, *_model(rng, center)) for mean, center in zip(means, centers, strict=True)]


def _model(rng: Generator, center: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return rng.normal(center, 1, (NUM_FEATURES, NUM_CLASSES)), rng.normal(center, 1, NUM_CLASSES)


def load(alpha: float, beta: float, iid: bool, num_clients: int, data_seed: int) -> Photos:
    """The points of ``num_clients`` devices; where ``iid``, neither alpha nor beta counts."""
    checks.number("data.alpha", alpha, at_least=0)
    checks.number("data.beta", beta, at_least=0)
    checks.flag("data.iid", iid)
    rng, more = np.random.default_rng(data_seed).spawn(2)
    parts = []
    for device, size in zip(devices(rng, alpha, beta, iid, num_clients), sizes(rng, num_clients), strict=True):
        num_train = int(0.9 * size)
        train, test = device.draw(rng, num_train), device.draw(rng, size - num_train)
        parts.append((train, device.draw(more, size - num_train), test))
    return owned(parts, [str(label) for label in range(NUM_CLASSES)])


def sizes(rng: Generator, count: int) -> list[int]:
    """How many points each device has, but for validation."""
    return [50 + int(size) for size in rng.lognormal(4, 2, count)]
