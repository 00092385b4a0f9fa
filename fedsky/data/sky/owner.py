"""Whose photograph it is: an owner has one camera and lives in one climate.

Without owners every photograph has a camera and a climate of its own, drawn from the whole of `ANYONE`.
"""

from typing import Any, NamedTuple

import numpy as np


class Span(NamedTuple):
    """What is drawn uniformly between two bounds."""

    low: float
    high: float

    def at(self, share: float) -> float:
        """The value a share, 0 to 1, of the way."""
        return self.low + (self.high - self.low) * share

    def part(self, share: float, width: float) -> "Span":
        """A part of so relative a ``width``, its beginning a ``share`` of what is left of the way."""
        start = share * (1 - width)
        return Span(self.at(start), self.at(start + width))


class Owner(NamedTuple):
    """A camera, and the air and the country before it."""

    fov: Span  # angle of view in degrees
    exposure: Span  # stops over or under what the meter says
    warmth: Span  # white balance: red against blue
    tint: Span  # green against both
    saturation: Span
    contrast: Span
    clarity: Span  # contrast of each place against its surroundings
    vignette: Span  # how much darker the corners are
    blur: Span  # pixels
    noise: Span  # of the sensor
    quality: Span  # of the JPEG
    turbidity: Span
    grounds: tuple[float, ...] | None  # the shares of GROUNDS; None: as they are there
    heaps: float  # how much more often than elsewhere clouds are heaps rather than decks and veils
    veil: tuple[float, float] = (0.0, 0.0)  # white light that lens and air lay over all of the picture, of its white


ANYONE = Owner(
    fov=Span(40, 80),
    exposure=Span(-1.2, 0.3),
    warmth=Span(-0.13, 0.13),
    tint=Span(-0.03, 0.03),
    saturation=Span(0.8, 2.1),
    contrast=Span(0.0, 1.2),
    clarity=Span(0.0, 0.8),
    vignette=Span(0.0, 0.4),
    blur=Span(0.0, 0.8),
    noise=Span(0.002, 0.015),
    quality=Span(60, 96),
    turbidity=Span(2.0, 5.5),
    grounds=None,
    heaps=1.0,
)
_WIDTH = 0.25  # how much of a span one owner has


# What can be wrong with a camera, beside nothing: of each fault the spans that take the place of ANYONE's.
FAULTS: dict[str, dict[str, Span | tuple[float, float]]] = {
    "none": {},
    "dim": {"exposure": Span(-3.2, -1.6), "saturation": Span(0.5, 1.4), "noise": Span(0.01, 0.04)},
    "grey": {"saturation": Span(0.1, 0.5), "contrast": Span(0.0, 0.6)},
    "hazy": {"veil": (0.15, 0.55), "saturation": Span(0.5, 1.2), "contrast": Span(0.0, 0.3)},
    "burnt out": {"exposure": Span(0.5, 1.8), "veil": (0.0, 0.15), "saturation": Span(0.4, 1.4)},
    "tinted": {"warmth": Span(-0.35, 0.35), "tint": Span(-0.12, 0.12)},
}


def with_fault(owner: Owner, key: tuple[int, ...]) -> Owner:
    """The owner with a camera that has one of the faults, or none, as ``key`` draws it."""
    rng = np.random.default_rng((*key, 2))  # photographs have (seed, index), owners (seed, number, 1)
    changed: dict[str, Any] = FAULTS[[*FAULTS][rng.integers(len(FAULTS))]]
    return owner._replace(**changed)


def draw_owner(seed: int, number: int, num_grounds: int) -> Owner:
    """Owner ``number`` of the drawings of ``seed``: a quarter of every span, two kinds of country, one weather."""
    rng = np.random.default_rng((seed, number, 1))  # photographs have (seed, index)
    spans = {
        name: span.part(rng.uniform(), _WIDTH) for name, span in ANYONE._asdict().items() if isinstance(span, Span)
    }
    grounds = np.full(num_grounds, 0.02)
    grounds[rng.choice(num_grounds, 2, replace=False)] += 0.5
    shares = tuple((grounds / grounds.sum()).tolist())
    return ANYONE._replace(**spans, grounds=shares, heaps=float(4 ** rng.uniform(-1, 1)))
