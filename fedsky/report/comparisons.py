"""Two groups of a kind against each other, each difference estimated once, and what an owner gains by joining.

The comparisons that a report exists for are planned: each federated group against training alone and against pooled
training, its other settings alike. They are one family, whose intervals hold together. All other pairs are a second
family, and exploratory.
"""

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fedsky.history.columns import COLUMNS
from fedsky.language import _

from . import crossed
from .differences import PAIRED, SAME, Found, differences, found_in, together
from .entries import entries_by_owner, entries_of
from .family import EQUAL
from .groups import MARGIN, ComparableGroups, Group
from .statistics import Estimate

# Beyond this many groups a pair is compared only where nothing but the strategy differs.
MANY = 30
PLANNED, EXPLORATORY = "planned", "exploratory"
# What a difference comes to. Within: the interval lies within the margin, so that the two are equally good for whoever
# chose it: two one-sided tests, Schuirmann (1987), J. Pharmacokinetics and Biopharmaceutics 15. At 95 % of all of a
# family's intervals, and not the 90 % of each that the tests would need.
BETTER, WORSE, WITHIN, OPEN, UNKNOWN = "better", "worse", "within", "open", "unknown"


@dataclass(frozen=True)
class Comparison:
    """first minus second in the last round's metric (a fraction, or a loss), with what it rests on.

    difference: its interval and p-value hold among all of the ``size`` comparisons of its family; None where the two
    share no run. by_photograph: whether it is estimated from single photographs, else from the runs' results alone.
    splits: how many there are; seeds: of one split, at most; reason: why there is no interval; pairing: whether the two
    judged the same photographs (PAIRED, OVER_FOLDS, PARTLY, UNPAIRED).
    """

    first: Group
    second: Group
    difference: Estimate | None
    metric: str = "balanced_accuracy"
    family: str = EXPLORATORY
    size: int = 1
    margin: float = MARGIN
    by_photograph: bool = True
    splits: int = 0
    seeds: int = 0
    reason: str = ""
    pairing: str = PAIRED

    @property
    def verdict(self) -> str:
        """What the difference comes to for the first: BETTER, WORSE, WITHIN, OPEN, SAME or UNKNOWN."""
        estimate = self.difference
        if estimate is None:
            return UNKNOWN
        if estimate.low is None or estimate.high is None:
            return SAME if self.reason == SAME else UNKNOWN
        if estimate.low > EQUAL or estimate.high < -EQUAL:
            return BETTER if (estimate.low > 0) == COLUMNS[self.metric].is_fraction else WORSE
        return WITHIN if self.is_within else OPEN

    @property
    def is_shown(self) -> bool:
        """Whether one of the two is shown to be better."""
        return self.verdict in (BETTER, WORSE)

    @property
    def is_within(self) -> bool:
        """Whether the whole interval lies within the margin."""
        known = self.difference
        if not COLUMNS[self.metric].is_fraction or known is None or known.low is None or known.high is None:
            return False
        return -self.margin < known.low and known.high < self.margin


@dataclass(frozen=True)
class Joining:
    """What a federated group gains over alone, how it differs from pooled, and the share of that gap it closes."""

    federated: Group
    gain: Comparison | None
    pooled: Comparison | None
    share: Estimate | None


def compare(first: Group, second: Group, metric: str = "balanced_accuracy") -> Comparison:
    """The difference of two groups, a family of its own."""
    return compare_pairs([(first, second)], metric)[0]


def compare_pairs(
    pairs: Sequence[tuple[Group, Group]],
    metric: str = "balanced_accuracy",
    family: str = EXPLORATORY,
    margin: float = MARGIN,
) -> list[Comparison]:
    """The differences of several pairs as one family."""
    return _told(pairs, differences(pairs, metric), metric, family, margin)


def _told(
    pairs: Sequence[tuple[Group, Group]],
    found: Sequence[Found | None],
    metric: str,
    family: str = EXPLORATORY,
    margin: float = MARGIN,
) -> list[Comparison]:
    """Comparisons with the intervals and p-values that hold among all of them."""
    tested = [number for number, each in enumerate(found) if each is not None and each.difference.error is not None]
    family_of = together([each for number in tested if (each := found[number]) is not None])
    told: list[Comparison] = []
    for (first, second), each in zip(pairs, found, strict=True):
        if each is None:
            told.append(Comparison(first, second, None, metric, family, len(tested), margin))
            continue
        low, high, p = family_of.told(each.difference) or (None, None, None)
        estimate = Estimate(each.difference.value, low, high, each.runs, each.splits, each.photographs, p)
        known = each.moments is not None, each.splits, each.seeds, each.reason, each.pairing
        told.append(Comparison(first, second, estimate, metric, family, len(tested), margin, *known))
    return told


def by_owner(first: Group, second: Group) -> dict[int, Comparison]:
    """The difference of accuracy on each owner's own test photographs, by client; all owners are one family."""
    found: dict[int, Found] = {}
    for client, entries in entries_by_owner([first, second]).items():
        contrast = np.array([1.0, -1.0])
        found[int(client)] = found_in([entries], crossed.moments(entries), contrast)
    return dict(zip(found, _told([(first, second)] * len(found), list(found.values()), "accuracy"), strict=True))


