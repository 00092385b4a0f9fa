"""What ``python -m fedsky.tune`` was asked for: its own words, the repetitions, and what stays as it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fedsky import checks
from fedsky.checks import listed
from fedsky.config import arguments
from fedsky.config.ranges import Range
from fedsky.config.shelf import choices
from fedsky.machine import num_cores
from fedsky.tune.space import interval

OWN = ("budget", "jobs", "folder")  # words that are no settings
MOST_TRIALS = 1000
# What may have several values, with commas: strategies are each tuned, the others repeat a trial.
SEVERAL = ("strategy", "data.fold", "seed")


@dataclass(frozen=True)
class Asked:
    """budget: trials for each strategy; words: settings of all runs; intervals: ranges that the command line gives."""

    strategies: list[str]
    folds: list[str]
    seeds: list[str]
    words: list[str]
    budget: int = 8
    jobs: int = 1
    folder: Path = Path("outputs/tune")
    intervals: dict[str, Range] = field(default_factory=dict)

    @property
    def repetitions(self) -> list[list[str]]:
        """The words of each run of a trial; data without folds are not given one."""
        folds = [[f"data.fold={fold}"] for fold in self.folds] or [[]]
        return [[*fold, f"seed={seed}"] for seed in self.seeds for fold in folds]

    @property
    def fixed(self) -> list[str]:
        """The settings that stay as the command line has them."""
        return [arguments.split(word)[0].lstrip("+") for word in self.words]


def read(words: Sequence[str]) -> Asked:
    """A command line as asked; ValueError in one line for what it cannot mean."""
    several: dict[str, list[str]] = {}
    own: dict[str, str] = {}
    intervals: dict[str, Range] = {}
    rest: list[str] = []
    for word in words:
        key, value = arguments.split(word)
        if "=" not in word or not key:
            raise ValueError(f"{word} is not a setting: write KEY=VALUE, such as budget=8")
        if key in OWN:
            own[key] = value
        elif key in SEVERAL:
            several[key] = [each.strip() for each in value.split(",")]
            if "" in several[key] or len(set(several[key])) < len(several[key]):
                raise ValueError(f"{word}: each value once, with a comma between them")
        elif (ranged := interval(word)) is not None:
            intervals[ranged[0]] = ranged[1]
        else:
            rest.append(word)
    if "strategy" not in several:
        raise ValueError("name the strategies to tune: strategy=A,B")
    strategies = several["strategy"]
    for name in strategies:
        if name not in choices("strategy"):
            raise ValueError(f"unknown strategy '{name}'; choose {listed([*choices('strategy')])}")
    budget = _whole("budget", own.get("budget", "8"), MOST_TRIALS)
    jobs = _whole("jobs", own["jobs"], 1000) if "jobs" in own else 0
    inline = "engine=inline" in rest or not any(word.startswith("engine=") for word in rest)
    if jobs > 1 and not inline:
        raise ValueError(f"jobs={jobs}: runs side by side are each within a process of their own: leave engine out")
    if not any(word.startswith("engine=") for word in rest):
        rest.append("engine=inline")
    if not any(word.startswith("name=") for word in rest):
        rest.append("name=tune")
    folder = own.get("folder", "outputs/tune")
    if not folder:
        raise ValueError("folder=: name the folder of the search, such as folder=outputs/tune")
    return Asked(
        strategies,
        several.get("data.fold", []),
        several.get("seed", ["0"]),
        rest,
        budget,
        jobs or (num_cores() if inline else 1),
        Path(folder),
        intervals,
    )


def _whole(key: str, text: str, most: int) -> int:
    return checks.whole(key, int(text) if text.isdecimal() and text.isascii() else text, 1, most)
