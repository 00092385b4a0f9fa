"""What was swept: groups that differ in one setting alone, in its order, with their results and what they gain."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from fedsky.language import _
from fedsky.untrusted import printable

from .comparisons import Comparison, compare_all
from .groups import AROUND, ComparableGroups, Group
from .means import mean
from .statistics import Estimate

METRIC = "balanced_accuracy"
OWNERS = "strategy.owners"
SECTIONS = ("partition", "model", *AROUND)  # in which another choice may be swept, such as partition=iid,dirichlet


@dataclass(frozen=True)
class Point:
    """A group at a value of the setting: its result, each run's, and what sets it apart from training alone."""

    group: Group
    value: str
    estimate: Estimate
    runs: list[float]
    gain: Comparison | None


@dataclass(frozen=True)
class Series:
    """Groups that differ in the one setting alone, in order of it. label: what they are called without it."""

    label: str
    points: list[Point]

    @property
    def group(self) -> Group:
        return self.points[0].group


@dataclass(frozen=True)
class Sweep:
    """A setting, its values in order and the series over it.

    places: where values stand on an axis, the numbers themselves where all are; is_ordered: whether they are numbers or
    lists, of which more is something; levels: groups of the same context that
    do not have the setting, each the same at every value, such as fedavg beside fedprox's mu.
    """

    key: str
    values: list[str]
    places: dict[str, float]
    is_numeric: bool
    is_ordered: bool
    series: list[Series]
    levels: list[Point]
    pairs: Mapping[frozenset[Group], Comparison]

    @cached_property
    def name(self) -> str:
        """The setting as it is called on the page."""
        return self.key.removeprefix("strategy.").removeprefix("partition.").removeprefix("data.")

    def between(self, first: Group, second: Group) -> Comparison | None:
        """The comparison of two groups, if the page has it."""
        return self.pairs.get(frozenset((first, second)))


def sweeps(kind: ComparableGroups) -> list[Sweep]:
    """A sweep for each setting of which some strategy has groups that differ in nothing else."""
    pairs = {frozenset((each.first, each.second)): each for each in compare_all(kind)}
    found = []
    for key in _chosen_sections(kind.groups):
        found.append(_sweep(kind, key, pairs, partial(_choice, kind.groups, key), partial(_is_within, key)))
    for key, tied in _keys(kind.groups):
        found.append(_sweep(kind, key, pairs, partial(_value, key), tied.__contains__))
    return [each for each in found if each is not None]


def _is_within(section: str, key: str) -> bool:
    """Whether a setting is one of a section's."""
    return key.split(".")[0] == section


def _value(key: str, group: Group) -> Any:
    """A group's value of a setting, ... where it has none; where all owners take part, all of them."""
    value, num = group.settings.get(key, ...), group.settings.get("num_clients")
    return list(range(num)) if key == OWNERS and value in (None, ...) and isinstance(num, int) else value


def _sweep(
    kind: ComparableGroups,
    key: str,
    pairs: Mapping[frozenset[Group], Comparison],
    value: Callable[[Group], Any],
    is_own: Callable[[str], bool],
) -> Sweep | None:
    """The sweep of one setting. value: a group's, ... where it has none; is_own: whether a setting is the swept one."""
    alike: dict[str, list[Group]] = {}
    for group in kind.groups:
        if value(group) is not ...:
            rest = {name: each for name, each in group.settings.items() if not is_own(name)}
            alike.setdefault(_text([group.strategy, rest]), []).append(group)
    members = [groups for groups in alike.values() if len({_text(value(group)) for group in groups}) > 1]
    raw = {_text(value(group)): value(group) for groups in members for group in groups}
    if not raw:
        return None
    is_numeric = all(_is_number(each) for each in raw.values())
    order = sorted(raw, key=lambda text: _order(raw[text]))
    names = {text: _shown(raw[text]) for text in order}
    places = {names[text]: float(raw[text]) if is_numeric else float(number) for number, text in enumerate(order)}
    alone = {group.context: group for group in reversed(kind.groups) if group.is_alone}

    def point(group: Group, shown: str) -> Point | None:
        estimate, against = mean(group), alone.get(group.context)
        gain = pairs.get(frozenset((group, against))) if against is not None and against is not group else None
        return Point(group, shown, estimate, list(group.finals(METRIC).values()), gain) if estimate else None

    series = []
    for groups in members:
        points = [
            each
            for group in sorted(groups, key=lambda g: order.index(_text(value(g))))
            if (each := point(group, names[_text(value(group))])) is not None
        ]
        if len(points) > 1:
            series.append(Series(_label(points, key), points))
    swept = {each.group for line in series for each in line.points}
    contexts = {group.context for group in swept}
    levels = [
        each
        for group in kind.groups
        if len(contexts) == 1 and group.context in contexts and group not in swept
        if (each := point(group, "")) is not None
    ]
    ordered = is_numeric or any(isinstance(each, list) for each in raw.values())
    return Sweep(key, list(places), places, is_numeric, ordered, series, levels, pairs) if series else None


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _order(value: Any) -> tuple[bool, bool, float, int, str]:
    """Numbers by their value, then texts (numbers in them, too), lists by length; null, which is all or none, last."""
    size = len(value) if isinstance(value, list) else 0
    natural = re.sub(r"\d+", lambda digits: digits[0].zfill(12), _text(value))
    return value is None, not _is_number(value), value if _is_number(value) else 0.0, size, natural


def _shown(value: Any) -> str:
    """A value as the page has it."""
    if value is None:
        return _("null")
    return f"{value:g}" if _is_number(value) else printable(value, 40)


def _chosen_sections(groups: Sequence[Group]) -> list[str]:
    return [name for name in SECTIONS if len({group.choices.get(name) for group in groups} - {None}) > 1]


def _choice(groups: Sequence[Group], section: str, group: Group) -> Any:
    """What a group chose in a section, with such of the choice's numbers as tell it from others of that choice."""
    chosen = group.choices.get(section)
    if chosen is None:
        return ...
    peers = [other for other in groups if other.choices.get(section) == chosen]
    own = {
        key: value
        for key, value in group.settings.items()
        if key.startswith(f"{section}.") and len({_text(peer.settings.get(key)) for peer in peers}) > 1
    }
    return " ".join([chosen, *(f"{key.rpartition('.')[2]} {_shown(value)}" for key, value in sorted(own.items()))])


def _keys(groups: Sequence[Group]) -> Iterator[tuple[str, set[str]]]:
    """Each setting that has several values, with those that always change along with it; of such the first alone."""
    keys = {key for group in groups for key in group.settings if not key.endswith("_target_")}
    columns: dict[str, tuple[str, ...]] = {}
    for key in sorted(keys, key=lambda key: (key.count("."), key)):
        values = [_text(group.settings.get(key, "...")) for group in groups]
        if len({value for value, group in zip(values, groups, strict=True) if key in group.settings}) > 1:
            numbers = {value: str(number) for number, value in enumerate(dict.fromkeys(values))}
            columns[key] = tuple(numbers[value] for value in values)
    done: set[str] = set()
    for key, column in columns.items():
        if key not in done:
            tied = {other for other, values in columns.items() if values == column}
            done |= tied
            yield key, tied


def _label(points: Sequence[Point], key: str) -> str:
    """What the groups are called without the setting: the parts of their labels that all of them have."""
    parts = [point.group.label.split(", ") for point in points]
    common = [part for part in parts[0] if all(part in other for other in parts)]
    own = (key, key.rpartition(".")[2])
    return printable(", ".join(part for part in common if part.split("=")[0] not in own), 60)
