"""What a result is worth in photographs: pooled training's learning curve, and where on it the others lie.

Pooled training on growing numbers of photographs gives the curve's points. Between them it is taken to rise, and else
to have no form: the points' isotonic regression (Ayer et al. 1955, Annals of Mathematical Statistics 26), and straight
lines over the logarithm of the number between them. A power law would also tell of numbers beyond the last point, but
curves of small data need not follow one (Viering and Loog 2023, The Shape of Learning Curves, IEEE TPAMI 45).

The curve at n photographs is a weighted sum of the pooled groups' means, so that a group's difference from it has the
report's interval (crossed.py). A group's number of photographs is where the curve first is as high as the group; its
95 % interval holds all n from which the group is not shown to differ (inverted tests, as Fieller 1954). Beyond the
points nothing is known: more than all of them, or fewer than the fewest.
"""

import json
import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from fedsky.history import POOLED

from . import crossed
from .entries import entries_together
from .family import EQUAL, Floats
from .groups import PART, ComparableGroups, Group

FEWEST = 3  # points of a curve
STEPS = 400  # numbers of photographs that are tried, evenly by their logarithm


@dataclass(frozen=True)
class Curve:
    """Pooled groups by their number of training photographs, ascending; at least FEWEST of them in a whole curve.

    numbers: [points], means over runs; means: their balanced accuracy on the test photographs that all of them judged;
    ends: [points, 2], the means' intervals, each by itself, over photographs and runs; NaN where unknown.
    """

    groups: list[Group]
    numbers: Floats
    context: str
    means: Floats
    ends: Floats

    def weights(self, means: Floats, at: Floats) -> Floats:
        """The curve at some numbers of photographs as weights of the points' means: [numbers, points]."""
        blocks = np.asarray(isotonic_regression(means).blocks)
        block = np.searchsorted(blocks, np.arange(len(means)), side="right")
        level = (block[:, None] == block) / np.bincount(block)[block][:, None]
        logs = np.log(self.numbers)
        return np.stack([np.interp(np.log(at), logs, column) for column in level.T], axis=1)


@dataclass(frozen=True)
class Place:
    """Where a group lies on a curve, in photographs.

    number: inf above the curve, 0 below it; low and high: ends of the interval, None where it goes on beyond the
    points; apart: whether it is shown to lie beyond all of them; largest: the photographs of the largest owner.
    """

    group: Group
    accuracy: float
    number: float
    low: float | None
    high: float | None
    apart: bool
    largest: float


def photographs_of(group: Group) -> float:
    """The training photographs of a pooled group, of others those of the largest owner: a mean over runs."""
    counts = []
    for result in group.results.values():
        train = result.partition[result.partition["part"] == "train"].groupby("client")["count"].sum()
        own = train.sum() if group.owners is None else train.reindex(group.owners).sum()
        pooled = own if group.photographs is None else min(group.photographs, own)
        counts.append(pooled if group.role == POOLED else train.max())
    return float(np.mean(counts))


def curves(kind: ComparableGroups) -> list[Curve]:
    """The learning curves of a kind: groups of pooled training that differ in nothing but their photographs."""
    found: dict[str, list[Group]] = {}
    for group in kind.every:
        if group.role == POOLED:
            rest = {key: value for key, value in group.settings.items() if key not in PART}
            found.setdefault(json.dumps([group.strategy, rest], sort_keys=True, default=str), []).append(group)
    told = []
    for groups in found.values():
        by_number = {photographs_of(group): group for group in groups}  # of two of one size the later
        numbers = sorted(number for number in by_number if number > 0)
        if len(numbers) > 1:
            ordered = [by_number[number] for number in numbers]
            if (entries := entries_together(ordered)) is not None:
                moments = crossed.moments(entries)
                ends = [moments.difference(each).interval or (math.nan, math.nan) for each in np.eye(len(ordered))]
                told.append(Curve(ordered, np.array(numbers), ordered[0].context, moments.means, np.array(ends)))
    return told


def places(kind: ComparableGroups, curve: Curve) -> list[Place]:
    """Where the federations, and the owners alone, of a curve's settings lie on it."""
    others = [
        group for group in kind.groups if (group.is_federated or group.is_alone) and group.context == curve.context
    ]
    found = [place(curve, group) for group in others] if len(curve.groups) >= FEWEST else []
    return [each for each in found if each is not None]


def place(curve: Curve, group: Group) -> Place | None:
    """Where a group lies on a curve; None where it shares no run with all of the points."""
    entries = entries_together([*curve.groups, group])
    if entries is None:
        return None
    moments = crossed.moments(entries)
    points, accuracy = moments.means[:-1], float(moments.means[-1])
    tried = np.geomspace(curve.numbers[0], curve.numbers[-1], STEPS)
    weights = curve.weights(points, tried)
    heights = weights @ points
    number = _first(tried, heights, accuracy)
    kept = []
    for each in weights:
        difference = moments.difference(np.append(-each, 1.0))
        ends = difference.interval or (difference.value, difference.value)
        kept.append(ends[0] <= 0 <= ends[1])
    inside = np.flatnonzero(kept)
    low = high = None
    if len(inside):
        low = float(tried[inside[0]]) if inside[0] > 0 else None
        high = float(tried[inside[-1]]) if inside[-1] < STEPS - 1 else None
    return Place(group, accuracy, number, low, high, not len(inside), photographs_of(group))


def _first(tried: Floats, heights: Floats, accuracy: float) -> float:
    """The first number at which the curve is as high; inf where it never is, 0 where it starts above."""
    if heights[-1] < accuracy - EQUAL:
        return math.inf
    if heights[0] > accuracy + EQUAL:
        return 0.0
    after = int(np.argmax(heights >= accuracy - EQUAL))
    if after == 0:
        return float(tried[0])
    a, b = heights[after - 1], heights[after]
    share = (accuracy - a) / (b - a)
    return float(tried[after - 1] * (tried[after] / tried[after - 1]) ** share)
