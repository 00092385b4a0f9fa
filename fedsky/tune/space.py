"""What is tuned of a strategy: lr and its own settings, each within the range that conf/ or the command line gives."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fedsky.config import CONF
from fedsky.config.known import unknown
from fedsky.config.ranges import Range, comments, tuned
from fedsky.config.shelf import choices

INTERVAL = re.compile(r"interval\(\s*([^,()]+?)\s*,\s*([^,()]+?)\s*\)")  # Hydra's word for a range of a sweep
EDGE = 0.05  # of a range: a value nearer than this to one of its ends lies at the edge

Settings = dict[str, float]


@dataclass(frozen=True)
class Dimension:
    """A setting that is tuned: its key on the command line, its range, whether it is whole, and where it starts."""

    key: str
    range: Range
    whole: bool
    start: float

    def place(self, value: float) -> float:
        """Where a value lies in the range: 0 at its low end, 1 at its high end."""
        low, high, at = self.range.low, self.range.high, value
        if self.range.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)

    def value(self, place: float) -> float:
        """The value that lies at a place in the range."""
        low, high = self.range.low, self.range.high
        return low * (high / low) ** place if self.range.log else low + (high - low) * place

    def edge(self, value: float) -> str | None:
        """At which end of the range a value lies, low or high; None where at neither."""
        place = self.place(value)
        return "low" if place < EDGE else "high" if place > 1 - EDGE else None


def space(strategy: str, config: DictConfig, fixed: Sequence[str], intervals: Mapping[str, Range]) -> list[Dimension]:
    """The dimensions of a strategy's trials, which begin with the values of ``config``, the configuration composed.

    fixed: keys that the command line sets and that stay so; intervals: ranges that it gives, even ones where conf/ has
    none. ValueError for a key that is no number.
    """
    found = {"lr": tuned(comments(CONF / "config.yaml")["lr"])}
    found |= {f"strategy.{key}": tuned(said) for key, said in comments(choices("strategy")[strategy]).items()}
    ranges = {key: each for key, each in found.items() if each is not None and key not in fixed}
    for key, asked in intervals.items():
        ranges[key] = Range(asked.low, asked.high, key in ranges and ranges[key].log)
    return [_dimension(key, each, config) for key, each in ranges.items()]


def _dimension(key: str, range: Range, config: DictConfig) -> Dimension:
    value: Any = OmegaConf.select(config, key)
    if value is None:
        raise ValueError(unknown(key))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key}={value} is not a number: give it one value, and no interval")
    if range.log and range.low <= 0:
        raise ValueError(f"{key}: the range of a logarithm begins above 0, not at {range.low:g}")
    whole = isinstance(value, int) and range.low.is_integer() and range.high.is_integer()
    return Dimension(key, range, whole, min(max(value, range.low), range.high))


def interval(word: str) -> tuple[str, Range] | None:
    """Key and range of a word KEY=interval(LOW,HIGH); None for any other word, ValueError for one without a range."""
    key, _, value = word.partition("=")
    if not value.startswith("interval("):
        return None
    found = INTERVAL.fullmatch(value)
    try:
        low, high = map(float, found.groups() if found else ())
    except ValueError:
        low, high = 0.0, -1.0
    if not low < high < math.inf:
        raise ValueError(f"{word}: write {key}=interval(LOW,HIGH), with two numbers, the lower one first")
    return key, Range(low, high, False)
