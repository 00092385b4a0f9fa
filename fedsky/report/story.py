"""The finding in three sentences: who gains, how much, and what it costs.

The page, the terminal, the site and the README tell it from here, so that all say the same number in the same words.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fedsky.language import _

from .comparisons import BETTER, UNKNOWN, WITHIN, WORSE, Comparison, Joining, compare_all, joining
from .differences import SAME
from .groups import ComparableGroups, Group
from .means import mean
from .statistics import Estimate
from .words import REASONS, count, fixed, interval_words, percent


@dataclass(frozen=True)
class Story:
    """What the groups of one context come to. who: who gains, with the interval; level: how high; cost: megabytes.

    context: the settings that hold for it, empty where all groups share them.
    """

    context: str
    who: str
    level: str = ""
    cost: str = ""

    @property
    def sentences(self) -> list[str]:
        return [each for each in (self.who, self.level, self.cost) if each]


@dataclass(frozen=True)
class Gain:
    """How much better a group is than training alone (a fraction of balanced accuracy), with its interval."""

    group: Group
    difference: Estimate


def best(groups: Sequence[Group]) -> list[Group]:
    """The federated groups, the highest mean balanced accuracy first."""
    found = [(estimate.value, group) for group in groups if group.is_federated and (estimate := mean(group))]
    return [group for _value, group in sorted(found, key=lambda pair: -pair[0])]


def stories(kind: ComparableGroups) -> list[Story]:
    """One for each context that has a federated group; where there is none, one that says so."""
    found = {each.federated: each for each in joining(kind)}
    told = []
    for context, groups in kind.contexts.items():
        order = best(groups)
        if order:
            finding = found.get(order[0], Joining(order[0], None, None, None))
            told.append(Story(context, _who(finding, len(order)), _level(finding, groups), _cost(order[0])))
    return told or [Story("", _("No federated run: nothing to say about joining."))]


def gains(kind: ComparableGroups) -> list[Gain]:
    """Each federated group and pooled training against training alone of its context, those that gain most first."""
    found = {frozenset((each.first, each.second)): each for each in compare_all(kind)}
    told = []
    for groups in kind.contexts.values():
        alone = next((group for group in groups if group.is_alone), None)
        own = []
        for group in groups:
            each = found.get(frozenset((group, alone))) if alone else None
            if each is not None and each.difference is not None and (group.is_federated or group.is_pooled):
                own.append(Gain(group, each.difference.scaled(1 if each.first is group else -1)))
        told += sorted(own, key=lambda gain: -gain.difference.value)
    return told


def _who(finding: Joining, many: int) -> str:
    """Whether owners gain by joining, with the number and its interval."""
    group, gain = finding.federated, finding.gain
    if gain is None:
        return _("Whether owners gain by joining is unknown: no finished run of owners alone has the same settings.")
    if gain.difference is None:
        return _("Whether owners gain by joining is unknown: no run of owners alone has the same seed and fold.")
    who = group.label if many == 1 else _("{label}, the best of {n} strategies", label=group.label, n=many)
    told = {"who": who, "apart": _apart(gain.difference), "margin": f"{100 * gain.margin:g}"}
    if gain.verdict == SAME:
        return _("Joining changes nothing: {who} judges every photograph as owners alone do.", who=who)
    if gain.verdict == UNKNOWN:
        return _(
            "Whether owners gain by joining cannot be told yet: in these runs they are {apart} together ({who}), "
            "but that number has no interval: {reason}.",
            who=who,
            apart=told["apart"],
            reason=_(REASONS[gain.reason]),
        )
    told["interval"] = interval_words(gain)
    if gain.by_photograph and gain.splits < 2:
        told["interval"] = _("{interval}, for the trained models of this one split", interval=told["interval"])
    if gain.verdict == BETTER and not gain.is_within:
        return _("Owners gain by joining: together ({who}) they are {apart} ({interval}).", **told)
    if gain.verdict == BETTER:
        return _(
            "Owners gain by joining, but less than {margin} points: together ({who}) they are {apart} ({interval}).",
            **told,
        )
    if gain.verdict == WORSE:
        return _("Owners lose by joining: together ({who}) they are {apart} ({interval}).", **told)
    if gain.verdict == WITHIN:
        return _("Joining changes less than {margin} points: together ({who}) owners are {apart} ({interval}).", **told)
    return _("Whether owners gain by joining is not shown: together ({who}) they are {apart} ({interval}).", **told)


def _apart(difference: Estimate) -> str:
    points = fixed(100 * abs(difference.value))
    if difference.value >= 0:
        return _("{points} points better than alone", points=points)
    return _("{points} points worse than alone", points=points)


def _level(finding: Joining, groups: Sequence[Group]) -> str:
    """How high the federation, training alone and pooling come, and whether pooling is better."""
    levels = [_("{percent} together", percent=_percent(finding.federated))]
    levels += [_("{percent} alone", percent=_percent(group)) for group in groups if group.is_alone]
    levels += [
        _("{percent} with all photographs pooled", percent=_percent(group)) for group in groups if group.is_pooled
    ]
    listed, pooling = _(", ").join(levels), _pooling(finding.pooled)
    if not pooling:
        return _("Balanced accuracy is {levels}.", levels=listed)
    return _("Balanced accuracy is {levels}; {pooling}.", levels=listed, pooling=pooling)


def _percent(group: Group) -> str:
    estimate = mean(group)
    return percent(math.nan if estimate is None else estimate.value)


def _pooling(comparison: Comparison | None) -> str:
    if comparison is None or comparison.verdict == UNKNOWN:
        return ""
    if comparison.verdict == BETTER:
        return _("the federation is shown to be better than pooling")
    if comparison.verdict == WORSE:
        return _("pooling is shown to be better than the federation")
    if comparison.verdict == WITHIN:
        return _(
            "federation and pooling are equally good within {margin} points", margin=f"{100 * comparison.margin:g}"
        )
    if comparison.verdict == SAME:
        return _("federation and pooling judge every photograph alike")
    return _("between pooling and the federation no difference is shown")


def _cost(group: Group) -> str:
    """What a run of the group sends."""
    runs = list(group.results.values())
    sent = [run.megabytes("bytes_up") + run.megabytes("bytes_down") for run in runs]
    owners = max(len(run.owners) for run in runs)
    if any(math.isnan(each) for each in sent):
        return _("What it costs in megabytes is unknown, as not every round's bytes are told.")
    return _(
        "It costs {megabytes} MB, sent between {owners} and the server in {rounds}; training alone sends nothing.",
        megabytes=fixed(sum(sent) / len(sent), 0),
        owners=count(owners, "owner"),
        rounds=count(max(run.last_round for run in runs), "round"),
    )
