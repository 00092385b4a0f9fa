"""What a run is called: its strategy, what differs among the runs beside it, its seed: fedprox, alpha 0.1, seed 0."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedsky.history import Run
from fedsky.language import N_, _
from fedsky.untrusted import printable, section

from .groups import AROUND, ELSEWHERE, REPETITION, numbered, settings_of
from .results import strategy_name

Part = tuple[str, str]  # what is told of a run and its value; of what was chosen from a group the choice alone
MOST_SETTINGS = 5  # of those that differ; a folder of runs that have little in common would make names of any length
MOST_GROUPS = 40  # from which something was chosen
SHORT = 40  # characters of a value
WORDS = {"seed": N_("seed {value}"), "data_seed": N_("data seed {value}"), "fold": N_("fold {value}")}


@dataclass(frozen=True)
class Told:
    """What may tell a run from those beside it. chosen: by group; settings: see settings_of; repetition: by its key."""

    strategy: str
    chosen: Mapping[str, str]
    settings: Mapping[str, Any]
    repetition: Mapping[str, Any]

    def choice(self, group: str) -> str:
        """What was chosen from a group; empty where nothing was."""
        found = self.strategy if group == "strategy" else self.chosen.get(group, "")
        return "" if found == "none" else found


def told(run: Run) -> Told:
    """What a run's files tell of it."""
    config = run.config
    choices = list(section(run.info, "choices").items())[:MOST_GROUPS]
    chosen = {printable(key, SHORT): printable(value, SHORT) for key, value in choices}
    found = {
        "seed": config.get("seed"),
        "data_seed": config.get("data_seed"),
        "fold": section(config, "data").get("fold"),
    }
    return Told(strategy_name(run), chosen, settings_of(config), found)


def name(parts: Sequence[Part]) -> str:
    """The parts of a name in a line."""
    return _(", ").join(
        _(WORDS[key], value=value) if key in WORDS else f"{key} {value}".strip() for key, value in parts
    )


def of_group(parts: Sequence[Part]) -> list[Part]:
    """What of a run's name its repetitions share."""
    return [part for part in parts if part[0] not in WORDS]


def named(runs: Sequence[Told]) -> list[list[Part]]:
    """The name of each of these runs, which lie in one folder, in parts: what tells them apart, and nothing twice.

    A run on its own is told by its strategy's settings and its partition, since nothing beside it differs.
    """
    if len(runs) == 1:
        own = [*_of_section(runs[0], "strategy"), *_around(runs[0]), ("", partition(runs[0]))]
        return [[("", runs[0].strategy), *(part for part in own if part[1]), *_seeds(runs[0], set())]]
    kept = _telling(runs)
    ends = [key.rpartition(".")[2] for key in kept]
    short = {key: end if ends.count(end) == 1 else key for key, end in zip(kept, ends, strict=True)}
    repeated = {key for key in REPETITION if len({_text(run.repetition.get(key)) for run in runs}) > 1}
    return [
        [
            ("", run.strategy),
            *_around(run),
            *(("" if key in run.chosen else short[key], text) for key in kept if (text := _value(run, key))),
            *_seeds(run, repeated),
        ]
        for run in runs
    ]


def _telling(runs: Sequence[Told]) -> list[str]:
    """The settings and groups of choices, the strategy's own first, each of which tells runs apart that no other does.

    A group is told before its settings, and a recipe before all that it sets.
    """
    keys = sorted({key for run in runs for key in run.settings if not key.endswith("_target_")})
    groups = sorted({group for run in runs for group in run.chosen} - {"strategy", *AROUND, *ELSEWHERE})
    own = [key for key in keys if key.split(".")[0] in ("strategy", *AROUND)]
    groups.sort(key=lambda group: group != "experiment")
    rest = [key for key in keys if key not in own and key not in groups]
    found: list[str] = []
    classes = numbered([(run.strategy, str(_around(run))) for run in runs])
    for key in [*own, *groups, *rest]:
        finer = numbered([(name, _value(run, key)) for name, run in zip(classes, runs, strict=True)])
        if max(finer) > max(classes) and len(found) < MOST_SETTINGS:
            found.append(key)
            classes = finer
    return found


def partition(run: Told) -> str:
    """How the images were cut, with its numbers: dirichlet alpha 0.1."""
    own = (part for part in _of_section(run, "partition") if part[0] != "min_examples")
    return " ".join([run.choice("partition"), *(f"{key} {value}" for key, value in own)]).strip()


def _around(run: Told) -> list[Part]:
    """What goes around the strategy."""
    return [("", run.choice(group)) for group in AROUND if run.choice(group)]


def _seeds(run: Told, repeated: Collection[str]) -> list[Part]:
    """The seed, and what else tells the repetitions apart."""
    return [
        (key, _text(run.repetition[key]))
        for key in REPETITION
        if run.repetition.get(key) is not None and (key == "seed" or key in repeated)
    ]


def _of_section(run: Told, group: str) -> list[Part]:
    return [
        (key.partition(".")[2], _text(value))
        for key, value in run.settings.items()
        if key.startswith(f"{group}.") and not key.endswith("_target_") and value is not None
    ]


def _value(run: Told, key: str) -> str:
    """What a run has for a setting or a group, as text; empty for nothing."""
    if key in run.chosen:
        return run.choice(key)
    return "" if run.settings.get(key) is None else _text(run.settings[key])


def _text(value: Any) -> str:
    """A value as a name has it."""
    if isinstance(value, float):
        return f"{value:g}"
    return printable(value, SHORT) if isinstance(value, str) else printable(json.dumps(value, default=str), SHORT)
