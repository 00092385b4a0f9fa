"""What each owner is worth, from runs of coalitions: the federations that a part of the owners would be by themselves.

A coalition's worth is its balanced accuracy on the test photographs of all owners, and that of no owner is a guess's,
1 / classes. An owner's Shapley value (shapley.py) is a weighted sum of such worths, so that the report's interval of a
difference is one of it too: photographs, splits and seeds are in it, and what sampled orders leave open is added.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fedsky.language import _
from fedsky.untrusted import printable

from . import crossed, shapley
from .crossed import Moments
from .entries import entries_together, judged
from .family import EQUAL, Difference, Family, Floats, apart
from .groups import PART, ComparableGroups, Group
from .shapley import Coalition
from .statistics import Estimate

FEWEST = 2  # owners of a federation
MOST_LISTED = 1000  # coalitions in a command


@dataclass(frozen=True)
class Game:
    """Groups alike in all but who takes part. known: the group of each coalition that has finished runs."""

    whole: Group | None
    known: dict[Coalition, Group]
    num_owners: int

    @property
    def label(self) -> str:
        """What the federation is called, whoever takes part."""
        one = self.whole or next(iter(self.known.values()))
        return one.label if self.whole else one.strategy

    @property
    def everyone(self) -> Coalition:
        return frozenset(range(self.num_owners))


@dataclass(frozen=True)
class Worth:
    """What an owner is worth, in fractions of accuracy; None where runs for it are missing.

    photographs: its training images, a mean over runs; shapley: its share of what the federation is better than a
    guess; loss: of the others, on their test photographs, without it; gain: its own, on its own, by not being alone.
    """

    owner: int
    name: str
    photographs: float
    shapley: Estimate | None
    loss: Estimate | None
    gain: Estimate | None


@dataclass(frozen=True)
class Found:
    """The owners' worth, the highest Shapley value first. total: what these add up to; missing: a line, or empty.

    guess: the accuracy of a guess; orders: how many were sampled, 0 where the values are exact; last: the owner whose
    value is shown to be below that of each other, of exact values.
    """

    game: Game
    worths: list[Worth]
    total: float = math.nan
    guess: float = math.nan
    runs: int = 0
    photographs: int = 0
    orders: int = 0
    last: int | None = None
    missing: str = ""


def games(kind: ComparableGroups) -> list[Game]:
    """The federations of a kind of which coalitions were run."""
    found: dict[str, dict[Coalition, Group]] = {}
    for group in kind.every:
        num = group.settings.get("num_clients")
        if not (group.is_coalition or group.is_federated) or type(num) is not int:
            continue
        rest = {key: value for key, value in group.settings.items() if key not in PART}
        identity = json.dumps([group.strategy, rest], sort_keys=True, default=str)
        owners = range(num) if group.owners is None else group.owners
        if isinstance(owners, list | range) and all(type(owner) is int and 0 <= owner < num for owner in owners):
            found.setdefault(identity, {})[frozenset(owners)] = group
    told = []
    for known in found.values():
        num = int(next(iter(known.values())).settings["num_clients"])
        if num >= FEWEST and any(group.is_coalition for group in known.values()):
            told.append(Game(known.get(frozenset(range(num))), known, num))
    return told


def find(game: Game) -> Found:
    """What each owner of a federation is worth, as far as its runs tell."""
    usable = _together(game)
    design = shapley.design(game.num_owners, usable)
    owners = sorted(game.everyone)
    losses = told_together([_loss(game, owner) for owner in owners])
    gains = told_together([_gain(game, owner) for owner in owners])
    values: list[Estimate | None] = [None] * len(owners)
    total = guess = math.nan
    runs = photographs = orders = 0
    last = None
    if design is not None:
        entries = entries_together([usable[each] for each in design.coalitions])
        assert entries is not None  # _together has seen to it
        moments = crossed.moments(entries)
        guess = 1 / len(np.unique(entries.strata))
        total = float(moments.means[list(design.coalitions).index(game.everyone)]) - guess
        orders = 0 if design.pairs is None else 2 * len(design.pairs)
        sampled = design.sampling(moments.means)
        differences = _values(design, moments, guess, sampled)
        family = moments.family(differences, design.weights, [sampled] if orders else [])
        runs = len(np.unique(np.stack([entries.split, entries.run]), axis=1).T)
        photographs = len(np.unique(entries.photograph))
        values = [*_intervals(differences, family, runs, photographs)]
        last = _last(design, moments, [each.value for each in differences])
    worths = [Worth(owner, *_about(game, owner), values[owner], losses[owner], gains[owner]) for owner in owners]
    worths.sort(key=lambda each: (-each.shapley.value if each.shapley else 0.0, each.owner))
    missing = "" if design is not None and not any(each is None for each in losses + gains) else _missing(game, usable)
    return Found(game, worths, total, guess, runs, photographs, orders, last, missing)


def _together(game: Game) -> dict[Coalition, Group]:
    """The coalitions that may be set side by side: those with a run that the most of them have too."""
    counts: dict[object, int] = {}
    for group in game.known.values():
        for key in judged(group):
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        return {}
    most = max(counts, key=lambda key: counts[key])
    return {each: group for each, group in game.known.items() if most in judged(group)}


def _values(design: shapley.Design, moments: Moments, guess: float, sampled: tuple[Floats, float]) -> list[Difference]:
    """Each owner's value; the error that sampled orders leave is added to that of photographs and runs."""
    variances, freedom = np.diag(sampled[0]), sampled[1]
    found = []
    for weights, variance in zip(design.weights, variances, strict=True):
        one = moments.difference(weights)
        spread = one.error
        both = one.freedom
        if spread is not None and variance > 0:
            a, b = spread**2, float(variance)
            spread, both = math.sqrt(a + b), (a + b) ** 2 / (a**2 / one.freedom + b**2 / freedom)
        found.append(Difference(one.value - guess / len(variances), spread, both))
    return found


