"""What a sweep comes to, in sentences: gain at each value, one strategy against another, and first value against last.

The differences are those of the page's comparisons, each with its interval among all of its family.
"""

from collections.abc import Sequence
from dataclasses import replace

from fedsky.language import _

from .comparisons import Comparison
from .differences import PAIRED, SAME
from .groups import ComparableGroups, Group
from .swept import Point, Series, Sweep, sweeps
from .words import UNKNOWN, fixed, interval_words, judgement, signed

MOST_VALUES = 4  # told in a sentence: of more the first, the last, and those at which a difference is shown
MOST_LINES = 6  # series that are told


def trends(kind: ComparableGroups) -> list[str]:
    """The sentences of all sweeps of a kind."""
    return [text for sweep in sweeps(kind) for text in sentences(sweep)]


def sentences(sweep: Sweep) -> list[str]:
    """What the swept setting does to what joining gains, to the differences of strategies, and to each result."""
    told = [_gains(sweep, each) for each in sweep.series]
    lines = [each for each in sweep.series if each.group.is_federated]
    levels = [each for each in sweep.levels if each.group.is_federated]
    for number, line in enumerate(lines):
        if levels:
            told.append(_against(sweep, line, levels[0]))
        elif number:
            told.append(_against(sweep, line, lines[0]))
    ends = [_ends(sweep, each) for each in sweep.series] if sweep.is_ordered else []
    return [*filter(None, told[: 2 * MOST_LINES]), *filter(None, ends[:MOST_LINES])]


def _gains(sweep: Sweep, line: Series) -> str:
    found = [(point.value, _turned(point.gain, point.group)) for point in line.points if point.gain]
    alone = {point.gain.second.strategy for point in line.points if point.gain and point.gain.second.is_alone}
    return _told(sweep, line.label, ", ".join(sorted(alone)) or _("alone"), found)


def _against(sweep: Sweep, line: Series, other: Series | Point) -> str:
    """One line minus another, or minus a group that does not have the setting, at each value that both have."""
    found = []
    for point in line.points:
        if isinstance(other, Point):
            against: Group | None = other.group
        else:
            against = next((each.group for each in other.points if each.value == point.value), None)
        pair = sweep.between(point.group, against) if against is not None else None
        if pair is not None:
            found.append((point.value, _turned(pair, point.group)))
    return _told(sweep, line.label, other.group.label if isinstance(other, Point) else other.label, found)


def _told(sweep: Sweep, first: str, second: str, found: Sequence[tuple[str, Comparison]]) -> str:
    """fedprox minus fedavg: +0.9 points at alpha 0.1 (95 % interval -2.0 to 3.8), +1.7 at 10 (...); none shown."""
    known = [(value, each) for value, each in found if each.difference is not None]
    if not known:
        return ""
    ends = (known[0], known[-1])
    some = [each for each in known if len(known) <= MOST_VALUES or each in ends or each[1].is_shown]
    at = []
    for number, (value, each) in enumerate(some):
        numbers = {"points": _points(each), "value": value, "interval": _interval(each, number == 0)}
        if number == 0:
            at.append(_("{points} points at {setting} {value} ({interval})", setting=sweep.name, **numbers))
        else:
            at.append(_("{points} at {value} ({interval})", **numbers))
    return _(
        "{first} minus {second}: {list}; {verdict}.",
        first=first,
        second=second,
        list=_(", ").join(at),
        verdict=_verdict(known),
    )


def _interval(each: Comparison, first: bool = True) -> str:
    """The interval, which is named at its first mention; or that there is no difference to have one of."""
    told = each.difference
    if each.verdict == SAME:
        return judgement(each)
    if first or told is None or told.low is None or told.high is None or each.pairing != PAIRED:
        return interval_words(each)
    return _("{low} to {high}", low=fixed(100 * told.low), high=fixed(100 * told.high))


def _verdict(found: Sequence[tuple[str, Comparison]]) -> str:
    """At which values the difference is shown."""
    shown = [value for value, each in found if each.is_shown]
    if len(found) == 1:
        return judgement(found[0][1])
    if not shown:
        return _("none of the {n} shown", n=len(found))
    if len(shown) == len(found):
        return _("all {n} shown", n=len(found))
    return _("shown at {values}", values=_(", ").join(shown))


def _ends(sweep: Sweep, line: Series) -> str:
    """How the result at the last value differs from that at the first."""
    first, last = line.points[0], line.points[-1]
    pair = sweep.between(last.group, first.group)
    if pair is None or pair.difference is None:
        return ""
    each = _turned(pair, last.group)
    return _(
        "{label}, from {setting} {first} to {last}: {points} points ({interval}); {verdict}.",
        label=line.label,
        setting=sweep.name,
        first=first.value,
        last=last.value,
        points=_points(each),
        interval=_interval(each),
        verdict=judgement(each),
    )


def _points(each: Comparison) -> str:
    return signed(100 * each.difference.value) if each.difference else UNKNOWN


def _turned(pair: Comparison, first: Group) -> Comparison:
    """The comparison with this group first."""
    if pair.first is first or pair.difference is None:
        return pair
    return replace(pair, first=pair.second, second=pair.first, difference=pair.difference.scaled(-1))
