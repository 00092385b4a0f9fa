"""Numbers as a reader sees them, and findings as plain sentences."""

import math
from collections.abc import Callable

from fedsky.columns import COLUMNS
from fedsky.language import _, ngettext

from .comparisons import Comparison
from .groups import Group
from .statistics import Estimate

UNKNOWN = "–"
ALPHA = 0.05  # the level of the tests, as that of the intervals is 95 %


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
    low, high = fixed(100 * max(estimate.low, 0)), fixed(100 * min(estimate.high, 1))
    return _("{value} ({low} to {high})", value=percent(estimate.value), low=low, high=high)


def number_interval(estimate: Estimate | None, digits: int = 3) -> str:
    """A number with its interval."""
    if estimate is None:
        return UNKNOWN
    if estimate.low is None or estimate.high is None:
        return fixed(estimate.value, digits)
    value, low, high = (fixed(number, digits) for number in (estimate.value, estimate.low, estimate.high))
    return _("{value} ({low} to {high})", value=value, low=low, high=high)


def interval_of(metric: str) -> Callable[[Estimate | None], str]:
    """How a metric and its interval are worded: a fraction in percent, else as a number."""
    return percent_interval if COLUMNS[metric].is_fraction else number_interval


def points_interval(estimate: Estimate | None) -> str:
    """A difference of fractions in percentage points with its interval."""
    if estimate is None:
        return UNKNOWN
    return number_interval(estimate.scaled(100), 1)


def bounds(estimate: Estimate, single: str) -> str:
    """A difference's interval in percentage points, or what to say where there is none."""
    if estimate.low is None or estimate.high is None:
        return single
    return _("95 % interval {low} to {high}", low=fixed(100 * estimate.low), high=fixed(100 * estimate.high))


COUNTS: dict[str, Callable[[int], str]] = {
    "run": lambda n: ngettext("{n} run", "{n} runs", n),
    "paired run": lambda n: ngettext("{n} paired run", "{n} paired runs", n),
    "finished run": lambda n: ngettext("{n} finished run", "{n} finished runs", n),
    "test image": lambda n: ngettext("{n} test image", "{n} test images", n),
    "owner": lambda n: ngettext("{n} owner", "{n} owners", n),
    "seed": lambda n: ngettext("{n} seed", "{n} seeds", n),
    "fold": lambda n: ngettext("{n} fold", "{n} folds", n),
    "split": lambda n: ngettext("{n} split of the images", "{n} splits of the images", n),
    "draw": lambda n: ngettext("{n} draw of the data", "{n} draws of the data", n),
}


def count(number: int, noun: str) -> str:
    """A count with its noun: 1 run, 3 runs."""
    return COUNTS[noun](number)


def repeated(estimate: Estimate, unit: str) -> str:
    """How often an experiment was repeated, and by how many runs if these are not the same: 5 folds (10 runs)."""
    units = count(estimate.units, unit)
    return units if estimate.n == estimate.units else f"{units} ({count(estimate.n, 'run')})"


def _sides(comparison: Comparison, estimate: Estimate) -> tuple[str, str, Estimate]:
    """The better label, the other, and by how much it is better (0 or more, whatever is better in this metric)."""
    first, second = comparison.first.label, comparison.second.label
    if estimate.value < 0:
        first, second, estimate = second, first, estimate.scaled(-1)
    lower_is_better = not COLUMNS[comparison.metric].is_fraction
    return (second, first, estimate) if lower_is_better and estimate.value else (first, second, estimate)


def _apart(better: str, other: str, estimate: Estimate, metric: str) -> str:
    if estimate.value < 1e-9:
        return _("{first} and {second} are equally good", first=better, second=other)
    if not COLUMNS[metric].is_fraction:
        return _("{first} has a loss lower by {value} than {second}",
                 first=better, second=other, value=fixed(estimate.value, 3))  # fmt: skip
    points = fixed(100 * estimate.value)
    return _("{first} is {points} points better than {second}", first=better, second=other, points=points)


def _interval(estimate: Estimate, metric: str) -> str:
    if COLUMNS[metric].is_fraction or estimate.low is None or estimate.high is None:
        return bounds(estimate, "")
    return _("95 % interval {low} to {high}", low=fixed(estimate.low, 3), high=fixed(estimate.high, 3))


def over_images(comparison: Comparison) -> str:
    """The finding over test images as a sentence; empty where the two share none."""
    if comparison.images is None:
        return ""
    first, second, estimate = _sides(comparison, comparison.images)
    return _("{difference} on the same test images, {interval}, n = {images}{verdict}.",
             difference=_apart(first, second, estimate, comparison.metric),
             interval=bounds(estimate, _("too few in a class for an interval")),
             images=count(estimate.n, "test image"), verdict=_ending(_distinguishable(estimate)))  # fmt: skip


def over_runs(comparison: Comparison) -> str:
    """The finding over paired runs as a sentence."""
    if comparison.runs is None:
        return _("{first} and {second} share no seed: not compared over runs.",
                 first=comparison.first.label, second=comparison.second.label)  # fmt: skip
    first, second, estimate = _sides(comparison, comparison.runs)
    unit = comparison.repetitions.unit
    difference = _apart(first, second, estimate, comparison.metric)
    repetitions = repeated(estimate, unit)
    if estimate.units == 1:
        return _("{difference}, {repetitions}: a single one gives no interval.",
                 difference=difference, repetitions=repetitions)  # fmt: skip
    if estimate.low is None and comparison.repetitions.shared != comparison.repetitions.shared:
        return _("{difference}, {repetitions}: no interval, as the sizes of the training parts are unknown.",
                 difference=difference, repetitions=repetitions)  # fmt: skip
    if estimate.low is None:
        return _("{difference}, {repetitions}: the same in each, so that no interval can be given.",
                 difference=difference, repetitions=repetitions)  # fmt: skip
    return _("{difference}, {interval}, {repetitions}{verdict}.",
             difference=difference, interval=_interval(estimate, comparison.metric), repetitions=repetitions,
             verdict=_ending(judgement(comparison)))  # fmt: skip


def _distinguishable(estimate: Estimate) -> str:
    if estimate.low is None:
        return ""
    return _("distinguishable") if estimate.distinguishable else _("not distinguishable")


def judgement(comparison: Comparison) -> str:
    """Whether a difference over runs can be told from chance, also when all that were compared with it are counted."""
    estimate, p = comparison.runs, comparison.p_holm
    if estimate is None or not estimate.distinguishable or p is None or p <= ALPHA:
        return _distinguishable(estimate) if estimate else ""
    return _("distinguishable alone, but not among {n} comparisons (Holm's p = {p})", n=comparison.family, p=p_text(p))


def _ending(verdict: str) -> str:
    return _(": {verdict}", verdict=verdict) if verdict else ""


def p_text(p: float | None) -> str:
    """A p-value as text."""
    if p is None:
        return UNKNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def final_words(group: Group, metric: str) -> str:
    """A group's last round in a few words, for a plot's alternative text."""
    return interval_of(metric)(group.mean(metric))
