"""Numbers as a reader sees them, and findings as plain sentences."""

import math
from collections.abc import Callable
from dataclasses import replace

from fedsky.history.columns import COLUMNS
from fedsky.language import N_, _, ngettext

from . import comparisons, differences
from .comparisons import Comparison
from .family import EQUAL
from .groups import Group
from .means import mean
from .statistics import Estimate

UNKNOWN = "–"


def fixed(value: float, digits: int = 1) -> str:
    """A number with fixed digits, a dash for NaN, and never -0.0; a small number other than 0 does not become 0.0."""
    if math.isnan(value):
        return UNKNOWN
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        return f"{0:.{digits}f}" if abs(value) < 1e-9 else f"{value:.1g}"
    return text


def signed(value: float) -> str:
    """A number with its sign."""
    return f"{'+' if value > 1e-7 else ''}{fixed(value)}"


def percent(value: float) -> str:
    """A fraction as percent with one decimal."""
    return UNKNOWN if math.isnan(value) else f"{fixed(100 * value)} %"


def percent_interval(estimate: Estimate | None) -> str:
    """A fraction with its interval in percent, cut at 0 and 100 %, which a t-interval does not know."""
    if estimate is None:
        return UNKNOWN
    if estimate.low is None or estimate.high is None:
        return _with_dots(percent(estimate.value), estimate.scaled(100), 1)
    low, high = fixed(100 * max(estimate.low, 0)), fixed(100 * min(estimate.high, 1))
    return _("{value} ({low} to {high})", value=percent(estimate.value), low=low, high=high)


def _with_dots(value: str, estimate: Estimate, digits: int) -> str:
    """A mean of too few repetitions for an interval with its runs' extremes, where these are told."""
    if estimate.dots is None or estimate.n < 2:
        return value
    low, high = (fixed(end, digits) for end in estimate.dots)
    return _("{value} (runs: {low} to {high})", value=value, low=low, high=high)


def number_interval(estimate: Estimate | None, digits: int = 3) -> str:
    """A number with its interval."""
    if estimate is None:
        return UNKNOWN
    if estimate.low is None or estimate.high is None:
        return _with_dots(fixed(estimate.value, digits), estimate, digits)
    value, low, high = (fixed(number, digits) for number in (estimate.value, estimate.low, estimate.high))
    return _("{value} ({low} to {high})", value=value, low=low, high=high)


def loss_interval(estimate: Estimate | None) -> str:
    """A loss with its interval, cut at 0, which a t-interval does not know."""
    if estimate is not None and estimate.low is not None:
        estimate = replace(estimate, low=max(estimate.low, 0.0))
    return number_interval(estimate)


def interval_of(metric: str) -> Callable[[Estimate | None], str]:
    """How a metric and its interval are worded: a fraction in percent, else as a number."""
    return percent_interval if COLUMNS[metric].is_fraction else loss_interval


def points_interval(estimate: Estimate | None) -> str:
    """A difference of fractions in percentage points with its interval."""
    if estimate is None:
        return UNKNOWN
    return number_interval(estimate.scaled(100), 1)


COUNTS: dict[str, Callable[[int], str]] = {
    "run": lambda n: ngettext("{n} run", "{n} runs", n),
    "finished run": lambda n: ngettext("{n} finished run", "{n} finished runs", n),
    "photograph": lambda n: ngettext("{n} photograph", "{n} photographs", n),
    "owner": lambda n: ngettext("{n} owner", "{n} owners", n),
    "round": lambda n: ngettext("{n} round", "{n} rounds", n),
    "split": lambda n: ngettext("{n} split of the images", "{n} splits of the images", n),
}


def count(number: int, noun: str) -> str:
    """A count with its noun: 1 run, 3 runs."""
    return COUNTS[noun](number)


# Why a difference has no interval.
REASONS = {
    differences.FEW_PHOTOGRAPHS: N_("too few photographs of a class"),
    differences.FEW_RUNS: N_("too few runs, and single photographs are not known"),
    differences.UNLIKE_RUNS: N_("too few runs for how much they differ"),
    differences.NO_SIZES: N_("the sizes of the training parts are unknown"),
    differences.NO_SPREAD: N_("it is the same wherever it was measured, so that nothing tells what chance does"),
}


