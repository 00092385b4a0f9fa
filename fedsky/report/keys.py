"""The settings of a run by the names that a person types: strategy, num_clients, partition.alpha or alpha alone."""

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from fedsky.history import Run
from fedsky.language import _
from fedsky.untrusted import flatten, printable, section

from .results import strategy_name


def settings_by_name(run: Run) -> dict[str, Any]:
    """What was chosen in each group (strategy, partition ...) and every value of the configuration, by dotted key."""
    chosen = {printable(key, 60): value for key, value in section(run.info, "choices").items()}
    return flatten(run.config) | chosen | {"strategy": strategy_name(run)}


def full_key(key: str, known: Iterable[str], option: str) -> str:
    """The dotted key for what was typed, where its end alone will do; ValueError, with near matches, if there is none.

    option: the name of the argument that the key was given for, as the refusal has it.
    """
    names = sorted(set(known))
    if key in names:
        return key
    ends = [name for name in names if name.rpartition(".")[2] == key]
    if len(ends) == 1:
        return ends[0]
    near = ends or difflib.get_close_matches(key, [*names, *(name.rpartition(".")[2] for name in names)], n=3)
    if not near:
        raise ValueError(
            _(
                "{option}={key}: no run has a setting of that name, such as num_clients or partition.alpha",
                option=option,
                key=printable(key),
            )
        )
    raise ValueError(
        _(
            "{option}={key}: no run has a setting of that name; did you mean {names}?",
            option=option,
            key=printable(key),
            names=" / ".join(dict.fromkeys(near)),
        )
    )


def split_keys(text: str | None) -> list[str]:
    """The keys of a list with commas."""
    return [key.strip() for key in (text or "").split(",") if key.strip()]


def _means(text: str, value: Any) -> bool:
    """Whether a value is what the text says: as a number or another JSON value, or as it is."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = text
    return text == str(value) or (parsed == value and isinstance(parsed, bool) == isinstance(value, bool))


def chosen_runs(runs: Sequence[Run], where: Sequence[str]) -> list[Run]:
    """The runs for which every KEY=VALUE holds; VALUE may be several, with commas. ValueError for what no run has."""
    settings = [settings_by_name(run) for run in runs]
    known = {key for each in settings for key in each}
    keep = [True] * len(runs)
    for condition in where:
        key, equals, text = condition.partition("=")
        if not equals or not text.strip():
            raise ValueError(
                _(
                    "where {condition}: KEY=VALUE is needed, such as strategy=fedavg,fedprox",
                    condition=printable(condition),
                )
            )
        key, texts = full_key(key.strip(), known, "where"), [text.strip()]
        if not text.strip().startswith(("[", "{")):
            texts = split_keys(text)
        found = [any(_means(each, values.get(key)) for each in texts) for values in settings]
        if not any(found):
            there = sorted({printable(values[key], 40) for values in settings if key in values})
            raise ValueError(
                _(
                    "where {condition}: no run has that; {key} is {values}",
                    condition=printable(condition),
                    key=key,
                    values=printable(", ".join(there), 200),
                )
            )
        keep = [old and new for old, new in zip(keep, found, strict=True)]
    if runs and not any(keep):
        raise ValueError(_("where {condition}: no run has all of that at once", condition=" ".join(where)))
    return [run for run, kept in zip(runs, keep, strict=True) if kept]
