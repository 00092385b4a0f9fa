"""Which groups may be compared: those of the same data whose settings tell why they were judged on other images, if so.

Who owns which photograph decides which of them a fold tests. So num_clients=2,5 or partition.alpha=0.1,10 are judged on
other photographs in one fold, over all folds on the same ones, and stay in one kind.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from fedsky.history import ALONE, FEDERATED, POOLED
from fedsky.language import N_, _
from fedsky.untrusted import printable, section

from .facts import facts
from .groups import AROUND, ComparableGroups, Group, name_groups, settings_of
from .keys import full_key, settings_by_name
from .results import Key, Result, strategy_name

CUTTING = ("num_clients", "partition", "data")  # what decides who owns what, and so which photographs a fold tests
SKY = (N_("cloudy"), N_("sunny"))  # classes that have a word in every language; others stay as they are


def make_kinds(results: Sequence[Result], group_by: Sequence[str] = ()) -> tuple[list[ComparableGroups], list[str]]:
    """Groups results, sorts the groups into kinds and names both; also what a reader must know of it.

    group_by: the settings that make a group; whatever else differs is then averaged over. ValueError for a setting
    that no run has.
    """
    known = {key for result in results for key in settings_by_name(result.run)} if group_by else set()
    chosen = [full_key(key, known, "group-by") for key in group_by]
    notes: list[str] = []
    kinds: list[ComparableGroups] = []
    for title, members in _by_data(results, notes):
        separate: list[list[Group]] = []
        for group in _make_groups(members, chosen, notes):
            for groups in separate:
                if all(_cut_apart(group, other) or _same_images(group, other) for other in groups):
                    groups.append(group)
                    break
            else:
                separate.append([group])
        if len(separate) > 1:
            notes.append(
                _(
                    "Not comparable: {n} sets of runs on {data} were tested on different images.",
                    n=len(separate),
                    data=title,
                )
            )
        for number, groups in enumerate(separate, 1):
            name_groups(groups)
            several = _(", test images {number} of {n}", number=number, n=len(separate)) if separate[1:] else ""
            parts = [group for group in groups if group.is_coalition or group.photographs is not None]
            if len(parts) == len(groups):  # of which nothing is a whole: they are all that there is to show
                parts = []
            whole = [group for group in groups if group not in parts]
            kinds.append(ComparableGroups(f"{title}{several}; {facts(whole)}", whole, parts=parts))
    if len({kind.title for kind in kinds}) > 1:
        notes.insert(
            0,
            _(
                "Not comparable: {n} kinds of data. Each has its own section, and nothing is compared across them.",
                n=len(kinds),
            ),
        )
    return kinds, notes


def _by_data(results: Iterable[Result], notes: list[str]) -> list[tuple[str, list[Result]]]:
    """Splits by the data: its name and classes, then its fingerprint and the images' size.

    Fingerprints that differ only because data_seed does are repetitions, new draws of the same data; those that differ
    because a number does, such as data.count, are the same data under other settings.
    """
    bases: dict[str, list[Result]] = {}
    for result in results:
        data = section(result.run.info, "data")
        classes = data.get("classes")
        names = printable(classes)
        if isinstance(classes, list):
            names = _(" and ").join(_(each) if each in SKY else str(each) for each in classes)
        name = section(result.run.info, "choices").get("data", _("data of unknown name"))
        bases.setdefault(printable(_("{name}: {classes}", name=name, classes=names)), []).append(result)
    split = []
    for base in sorted(bases):
        draws: dict[tuple[str, str], set[tuple[str, str]]] = {}
        for result in bases[base]:
            draws.setdefault((_numbers(result), result.key[1]), set()).add((result.fingerprint, _size(result)))
        found = sorted(set().union(*draws.values()))
        for told in [found] if all(len(each) == 1 for each in draws.values()) else [[each] for each in found]:
            members = [result for result in bases[base] if (result.fingerprint, _size(result)) in told]
            prints, sizes = {value for value, _size in told}, list(dict.fromkeys(size for _value, size in told))
            title = _("{data}, {size}", data=base, size=_(" and ").join(sizes))
            alike = [other for other in found if other[1] in sizes]
            if len(told) < len(alike):
                title = _("{data}, fingerprint {value}", data=title, value=printable(told[0][0], 12))
            elif len(prints) > len({numbers for numbers, _seed in draws}):
                notes.append(
                    _(
                        "{data}: each data_seed has images of its own ({n} draws of the data).",
                        data=title,
                        n=len(prints),
                    )
                )
            split.append((title, members))
    return split


def _size(result: Result) -> str:
    """The images' size in words."""
    size = section(result.run.info, "data").get("image_size", _("unknown"))
    return _("points") if size is None else printable(_("{size} pixels", size=size))