def planned_pairs(kind: ComparableGroups) -> list[tuple[Group, Group]]:
    """Each federated group with training alone and with pooled training of its context, in the page's order."""
    found = []
    for groups in kind.contexts.values():
        against = [each for each in (_alone(groups), _pooled(groups)) if each is not None]
        found += [(group, other) for group in groups if group.is_federated for other in against]
    return found


def _alone(groups: Sequence[Group]) -> Group | None:
    return next((group for group in groups if group.is_alone), None)


def _pooled(groups: Sequence[Group]) -> Group | None:
    return next((group for group in groups if group.is_pooled), None)


def pairs_of(kind: ComparableGroups, baseline: str | None = None) -> list[tuple[Group, Group]]:
    """The pairs to compare: each group with its baseline, or those that differ in their strategy or in their settings.

    Groups that differ in both are no pair, as nobody could say what makes the difference; of more than MANY groups only
    those that differ in their strategy are. The later of the page's order stands first, a federated group before
    pooled training. Coalitions of one federation are no pairs: coalitions.py tells of them.
    """
    if baseline is not None:
        against = ((group, baseline_of(group, kind.groups, baseline)) for group in kind.groups)
        return [(group, other) for group, other in against if other is not None and other is not group]
    groups = [group for group in kind.groups if not group.is_coalition]
    found = [
        (first, second)
        for first, second in combinations(groups, 2)
        if first.context == second.context or (len(kind.groups) <= MANY and _varied(first) == _varied(second))
    ]
    return [(first, second) if first.is_federated and second.is_pooled else (second, first) for first, second in found]


def _varied(group: Group) -> str:
    """What of a group is not a setting; nothing where settings alone make the groups."""
    return "" if group.label == group.context else group.variant


def baseline_of(group: Group, groups: Sequence[Group], name: str) -> Group | None:
    """The group of that name, or else the one of that strategy whose other settings are this group's."""
    exact = [other for other in groups if other.label == name]
    alike = [other for other in groups if other.strategy == name and other.context == group.context]
    return next(iter(exact or alike), None)


def check_baseline(kinds: Sequence[ComparableGroups], name: str) -> None:
    """ValueError, with near matches, if no group has that name or strategy."""
    names = {known for kind in kinds for group in kind.groups for known in (group.label, group.strategy)}
    if name not in names:
        near = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.5) or sorted(names)[:5]
        told = _("baseline={name} is not a group's label: choose {names}", name=name, names=" / ".join(near))
        raise ValueError(told)


def planned(kind: ComparableGroups, metric: str = "balanced_accuracy") -> list[Comparison]:
    """The planned comparisons of a kind; computed once."""
    if (PLANNED, metric) not in kind.compared:
        kind.compared[PLANNED, metric] = compare_pairs(planned_pairs(kind), metric, PLANNED, kind.margin)
    found: list[Comparison] = kind.compared[PLANNED, metric]
    return found


def compare_all(
    kind: ComparableGroups, baseline: str | None = None, metric: str = "balanced_accuracy"
) -> list[Comparison]:
    """The comparisons that a page shows, those that were planned first; each is computed once."""
    first = {frozenset((each.first, each.second)): each for each in planned(kind, metric)}
    pairs = pairs_of(kind, baseline)
    if (baseline, metric) not in kind.compared:
        others = [pair for pair in pairs if frozenset(pair) not in first]
        kind.compared[baseline, metric] = compare_pairs(others, metric, EXPLORATORY, kind.margin)
    asked = {frozenset(pair) for pair in pairs}
    return [each for key, each in first.items() if key in asked] + list(kind.compared[baseline, metric])


def joining(kind: ComparableGroups) -> list[Joining]:
    """What each federated group gains by joining, those of a context that gain most first; none without a baseline."""
    told = {frozenset((each.first, each.second)): each for each in compare_all(kind)}
    found = []
    for groups in kind.contexts.values():
        alone, pooled = _alone(groups), _pooled(groups)
        own = []
        for group in groups:
            if group.is_federated and (alone or pooled):
                gain, loss = (told[frozenset((group, other))] if other else None for other in (alone, pooled))
                gap = told[frozenset((alone, pooled))] if alone and pooled else None
                own.append(Joining(group, gain, loss, _share(group, gap) if gap else None))
        found += sorted(own, key=_least_gained)
    return found


def _least_gained(each: Joining) -> float:
    told = each.gain or each.pooled
    return -told.difference.value if told and told.difference else math.inf


def _share(federated: Group, gap: Comparison) -> Estimate | None:
    """The share of the gap that a group closes; None where the gap itself is not shown to lie above 0."""
    tables = entries_of([gap.second, federated, gap.first]) if gap.verdict == BETTER else []
    if len(tables) != 1:
        return None
    [(_groups, entries)] = tables
    moments = crossed.moments(entries)
    value, low, high = crossed.share(moments, np.array([-1.0, 1.0, 0.0]), np.array([-1.0, 0.0, 1.0]))
    return Estimate(value, low, high, 0, photographs=len(np.unique(entries.photograph)))