# What an interval is about where not all of the two groups' photographs are the same in every run.
PAIRINGS = {
    differences.OVER_FOLDS: N_("{interval}, paired over all folds"),
    differences.PARTLY: N_("{interval}, paired where both tested a photograph"),
    differences.UNPAIRED: N_("{interval}, unpaired, as each tested other photographs"),
}


def sentence(comparison: Comparison, second: str = "") -> str:
    """What a comparison found, as one sentence with its interval and its verdict; second: what it is called, if told.

    The interval is that of first minus second, as in every table and figure.
    """
    first, second = comparison.first.label, second or comparison.second.label
    estimate = comparison.difference
    if estimate is None:
        return _("{first} and {second} share no repetition: not compared.", first=first, second=second)
    if comparison.verdict == differences.SAME:
        return _("{first} and {second} judge every photograph alike.", first=first, second=second)
    difference = _apart(first, second, comparison, estimate)
    if estimate.low is None or estimate.high is None:
        return _("{difference}; no interval: {reason}.", difference=difference, reason=_(REASONS[comparison.reason]))
    return _(
        "{difference} ({interval}): {verdict}.",
        difference=difference,
        interval=interval_words(comparison),
        verdict=judgement(comparison),
    )


def interval_words(comparison: Comparison) -> str:
    """The interval of first minus second in points, or of a loss as it is, and what it rests on if that is less."""
    estimate = comparison.difference
    if estimate is None or estimate.low is None or estimate.high is None:
        return _("no interval")
    is_fraction = COLUMNS[comparison.metric].is_fraction
    low, high = (fixed(100 * end) if is_fraction else fixed(end, 3) for end in (estimate.low, estimate.high))
    interval = _("95 % interval {low} to {high}", low=low, high=high)
    if comparison.by_photograph:
        about = PAIRINGS.get(comparison.pairing)
        return _(about, interval=interval) if about else interval
    if comparison.splits < 2:
        return _("{interval} over seeds alone, on these test images", interval=interval)
    return _("{interval} over runs alone", interval=interval)


def _apart(first: str, second: str, comparison: Comparison, estimate: Estimate) -> str:
    """By how much they differ; where all is one split, it is said of the trained models, not of strategies."""
    names = {"first": first, "second": second}
    here = comparison.splits < 2 and comparison.by_photograph
    if abs(estimate.value) < EQUAL and COLUMNS[comparison.metric].is_fraction:  # which is not "equally good", a verdict
        if here:
            return _("The models of {first} and of {second} differ by 0.0 points", **names)
        return _("{first} and {second} differ by 0.0 points", **names)
    if not COLUMNS[comparison.metric].is_fraction:
        names["value"] = fixed(abs(estimate.value), 3)
        if here and estimate.value > 0:
            return _("The models of {first} have a loss higher by {value} than those of {second}", **names)
        if here:
            return _("The models of {first} have a loss lower by {value} than those of {second}", **names)
        if estimate.value > 0:
            return _("{first} has a loss higher by {value} than {second}", **names)
        return _("{first} has a loss lower by {value} than {second}", **names)
    names["points"] = fixed(100 * abs(estimate.value))
    if here and estimate.value < 0:
        return _("The models of {first} are {points} points worse than those of {second}", **names)
    if here:
        return _("The models of {first} are {points} points better than those of {second}", **names)
    if estimate.value < 0:
        return _("{first} is {points} points worse than {second}", **names)
    return _("{first} is {points} points better than {second}", **names)


def judgement(comparison: Comparison) -> str:
    """The verdict on a difference in a few words."""
    margin = f"{100 * comparison.margin:g}"
    if comparison.is_shown:
        return _("shown, and less than {margin} points", margin=margin) if comparison.is_within else _("shown")
    if comparison.verdict == comparisons.WITHIN:
        return _("equally good within {margin} points", margin=margin)
    if comparison.verdict == differences.SAME:
        return _("the same on every photograph")
    return _("not shown") if comparison.verdict == comparisons.OPEN else _("no interval")


def p_text(p: float | None) -> str:
    """A p-value as text."""
    if p is None:
        return UNKNOWN
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def final_words(group: Group, metric: str) -> str:
    """A group's last round in a few words, for a plot's alternative text."""
    return interval_of(metric)(mean(group, metric))