def _numbers(result: Result) -> str:
    """The numbers among the data's settings, as text; such as how many are drawn."""
    own = settings_of(result.run.config)
    return _text(
        {key: value for key, value in own.items() if key.startswith("data.") and isinstance(value, int | float)}
    )


def _make_groups(results: Sequence[Result], group_by: Sequence[str], notes: list[str]) -> list[Group]:
    settings = [settings_of(result.run.config) for result in results]
    averaged = _averaged(results, settings, group_by)
    groups: dict[str, Group] = {}
    for result, own, rest in zip(results, settings, averaged, strict=True):
        strategy = strategy_name(result.run)
        identity = _text([strategy, own])
        if group_by:
            values = settings_by_name(result.run)
            identity = _text([values.get(key) for key in group_by])
        choices = {key: printable(value, 60) for key, value in section(result.run.info, "choices").items()}
        group = groups.setdefault(identity, Group(strategy, own, choices, {}))
        if group_by:  # what all of its runs share describes it
            group.strategy = strategy if group.strategy == strategy else ""
            group.settings = {key: value for key, value in group.settings.items() if own.get(key, ...) == value}
            group.choices = {key: value for key, value in group.choices.items() if choices.get(key) == value}
        key: Key = (*result.key, rest) if rest else result.key
        twin = group.results.get(key)
        if twin is not None:
            _refuse_other_settings(twin, result, group_by)
            newest = max(twin, result, key=lambda each: str(each.run.info.get("started")))
            notes.append(
                _(
                    "{first} and {second} are the same experiment with the same seeds: only the one started "
                    "last, {newest}, counts.",
                    first=twin.name,
                    second=result.name,
                    newest=newest.name,
                )
            )
            result = newest
        group.results[key] = result
    if any(averaged):
        notes.append(
            _(
                "Grouped by {keys}: runs of a group that differ in other settings are averaged within their "
                "seed, and pair with runs of those settings.",
                keys=", ".join(group_by),
            )
        )
    for group in groups.values():
        group.results = dict(sorted(group.results.items()))
    order = (ALONE, FEDERATED, POOLED)
    return sorted(
        groups.values(),
        key=lambda g: (
            order.index(g.role),
            g.strategy,
            sum(f"{name}._target_" in g.settings for name in AROUND),
            _natural(_text(g.settings)),
        ),
    )


def _averaged(results: Sequence[Result], settings: Sequence[dict[str, Any]], group_by: Sequence[str]) -> list[str]:
    """For each run, the settings that differ among all of them and that no group stands for, as text.

    What is set within a chosen section, such as the strategy's own settings, belongs to the group.
    """
    if not group_by:
        return [""] * len(results)
    full = [{**own, "strategy": strategy_name(result.run)} for own, result in zip(settings, results, strict=True)]
    keys = {key for own in full for key in own if key not in group_by and key.split(".")[0] not in group_by}
    told = sorted(key for key in keys if len({_text(own.get(key)) for own in full}) > 1)
    return [_text([own.get(key) for key in told]) if told else "" for own in full]


def _refuse_other_settings(first: Result, second: Result, group_by: Sequence[str]) -> None:
    """ValueError if two runs with the same seeds are in one group though they are not the same experiment."""
    ours, theirs = (settings_of(result.run.config) for result in (first, second))
    differing = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    if differing:
        raise ValueError(
            _(
                "group-by={keys}: {first} and {second} differ in {key} too; add it, or choose one with "
                "--where {key}=VALUE",
                keys=",".join(group_by),
                first=first.name,
                second=second.name,
                key=differing[0],
            )
        )


def _natural(text: str) -> list[tuple[float, str]]:
    """A key that sorts the numbers in a text by their value: 2 before 10."""
    parts = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(float(part), "") if place % 2 else (0.0, part) for place, part in enumerate(parts)]


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _cut_apart(first: Group, second: Group) -> bool:
    """Whether a setting that decides which photographs a fold tests tells the two apart."""
    keys = {key for key in first.settings.keys() | second.settings.keys() if key.split(".")[0] in CUTTING}
    return any(first.settings.get(key) != second.settings.get(key) for key in keys)


def _same_images(first: Group, second: Group) -> bool:
    """Whether shared repetitions, or else shared folds, were judged on the same images; unknown counts as same."""
    shared = sorted(set(first.results) & set(second.results))
    if shared:
        return all(_alike(first.results[key], second.results[key]) for key in shared)
    loose = [_alike(a, b) for a in first.results.values() for b in second.results.values() if a.key[1:] == b.key[1:]]
    return not loose or any(loose)


def _alike(first: Result, second: Result) -> bool:
    known = first.test_images is not None and second.test_images is not None
    return first.fingerprint == second.fingerprint and (not known or first.test_images == second.test_images)
