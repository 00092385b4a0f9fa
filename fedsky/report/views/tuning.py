"""How the strategies were tuned: what each was given, what was chosen, and what lies at the edge of its range."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from fedsky import untrusted
from fedsky.history import Row
from fedsky.language import _
from fedsky.untrusted import printable

from .. import words
from ..blocks import Section, Sheet
from ..groups import Group
from ..subject import Subject
from ..words import UNKNOWN

PLACE = 115
MOST = 40  # groups in the table


def section(about: Subject) -> Section | None:
    """A row for each group, where one of them at least says how it was tuned (fedsky.tune writes it)."""
    groups = about.kind.groups[:MOST]
    given = {group.label: _given(group) for group in groups}
    if not any(given.values()):
        return None
    rows = [_row(group, given[group.label]) for group in groups]
    return Section(
        f"{about.prefix}tuning",
        _("How the strategies were tuned"),
        " ".join(_lead(given)),
        [Sheet(_("What each was given, and what was chosen"), pd.DataFrame(rows))],
    )


def _given(group: Group) -> Row:
    """What a group's runs say of their tuning; empty where they say nothing."""
    for result in group.results.values():
        told = untrusted.section(result.run.config, "tuned")
        if not math.isnan(untrusted.number(told.get("trials"), 1)):
            return told
    return {}


def _row(group: Group, told: Row) -> dict[str, str]:
    folds, seeds = (printable(", ".join(map(str, _list(told.get(key)))), 60) for key in ("folds", "seeds"))
    chosen = {
        key: group.settings.get(key if key != "lr" else "strategy.lr") for key in untrusted.section(told, "ranges")
    }
    ranges = untrusted.section(told, "ranges")
    edges = [f"{printable(key, 40)} ({_edge(end)})" for key, end in untrusted.section(told, "at_edge").items()]
    return {
        _("group"): group.label,
        _("trials"): _count(told.get("trials")),
        _("folds"): folds or UNKNOWN,
        _("seeds"): seeds or UNKNOWN,
        _("validation images"): _count(told.get("validation_images")),
        _("chosen, of the range"): "; ".join(_settings(chosen, ranges)) or UNKNOWN,
        _("validation accuracy"): words.percent(untrusted.number(told.get("validation_accuracy"), 0, 1)),
        _("best trial"): words.percent(untrusted.number(told.get("best"), 0, 1)),
        _("standard error"): words.percent(untrusted.number(told.get("standard_error"), 0, 1)),
        _("best value at the edge"): ", ".join(edges) or (_("none") if told else UNKNOWN),
    }


def _settings(chosen: Row, ranges: Row) -> Iterator[str]:
    for key, value in chosen.items():
        low, high = [*_list(ranges[key]), None, None][:2]
        yield _(
            "{key} {value} of {low} to {high}",
            key=printable(key, 40),
            value=printable(value, 20),
            low=printable(low, 20),
            high=printable(high, 20),
        )


def _lead(given: dict[str, Row]) -> Iterable[str]:
    yield _(
        "Settings were chosen by validation images alone: of the trials that are within one standard error of the best "
        "one, that which is nearest to the settings before."
    )
    budgets = {(told.get("trials"), str(told.get("folds")), str(told.get("seeds"))) for told in given.values()}
    if len(budgets) > 1:
        yield _("They do not all have the same budget: those that had less may be worth more than is shown.")
    if any(untrusted.section(told, "at_edge") for told in given.values()):
        yield _("Where the best value lies at the edge of its range, a better one may lie beyond.")


def _edge(end: Any) -> str:
    return _("lower end") if end == "low" else _("upper end")


def _count(value: Any) -> str:
    number = untrusted.number(value, 0)
    return UNKNOWN if math.isnan(number) else f"{number:.0f}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
