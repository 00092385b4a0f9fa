"""How many images each client gets: shares as whole numbers, drawn until everyone has enough; numpy only."""

import copy
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fedsky import checks

Counts = NDArray[np.int64]
Draw = Callable[[np.random.Generator, float], Counts]  # a parameter's value to images [clients] or [classes, clients]

EXAMPLE = ", such as 0.5"
TRIES = 100  # draws of a random partition before it is refused
TRIED = (1e-8, 1e8)  # the values between which one that works is looked for
STEP = 1.25  # from one value that is tried to the next


def portions(shares: NDArray[np.float64], total: int) -> Counts:
    """Whole numbers [clients] that add up to ``total``, each within one of its share of it; shares add up to 1."""
    edges = np.round(np.cumsum(shares) * total).astype(np.int64)
    edges[-1] = total
    return np.diff(edges, prepend=0)


def dirichlet_sizes(
    total: int, num_clients: int, rng: np.random.Generator, name: str, alpha: float, smallest: int
) -> Counts:
    """Sizes [clients] with shares ~ Dir(alpha), each ``smallest`` or more; ``name`` is alpha's in the configuration."""
    checks.number(f"partition.{name}", alpha, above=0, hint=EXAMPLE)

    def draw(rng: np.random.Generator, alpha: float) -> Counts:
        return portions(rng.dirichlet(np.full(num_clients, alpha)), total)

    return drawn(draw, rng, name, alpha, smallest)


def drawn(
    draw: Draw, rng: np.random.Generator, name: str, value: float, smallest: int, even_when_small: bool = False
) -> Counts:
    """The first of TRIES draws that leaves every client ``smallest`` images.

    Else a refusal names the nearest value that is known to work: a larger one, or a smaller one where small values
    make sizes even. It is looked for with the same generator, so that it works where it was asked for.
    """
    start = copy.deepcopy(rng)
    counts = _tried(draw, rng, value, smallest)
    if counts is not None:
        return counts
    end, step = ("largest", 1 / STEP) if even_when_small else ("smallest", STEP)
    other = min(value, 100.0) if even_when_small else max(value, 1e-3)
    remedy = "ask for fewer clients"
    while TRIED[0] < other < TRIED[1]:
        other *= step
        rounded = float(f"{other:.2g}")
        if _tried(draw, copy.deepcopy(start), rounded, smallest) is not None:
            remedy = f"the {end} feasible {name} is about {rounded:g}"
            break
    raise ValueError(
        f"partition.{name}={value} leaves some of the clients below min_examples={smallest} in each of {TRIES} draws: "
        f"{remedy}"
    )


def _tried(draw: Draw, rng: np.random.Generator, value: float, smallest: int) -> Counts | None:
    for _ in range(TRIES):
        counts = draw(rng, value)
        if counts.reshape(-1, counts.shape[-1]).sum(axis=0).min() >= smallest:
            return counts
    return None