def _last(design: shapley.Design, moments: Moments, values: Sequence[float]) -> int | None:
    """The owner whose value is shown to be below that of each other, among all pairs of owners; None where none is."""
    pairs = list(combinations(range(len(values)), 2))
    contrasts = np.stack([design.weights[first] - design.weights[second] for first, second in pairs])
    if design.pairs is not None or not len(pairs):
        return None
    differences = [moments.difference(contrast) for contrast in contrasts]
    family = moments.family(differences, contrasts)
    lowest = int(np.argmin(values))
    for (first, second), difference in zip(pairs, differences, strict=True):
        if lowest in (first, second):
            told = family.told(difference)
            if told is None or (told[1] >= -EQUAL if first == lowest else told[0] <= EQUAL):
                return None
    return lowest


def _loss(game: Game, owner: int) -> tuple[Difference, int, int] | None:
    """What the others have more with the owner than without it, on their own test photographs."""
    without = game.known.get(game.everyone - {owner})
    return difference_on(game.whole, without, [each for each in game.everyone if each != owner], "balanced_accuracy")


def _gain(game: Game, owner: int) -> tuple[Difference, int, int] | None:
    """What the owner has more with the others than alone, on its own test photographs, every one counting alike."""
    return difference_on(game.whole, game.known.get(frozenset({owner})), [owner], "accuracy")


def difference_on(
    first: Group | None, second: Group | None, clients: Sequence[int], metric: str
) -> tuple[Difference, int, int] | None:
    """The difference of two groups on the test photographs of some owners, with its numbers of runs and photographs.

    None where they have no photographs in common, of which both were judged.
    """
    if first is None or second is None or not judged(first) & judged(second):
        return None
    entries = entries_together([first, second], metric, clients)
    if entries is None:
        return None
    runs = len(np.unique(np.stack([entries.split, entries.run]), axis=1).T)
    return crossed.moments(entries).difference(np.array([1.0, -1.0])), runs, len(np.unique(entries.photograph))


def told_together(found: Sequence[tuple[Difference, int, int] | None]) -> list[Estimate | None]:
    """Estimates whose intervals hold together, as if independent: they rest on other photographs each."""
    family = apart([each[0].freedom for each in found if each is not None and each[0].error is not None])
    return [each and _intervals([each[0]], family, each[1], each[2])[0] for each in found]


def _intervals(found: Sequence[Difference], family: Family, runs: int, photographs: int) -> list[Estimate]:
    told = ((each.value, *((family.told(each) or (None, None, None))[:2])) for each in found)
    return [Estimate(value, low, high, runs, photographs=photographs) for value, low, high in told]


def _about(game: Game, owner: int) -> tuple[str, float]:
    """An owner's name and its number of training photographs."""
    group = game.whole or next(iter(game.known.values()))
    results = list(group.results.values())
    names = next(iter(results)).owners["name"]
    counts: Floats = np.array(
        [
            each.partition.loc[(each.partition["client"] == owner) & (each.partition["part"] == "train"), "count"].sum()
            for each in results
        ],
        dtype=float,
    )
    return str(names.get(owner, owner)), float(counts.mean())


def _missing(game: Game, usable: dict[Coalition, Group]) -> str:
    """Which coalitions have no run beside the others, and the command that adds them."""
    planned = shapley.planned(game.num_owners)
    lacking = [each for each in planned if each not in usable]
    if not lacking:
        return _("Not every coalition has what single test photographs were taken for.")
    elsewhere = sum(each in game.known for each in lacking)
    numbers = ",".join(str(sum(1 << owner for owner in each)) for each in lacking[:MOST_LISTED])
    said = _(
        "{n} of {all} coalitions have no finished run on the test photographs of the others",
        n=len(lacking),
        all=len(planned),
    )
    if elsewhere:
        said += " " + _("({n} have runs on others)", n=elsewhere)
    return said + ". " + _("This adds them: {command}", command=_command(game, numbers))


def _command(game: Game, numbers: str) -> str:
    """The command of a run that is there, for other coalitions."""
    group = game.whole or next(iter(game.known.values()))
    result = next(iter(group.results.values()))
    command = printable(result.run.info.get("command") or "python -m fedsky", 1000)
    command = re.sub(r"""\s'?[+]*(strategy\.owners|hydra\.\w+\.dir)=('[^']*'|[^\s']*)'?""", "", command)
    program, _fedsky, rest = command.partition("fedsky")
    several = "" if re.search(r"(^|\s)(-m|--multirun)(\s|$)", rest) else " -m"
    return f"{program}fedsky{several}{rest} ++strategy.owners={numbers}"
