"""What a search leaves: a yaml for each strategy, which a recipe includes, the trials in tune.json, and a table.

Where conf/experiment/tuned/NAME holds the yamls, the recipe NAME takes that of whichever strategy is chosen: see the
list of defaults in conf/config.yaml.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from fedsky.history import write_json, write_whole
from fedsky.tune.asked import Asked
from fedsky.tune.search import Trial, best, choose
from fedsky.tune.space import Dimension, Settings

TUNED = "tuned"  # the folder of the yamls, and their section that says how the values were found


@dataclass(frozen=True)
class Outcome:
    """A strategy's trials, all of the budget, and what was chosen of them."""

    strategy: str
    dimensions: Sequence[Dimension]
    trials: Sequence[Trial]

    @property
    def chosen(self) -> Trial:
        return choose(self.dimensions, self.trials)

    @property
    def best(self) -> Trial:
        return best(self.trials)

    @property
    def edges(self) -> dict[str, str]:
        """The settings whose best value lies at an end of its range, and at which."""
        found = {each.key: each.edge(self.best.settings[each.key]) for each in self.dimensions}
        return {key: edge for key, edge in found.items() if edge is not None}

    def given(self, asked: Asked) -> dict[str, Any]:
        """What the strategy was given and what came of it, as its yaml and so its later runs tell."""
        ranges = {each.key: [each.range.low, each.range.high] for each in self.dimensions}
        return {
            "trials": len(self.trials),
            "folds": asked.folds,
            "seeds": [int(seed) for seed in asked.seeds],
            "validation_images": self.chosen.num_photos,
            "ranges": ranges,
            "validation_accuracy": round(self.chosen.accuracy, 4),
            "best": round(self.best.accuracy, 4),
            "standard_error": round(self.best.standard_error, 4),
            "best_settings": dict(self.best.settings),
            "at_edge": self.edges,
        }


def write(asked: Asked, outcomes: Sequence[Outcome], command: str) -> Path:
    """Writes tune.json and the yamls of those strategies; the yamls' folder."""
    folder = asked.folder / TUNED
    for outcome in outcomes:
        write_whole(folder / f"{outcome.strategy}.yaml", text(asked, outcome, command).encode())
    told = {
        outcome.strategy: outcome.given(asked)
        | {"chosen": outcome.chosen.settings, "all": [asdict(trial) for trial in outcome.trials]}
        for outcome in outcomes
    }
    write_json(asked.folder / "tune.json", {"command": command, "strategies": told})
    return folder


def text(asked: Asked, outcome: Outcome, command: str) -> str:
    """A strategy's yaml."""
    settings: dict[str, Any] = {}
    for key, value in outcome.chosen.settings.items():
        group, _, name = key.rpartition(".")
        (settings.setdefault(group, {}) if group else settings)[name] = value
    body = yaml.safe_dump(settings | {TUNED: outcome.given(asked)}, sort_keys=False, default_flow_style=None, width=120)
    return f"# @package _global_\n# Chosen on validation images: {command}\n{body}"


def told_settings(settings: Settings) -> str:
    """Settings as they are typed."""
    return ", ".join(f"{key}={value:g}" for key, value in settings.items()) or "nothing to tune"


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A line for each strategy: what it was given, what was chosen, and what lies at the edge of its range."""
    for each in outcomes:
        chosen, top = each.chosen, each.best
        settings = told_settings(chosen.settings)
        runs = f"{len(each.trials)} trials of {len(chosen.accuracies)} run{'s' if len(chosen.accuracies) > 1 else ''}"
        line = (
            f"{each.strategy}: {settings}; validation accuracy {chosen.accuracy:.3f} (n = {chosen.num_photos}), {runs}"
        )
        if chosen is not top:
            highest = told_settings(top.settings)
            line += f"; the highest, {top.accuracy:.3f} with {highest}, is within one standard error"
            line += f" ({top.standard_error:.3f})"
        for key, edge in each.edges.items():
            line += f"; the best {key} lies at the {edge} edge of its range: widen it by {key}=interval(LOW,HIGH)"
        yield line
