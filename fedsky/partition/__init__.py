"""Labels to one index array per client. numpy only; every function gets its generator passed in.

Each partition takes labels (int64 [n]), the number of clients and a generator, and returns one sorted index array per
client: disjoint and together complete. The taxonomy is that of NIID-Bench (Li, Diao, Chen and He 2022).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fedsky import checks
from fedsky.partition.portions import EXAMPLE, dirichlet_sizes, drawn, portions

Indices = NDArray[np.int64]
Partition = Callable[[NDArray[np.int64], int, np.random.Generator], list[Indices]]


def cut(
    labels: NDArray[np.int64], num_clients: int, partition: Partition, seed: int, min_examples: int
) -> list[Indices]:
    """The partition drawn with ``seed``, or a refusal where a client would get fewer than ``min_examples``."""
    most = len(labels) // max(min_examples, 1)
    if not 1 <= num_clients <= most:
        raise ValueError(
            f"num_clients={num_clients}: {len(labels)} images with partition.min_examples={min_examples} "
            + (f"allow 1 to {most} clients" if most else "allow no client")
        )
    shards = partition(labels, num_clients, np.random.default_rng([seed, 0]))
    smallest = min(len(shard) for shard in shards)
    if smallest < min_examples:
        lower = f"set it to {smallest} or less, or " if smallest else ""
        raise ValueError(
            f"a client would get {smallest} images, fewer than partition.min_examples={min_examples}: "
            f"{lower}ask for fewer clients"
        )
    return [np.sort(shard) for shard in shards]


def iid(labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator) -> list[Indices]:
    """Every client's labels alike: each class is shuffled and dealt out in turn; sizes differ by one at most."""
    order = np.concatenate([rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)])
    return [order[client::num_clients] for client in range(num_clients)]


def dirichlet(labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator, alpha: float) -> list[Indices]:
    """Every client its own label mixture q ~ Dir(alpha * prior), near-equal sizes (Hsu, Qi and Brown 2019).

    Clients draw one after the other without replacement, as in TensorFlow Federated's synthesize_by_dirichlet: a class
    that has run out is left out of the mixtures of those who come later. Who comes when is drawn. alpha -> infinity
    tends to ``iid``, alpha -> 0 to one class a client.
    """
    checks.number("partition.alpha", alpha, above=0, hint=EXAMPLE)
    ends: Indices = np.linspace(0, len(labels), num_clients + 1).astype(np.int64)
    sizes = ends[1:] - ends[:-1]
    return _mixed(labels, num_clients, rng, alpha, lambda: np.repeat(rng.permutation(num_clients), sizes))


def dirichlet_in_turn(
    labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator, alpha: float
) -> list[Indices]:
    """As ``dirichlet``, but clients draw one image each in turn, so that all share what a class that runs out costs.

    Label mixtures are less unlike than those of ``dirichlet`` for the same alpha.
    """
    checks.number("partition.alpha", alpha, above=0, hint=EXAMPLE)
    return _mixed(labels, num_clients, rng, alpha, lambda: np.resize(rng.permutation(num_clients), len(labels)))


def dirichlet_quantity(
    labels: NDArray[np.int64],
    num_clients: int,
    rng: np.random.Generator,
    alpha: float,
    quantity_alpha: float,
    smallest: int,
) -> list[Indices]:
    """Label and quantity skew at once: the mixtures of ``dirichlet`` with the sizes of ``quantity``.

    Clients draw in a random order in which each comes up as often as it gets images.
    """
    checks.number("partition.alpha", alpha, above=0, hint=EXAMPLE)
    sizes = dirichlet_sizes(len(labels), num_clients, rng, "quantity_alpha", quantity_alpha, smallest)
    return _mixed(labels, num_clients, rng, alpha, lambda: rng.permutation(np.repeat(np.arange(num_clients), sizes)))


def dirichlet_label(
    labels: NDArray[np.int64],
    num_clients: int,
    rng: np.random.Generator,
    alpha: float,
    smallest: int,
    balance: bool = False,
) -> list[Indices]:
    """Every class its own shares p ~ Dir(alpha) among the clients (Yurochkin et al. 2019; NIID-Bench).

    Labels and sizes are both unlike; the same alpha is not that of ``dirichlet``. All shares are redrawn until everyone
    has ``smallest``. balance: a client that has its fair share n / num_clients gets nothing of the classes that follow,
    as in the code of both, not in their papers. alpha -> infinity tends to ``iid``.
    """
    checks.number("partition.alpha", alpha, above=0, hint=EXAMPLE)
    classes, totals = np.unique(labels, return_counts=True)

    def draw(rng: np.random.Generator, alpha: float) -> NDArray[np.int64]:
        counts = np.zeros((len(totals), num_clients), dtype=np.int64)
        for row, total in zip(counts, totals, strict=True):
            share = rng.dirichlet(np.full(num_clients, alpha))
            if balance:
                short = counts.sum(axis=0) * num_clients < len(labels)
                share *= short
                if not share.any():  # a small alpha: what the others have is below the smallest float
                    share[rng.choice(np.flatnonzero(short))] = 1.0
            row[:] = portions(share / share.sum(), total)
        return counts

    counts = drawn(draw, rng, "alpha", alpha, smallest)
    return _dealt(labels, rng, dict(zip(classes.tolist(), counts, strict=True)))


