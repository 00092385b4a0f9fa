"""Numbers as a reader sees them, and findings as plain sentences."""

import math
from collections.abc import Callable

from .comparisons import Comparison
from .groups import Group
from .language import ngettext
from .statistics import Estimate, mean_interval

UNKNOWN = "–"


def fixed(value: float, digits: int = 1) -> str:
    """A number with fixed digits, a dash for NaN, and never -0.0; a small number other than 0 does not become 0.0."""
    if math.isnan(value):
        return UNKNOWN
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        return f"{0:.{digits}f}" if abs(value) < 1e-9 else f"{value:.1g}"
    return text


def percent(value: float) -> str:
    """A fraction as percent with one decimal."""
    return UNKNOWN if math.isnan(value) else f"{fixed(100 * value)} %"


def percent_interval(estimate: Estimate | None) -> str:
    """A fraction with its interval in percent, cut at 0 and 100 %, which a t-interval does not know."""
    if estimate is None:
        return UNKNOWN
    if estimate.low is None or estimate.high is None:
        return percent(estimate.value)
    return f"{percent(estimate.value)} ({fixed(100 * max(estimate.low, 0))} to {fixed(100 * min(estimate.high, 1))})"


def number_interval(estimate: Estimate | None, digits: int = 3) -> str:
    """A number with its interval."""
    if estimate is None:
        return UNKNOWN
    if estimate.low is None or estimate.high is None:
        return fixed(estimate.value, digits)
    return f"{fixed(estimate.value, digits)} ({fixed(estimate.low, digits)} to {fixed(estimate.high, digits)})"


def points_interval(estimate: Estimate | None) -> str:
    """A difference of fractions in percentage points with its interval."""
    if estimate is None:
        return UNKNOWN
    return number_interval(estimate.scaled(100), 1)


def bounds(estimate: Estimate, single: str) -> str:
    """A difference's interval in percentage points, or what to say where there is none."""
    if estimate.low is None or estimate.high is None:
        return single
    return f"95 % interval {fixed(100 * estimate.low)} to {fixed(100 * estimate.high)}"


def _verdict(estimate: Estimate) -> str:
    if estimate.low is None:
        return ""
    return ": distinguishable" if estimate.distinguishable else ": not distinguishable"


COUNTS: dict[str, Callable[[int], str]] = {
    "run": lambda n: ngettext("{n} run", "{n} runs", n),
    "paired run": lambda n: ngettext("{n} paired run", "{n} paired runs", n),
    "finished run": lambda n: ngettext("{n} finished run", "{n} finished runs", n),
    "test image": lambda n: ngettext("{n} test image", "{n} test images", n),
    "owner": lambda n: ngettext("{n} owner", "{n} owners", n),
}


def count(number: int, noun: str) -> str:
    """A count with its noun: 1 run, 3 runs."""
    return COUNTS[noun](number)


def _apart(first: str, second: str, estimate: Estimate) -> str:
    if abs(estimate.value) < 1e-9:
        return f"{first} and {second} are equally good"
    return f"{first} is {fixed(100 * estimate.value)} points better than {second}"


def over_images(comparison: Comparison) -> str:
    """The finding over test images as a sentence; empty where the two share none."""
    estimate, first, second = comparison.images, comparison.first.label, comparison.second.label
    if estimate is None:
        return ""
    if estimate.value < 0:
        estimate, first, second = estimate.scaled(-1), second, first
    interval = bounds(estimate, "too few in a class for an interval")
    return (f"{_apart(first, second, estimate)} on the same test images, {interval}, "
            f"n = {count(estimate.n, 'test image')}{_verdict(estimate)}.")  # fmt: skip


def over_runs(comparison: Comparison) -> str:
    """The finding over paired runs as a sentence."""
    estimate, first, second = comparison.runs, comparison.first.label, comparison.second.label
    if estimate is None:
        return f"{first} and {second} share no seed: not compared over runs."
    if estimate.value < 0:
        estimate, first, second = estimate.scaled(-1), second, first
    interval = bounds(estimate, "no interval")
    return f"{_apart(first, second, estimate)} over {count(estimate.n, 'paired run')}, {interval}{_verdict(estimate)}."


def final_words(group: Group, metric: str) -> str:
    """A group's last round in a few words, for a plot's alternative text."""
    estimate = mean_interval(list(group.finals(metric).values()))
    return number_interval(estimate) if metric == "loss" else percent_interval(estimate)
