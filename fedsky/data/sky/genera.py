"""The genera of clouds, by the World Meteorological Organization's atlas, and how they are drawn for each class."""

import math
from typing import NamedTuple

import numpy as np
from numpy.random import Generator


class Cloud(NamedTuple):
    """A layer of cloud."""

    cover: float  # fraction of the sky in the frame
    scale: float  # features per layer height: small numbers make large clouds
    stretch: float  # elongation along the wind
    billow: float  # 0: wisps, 1: heaps of rounded cells
    warp: float  # how far the wind has torn it
    softness: float  # width of the edge, in standard deviations of the field
    opacity: float
    relief: float  # depth of its shadows
    gloom: float  # 0: lit by the sun, 1: lit only by what a closed deck lets through
    gap: float  # how much clearer it is over the horizon
    shine: float = 0.0  # how much clearer it is before the sun


class Genus(NamedTuple):
    """A genus, its share within the class, and the bounds between which the fields of a `Cloud` are drawn."""

    name: str
    share: float
    low: Cloud
    high: Cloud


def _genus(name: str, share: float, **bounds: tuple[float, float]) -> Genus:
    low, high = ([pair[end] for pair in bounds.values()] for end in (0, 1))
    return Genus(name, share, Cloud(*low), Cloud(*high))


GENERA: dict[str, tuple[Genus, ...]] = {
    "cloudy": (
        _genus(
            "stratus", 0.14, cover=(1, 1), scale=(0.4, 1), stretch=(1, 3), billow=(0, 0.3), warp=(0.3, 1),
            softness=(1, 2), opacity=(0.97, 1), relief=(0.2, 0.8), gloom=(0.85, 1), gap=(0, 0),
        ),
        _genus(
            "stratocumulus", 0.28, cover=(0.8, 1), scale=(0.4, 1.1), stretch=(1, 3), billow=(0.2, 0.6), warp=(0.2, 1),
            softness=(0.4, 1.2), opacity=(0.93, 1), relief=(0.8, 2), gloom=(0.3, 0.9), gap=(0, 1),
        ),
        _genus(
            "cumulonimbus", 0.23, cover=(0.86, 1), scale=(0.25, 0.7), stretch=(1, 2), billow=(0.2, 0.6), warp=(0.3, 1),
            softness=(0.4, 1), opacity=(0.97, 1), relief=(1.4, 3), gloom=(0.6, 1), gap=(0, 2),
        ),
        _genus(
            "cumulus", 0.25, cover=(0.75, 0.92), scale=(0.3, 0.9), stretch=(1, 1.5), billow=(0.5, 0.8), warp=(0, 0.6),
            softness=(0.15, 0.5), opacity=(0.95, 1), relief=(0.9, 2.2), gloom=(0, 0.4), gap=(0, 1),
        ),
        _genus(
            "altocumulus", 0.1, cover=(0.76, 0.95), scale=(0.9, 2.2), stretch=(1, 3), billow=(0.5, 0.8), warp=(0.2, 1),
            softness=(0.5, 1.2), opacity=(0.8, 1), relief=(0.5, 1.3), gloom=(0, 0.4), gap=(0, 0),
        ),
    ),
    "sunny": (
        _genus(
            "none", 0.27, cover=(0, 0), scale=(1, 1), stretch=(1, 1), billow=(0, 0), warp=(0, 0),
            softness=(1, 1), opacity=(1, 1), relief=(0, 0), gloom=(0, 0), gap=(0, 0),
        ),
        _genus(
            "cumulus", 0.47, cover=(0.05, 0.25), scale=(0.3, 1.2), stretch=(1, 1.5), billow=(0.5, 0.8), warp=(0, 0.6),
            softness=(0.15, 0.5), opacity=(0.92, 1), relief=(0.7, 1.6), gloom=(0, 0.15), gap=(-2, 0),
        ),
        _genus(
            "altocumulus", 0.08, cover=(0.08, 0.25), scale=(0.8, 2.2), stretch=(1, 3), billow=(0.5, 0.8), warp=(0.2, 1),
            softness=(0.5, 1.2), opacity=(0.6, 0.95), relief=(0.3, 0.9), gloom=(0, 0.1), gap=(0, 0),
        ),
        _genus(
            "cirrus", 0.18, cover=(0.08, 0.25), scale=(0.3, 0.9), stretch=(2, 6), billow=(0, 0.2), warp=(0.5, 2),
            softness=(1, 2.2), opacity=(0.35, 0.85), relief=(0, 0.3), gloom=(0, 0), gap=(0, 0),
        ),
    ),
}  # fmt: skip


def draw_cloud(rng: Generator, name: str, heaps: float, label_noise: float) -> tuple[str, Cloud]:
    """The genus and the layer of a photograph of class ``name``.

    A share ``label_noise`` of them has a cover between 2 and 6 oktas, where an observer says cloudy with a probability
    that rises evenly from 0 to 1, and says sunny rather where the sun shines.
    """
    unsure, between, shine = rng.uniform() < label_noise, 0.5 * math.sqrt(rng.uniform()), rng.uniform(-0.3, 1)
    genera = GENERA[name]
    if unsure:
        genera = tuple(genus for genus in genera if genus.name not in ("none", "stratus", "cumulonimbus"))
    shares = np.array([genus.share * (heaps if genus.name == "cumulus" else 1.0) for genus in genera])
    chosen = genera[int(rng.choice(len(genera), p=shares / shares.sum()))]
    cloud = Cloud(*(rng.uniform(a, b) for a, b in zip(chosen.low[:-1], chosen.high[:-1], strict=True)))
    if unsure:
        cover, shine = (0.25 + between, -shine) if name == "cloudy" else (0.75 - between, shine)
        cloud = cloud._replace(cover=cover, shine=3 * shine)
    return chosen.name, cloud
