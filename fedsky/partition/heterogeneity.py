"""How unlike the clients' labels are, as a number; numpy only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def label_distances(counts: Any) -> NDArray[np.float64]:
    """How far each client's label distribution is from that of all together, [clients], in [0, 1].

    counts: images [clients, classes], one or more of each client. The distance is the square root of the
    Jensen-Shannon divergence in bits (Lin 1991; Endres and Schindelin 2003): 0 where both are the same.
    """
    table = np.asarray(counts, dtype=np.float64)
    own = table / table.sum(axis=1, keepdims=True)
    whole = np.broadcast_to(table.sum(axis=0) / table.sum(), own.shape)
    middle = (own + whole) / 2

    def divergence(one: NDArray[np.float64]) -> Any:
        ratio = np.divide(one, middle, out=np.ones_like(one), where=one > 0)
        return (one * np.log2(ratio)).sum(axis=1)

    distances: NDArray[np.float64] = np.sqrt(np.clip((divergence(own) + divergence(whole)) / 2, 0.0, 1.0))
    return distances


def heterogeneity(counts: Any) -> float:
    """The plain mean of ``label_distances``: every client counts alike, however many images it has."""
    return float(label_distances(counts).mean())
