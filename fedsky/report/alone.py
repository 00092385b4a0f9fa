"""An owner by itself: whether all together are better than the best of them, and what one would need to be as good.

The best owner is the one whose model does best on the test photographs of everybody. Where coalitions of one owner were
run, single photographs tell; else it is the owners' own models of training alone, of which a run keeps the accuracy on
all photographs. All owners are compared at once, as which of them is best is seen in the same data: the difference from
the best is the smallest of the differences, and lies between the smallest of the lower and of the upper ends.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fedsky.language import _

from . import learning, statistics, story
from .comparisons import compare_pairs
from .family import EQUAL, apart
from .groups import PART, ComparableGroups, Group, repetitions
from .learning import FEWEST, Curve, Place
from .statistics import Estimate
from .words import fixed

OWN = "pooled_balanced_accuracy"  # of an owner's own model, on the test photographs of all


@dataclass(frozen=True)
class Best:
    """A federation minus the best of ``num`` owners on everybody's photographs, a fraction of balanced accuracy.

    by_photograph: whether single photographs tell, else the runs' results alone; splits: how many.
    """

    federated: Group
    owner: str
    num: int
    difference: Estimate
    by_photograph: bool
    splits: int


def sentences(kind: ComparableGroups) -> list[str]:
    """The best federation of each context against the best owner, and how many photographs one owner would need.

    A strategy that leaves every owner a model of its own has none for everybody's photographs: it is not asked.
    """
    told = []
    for groups in kind.contexts.values():
        order = [group for group in story.best(groups) if math.isnan(group.own_models_on_all_images())]
        if order:
            found = best(kind, order[0])
            told += [best_words(found)] if found else []
            for curve in learning.curves(kind):
                if len(curve.groups) >= FEWEST:
                    places = learning.places(kind, curve)
                    told += [need_words(curve, place) for place in places if place.group is order[0]]
    return list(filter(None, told))


def best(kind: ComparableGroups, federated: Group) -> Best | None:
    """A federation against the best of its owners; None where no run tells of single owners on all photographs."""
    return _by_coalitions(kind, federated) or _by_models(kind, federated)


def _by_coalitions(kind: ComparableGroups, federated: Group) -> Best | None:
    single: dict[int, Group] = {}
    for group in kind.every:
        alike = group.strategy == federated.strategy and _whole(group) == _whole(federated)
        if alike and group.is_coalition and isinstance(group.owners, list) and len(group.owners) == 1:
            single[group.owners[0]] = group
    if len(single) < 2 or len(single) != federated.settings.get("num_clients"):
        return None
    pairs = compare_pairs([(federated, group) for group in single.values()])
    known = [each.difference for each in pairs if each.difference is not None]
    if len(known) < len(pairs):
        return None
    place, difference = _least(known)
    names = next(iter(federated.results.values())).owners["name"]
    owner = str(names.get(list(single)[place], list(single)[place]))
    return Best(federated, owner, len(single), difference, True, min(each.splits for each in pairs))


def _whole(group: Group) -> dict[str, Any]:
    """A group's settings but who takes part."""
    return {key: value for key, value in group.settings.items() if key not in PART}