def label_quantity(
    labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator, num_classes: int = 1
) -> list[Indices]:
    """Every client ``num_classes`` classes, each class in equal parts to those who have it (#C = k of NIID-Bench).

    Client i has class i modulo their number, and others at random: first those that nobody would have.
    """
    classes = np.unique(labels)
    least, most = -(-len(classes) // num_clients), len(classes)
    hint = f" with {num_clients} clients"
    checks.whole("partition.num_classes", num_classes, least, most, of="classes for each client", hint=hint)
    has = np.zeros((num_clients, most), dtype=bool)
    has[np.arange(num_clients), np.arange(num_clients) % most] = True
    for place, label in enumerate(rng.permutation(np.arange(num_clients, most))):
        has[place % num_clients, label] = True
    for own in has:
        own[rng.choice(np.flatnonzero(~own), num_classes - int(own.sum()), replace=False)] = True
    counts = {}
    for label, owned in zip(classes.tolist(), has.T, strict=True):
        total, parts = int((labels == label).sum()), int(owned.sum())
        counts[label] = np.zeros(num_clients, dtype=np.int64)
        counts[label][owned] = total // parts + (np.arange(parts) < total % parts)
    return _dealt(labels, rng, counts)


def shards(labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator, per_client: int = 2) -> list[Indices]:
    """Sorted by label, cut into ``per_client * num_clients`` runs, ``per_client`` random ones each (McMahan 2017)."""
    checks.whole("partition.per_client", per_client, 1, len(labels) // num_clients, of="shards")
    order = np.argsort(labels + rng.random(len(labels)) * 0.5)
    runs = np.array_split(order, per_client * num_clients)
    deal = rng.permutation(len(runs)).reshape(num_clients, per_client)
    return [np.concatenate([runs[run] for run in mine]) for mine in deal]


def quantity(
    labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator, alpha: float, smallest: int
) -> list[Indices]:
    """Alike labels, unlike sizes: shares ~ Dir(alpha), redrawn until everyone has ``smallest`` (NIID-Bench 2022)."""
    sizes = dirichlet_sizes(len(labels), num_clients, rng, "alpha", alpha, smallest)
    return list(np.split(rng.permutation(len(labels)), np.cumsum(sizes)[:-1]))


def quantity_lognormal(
    labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator, sigma: float, smallest: int
) -> list[Indices]:
    """Alike labels, unlike sizes: shares ~ exp(N(0, sigma^2)), redrawn until everyone has ``smallest``.

    The unbalanced split of FedDyn (Acar et al. 2021) and FedLab (Zeng et al. 2023). sigma -> 0 tends to equal sizes.
    """
    checks.number("partition.sigma", sigma, above=0, hint=EXAMPLE)

    def draw(rng: np.random.Generator, sigma: float) -> NDArray[np.int64]:
        normal = rng.standard_normal(num_clients)
        with np.errstate(over="ignore"):  # a huge sigma leaves everything to one client
            weights = np.exp(sigma * (normal - normal.max()))
        return portions(weights / weights.sum(), len(labels))

    sizes = drawn(draw, rng, "sigma", sigma, smallest, even_when_small=True)
    return list(np.split(rng.permutation(len(labels)), np.cumsum(sizes)[:-1]))


def noise(labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator, sigma: float) -> list[Indices]:
    """Feature skew: the cut of ``iid``; client i of 1..N gets noise of variance sigma * i / N (NIID-Bench).

    An index array has no images: ``fedsky.data.owners`` adds the noise.
    """
    checks.number("partition.sigma", sigma, above=0, hint=EXAMPLE)
    return iid(labels, num_clients, rng)


def contiguous(labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator) -> list[Indices]:
    """Cut by index, in the data's own order, into parts whose sizes differ by one at most; nothing is drawn."""
    return list(np.array_split(np.arange(len(labels), dtype=np.int64), num_clients))


def natural(labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator) -> list[Indices]:
    """The data's own owners, whom nobody has to draw: only data that come without them ask here, and are refused."""
    raise ValueError("partition=natural: these data come without owners, choose another partition")


def label_table(labels: NDArray[np.int64], indices: Indices, num_classes: int) -> list[int]:
    """How many of the indexed images each class has."""
    return [int(count) for count in np.bincount(labels[indices], minlength=num_classes)]


def _mixed(
    labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator, alpha: float, turns: Callable[[], Indices]
) -> list[Indices]:
    """Clients with mixtures ~ Dir(alpha * prior); ``turns`` [n] draws whose each of the images is to be."""
    classes, counts = np.unique(labels, return_counts=True)
    left = [list(rng.permutation(np.flatnonzero(labels == label))) for label in classes]
    mixtures = rng.dirichlet(alpha * counts / counts.sum(), size=num_clients)
    shards: list[list[int]] = [[] for _ in range(num_clients)]
    for client in turns():
        free = np.array([bool(images) for images in left])
        # The tiny summand lets a client whose only class has run out take from what is left.
        share = np.where(free, mixtures[client] + 1e-12, 0.0)
        shards[client].append(left[rng.choice(len(classes), p=share / share.sum())].pop())
    return [np.array(shard, dtype=np.int64) for shard in shards]


def _dealt(labels: NDArray[np.int64], rng: np.random.Generator, counts: dict[int, Indices]) -> list[Indices]:
    """The images of each class, shuffled, so many to each client."""
    parts = [
        np.split(rng.permutation(np.flatnonzero(labels == label)), np.cumsum(row)[:-1]) for label, row in counts.items()
    ]
    return [np.concatenate(own) for own in zip(*parts, strict=True)]