def _by_models(kind: ComparableGroups, federated: Group) -> Best | None:
    alone = next((group for group in kind.groups if group.is_alone and group.context == federated.context), None)
    reached = federated.finals("balanced_accuracy")
    keys = [key for key in reached if alone is not None and key in alone.results]
    if alone is None or not keys:
        return None
    if not str(federated.settings.get("partition._target_")).endswith("natural"):  # each data_seed has other owners
        cuts = [key[1] for key in keys]
        keys = [key for key in keys if key[1] == max(cuts, key=lambda cut: (cuts.count(cut), -cuts.index(cut)))]
    owners = [alone.results[key].owners for key in keys]
    clients = [
        client
        for client in owners[0].index
        if all(client in each.index and each[OWN].get(client) == each[OWN].get(client) for each in owners)
    ]
    if len(clients) < 2 or len(clients) != len(owners[0]):
        return None
    repeated = repetitions({key: alone.results[key] for key in keys})
    units = [repeated.of[key] for key in keys]
    differences = []
    for client in clients:
        theirs = [float(each[OWN][client]) for each in owners]
        each_minus = [ours - own for ours, own in zip([reached[key] for key in keys], theirs, strict=True)]
        differences.append(statistics.paired_difference(each_minus, units, repeated.shared))
    family = apart([each.freedom for each in differences if each.error is not None])
    estimates = []
    for each in differences:
        low, high, _p = family.told(each) or (None, None, None)
        estimates.append(Estimate(each.value, low, high, len(keys)))
    place, estimate = _least(estimates)
    splits = 1 if repeated.unit == "seed" else len(set(units))
    return Best(federated, str(owners[0]["name"][clients[place]]), len(clients), estimate, False, splits)


def _least(found: Sequence[Estimate]) -> tuple[int, Estimate]:
    """Which difference is the smallest, and the interval of the smallest; none where one of them has none."""
    place = min(range(len(found)), key=lambda number: found[number].value)
    lows, highs = [each.low for each in found if each.low is not None], [e.high for e in found if e.high is not None]
    low, high = (min(lows), min(highs)) if len(lows) == len(found) else (None, None)
    return place, Estimate(found[place].value, low, high, found[place].n, photographs=found[place].photographs)


def best_words(found: Best) -> str:
    """Better than the best owner? One sentence."""
    value, low, high = found.difference.value, found.difference.low, found.difference.high
    names = {"label": found.federated.label, "owner": found.owner, "n": found.num, "points": fixed(100 * abs(value))}
    if value >= 0:
        said = _(
            "On all photographs {label} is {points} points better than {owner}, the best of {n} lone owners", **names
        )
    else:
        said = _(
            "On all photographs {label} is {points} points worse than {owner}, the best of {n} lone owners", **names
        )
    if low is None or high is None:
        return _("{difference}; no interval: {reason}.", difference=said, reason=_("too few runs"))
    interval = _("95 % interval {low} to {high}", low=fixed(100 * low), high=fixed(100 * high))
    if not found.by_photograph:
        interval = (
            _("{interval} over runs alone", interval=interval)
            if found.splits > 1
            else _("{interval} over seeds alone, on these test images", interval=interval)
        )
    return _(
        "{difference} ({interval}): {verdict}. The interval holds for whichever owner is truly the best, so the number "
        "need not stand in its middle.",
        difference=said,
        interval=interval,
        verdict=_("shown") if low > EQUAL or high < -EQUAL else _("not shown"),
    )


def need_words(curve: Curve, place: Place) -> str:
    """How much one owner would need alone to be as good as a federation; nothing where its owners are not known."""
    if place.largest <= 0:
        return ""
    return _(
        "One owner alone would need {number} photographs to be as good as {group}, by pooled training's learning "
        "curve; that is {times} times the {n} that the largest owner has.",
        group=place.group.label,
        number=worth(curve, place),
        n=f"{place.largest:.0f}",
        times=worth(curve, place, place.largest, 1),
    )


def worth(curve: Curve, place: Place, unit: float = 1.0, digits: int = 0) -> str:
    """The number of photographs with its interval, in units of so many."""
    few, many, number = (fixed(each / unit, digits) for each in (curve.numbers[0], curve.numbers[-1], place.number))
    low, high = (fixed(each / unit, digits) if each else "" for each in (place.low, place.high))
    if math.isinf(place.number):
        number = _("more than {n}", n=many)
    elif not place.number:
        number = _("fewer than {n}", n=few)
    if place.apart:
        return number
    if low and high:
        return _("{value} ({low} to {high})", value=number, low=low, high=high)
    if low:
        return _("{value} (at least {n})", value=number, n=low)
    if high:
        return _("{value} (at most {n})", value=number, n=high)
    return _("{value} (open: none from {few} to {many} is ruled out)", value=number, few=few, many=many)
