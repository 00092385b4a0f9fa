"""The final result, and what is gained over training alone, against a setting that a sweep varies."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedsky.language import _

from ..statistics import Estimate
from ..style import Look
from ..swept import Series, Sweep
from . import layout

MOST_SERIES = 8  # lines beyond which a panel shows the first only
NAMED = 22  # characters of a value on the axis
DECADES = 20.0  # how many times the lowest value the highest is where the axis is logarithmic


def sweep(one: Sweep, looks: dict[str, Look]) -> Figure:
    """Above the result, below the gain over training alone where some is known: a line a strategy, with intervals.

    Groups that do not have the setting are level lines. Small dots are single runs.
    """
    lines = one.series[:MOST_SERIES]
    gaining = [line for line in lines if any(point.gain and point.gain.difference for point in line.points)]
    names = [layout.short(line.label) for line in lines] + [layout.short(each.group.label) for each in one.levels]
    figure, axes = layout.figure([1.9, 1.6] if gaining else [2.1], names)
    places, log = _places(one)
    upper = axes[0]
    everything = [value for line in lines for point in line.points for value in point.runs]
    for number, line in enumerate(lines):
        look = looks[line.group.label]
        xs = [_beside(places[point.value], number, len(lines), places, log) for point in line.points]
        estimates = [point.estimate.scaled(100) for point in line.points]
        _line(upper, xs, estimates, look, layout.short(line.label), (0, 100))
        for x, point in zip(xs, line.points, strict=True):
            upper.plot([x] * len(point.runs), [100 * value for value in point.runs], **layout.dots(look, 2, 0.4))
    for each in one.levels:
        look = looks[each.group.label]
        upper.axhline(
            100 * each.estimate.value,
            color=look.color,
            linestyle=look.line,
            linewidth=1,
            label=layout.short(each.group.label),
        )
        everything += each.runs
    lows = [max(low, 0.0) for line in lines for point in line.points if (low := point.estimate.low) is not None]
    start, end = layout.percent_limits(100 * min(everything + lows), 100 * max(everything))
    upper.set_ylim(start, max(end, 101))
    upper.set(ylabel=_("Balanced accuracy") + " (%)")
    upper.set_title(_("After the last round, on the test images"))
    if gaining:
        axes[1].axhline(0, color="#444444", linewidth=0.9, zorder=0)
        _gains(axes[1], gaining, lines, places, log, looks)
    for panel in axes:
        if log:
            layout.logarithmic(panel, "x")
        panel.set_xticks(list(places.values()), [layout.short(value, NAMED) for value in places])
        panel.minorticks_off()
        if not one.is_numeric:
            panel.set_xlim(-0.5, len(places) - 0.5)
    if len(places) * max(len(layout.short(value, NAMED)) for value in places) > 44:
        axes[-1].tick_params(axis="x", labelrotation=30)
    axes[-1].set(xlabel=layout.short(one.key, 60))
    return layout.finish(figure)


def _gains(
    axes: Axes,
    gaining: Sequence[Series],
    lines: Sequence[Series],
    places: dict[str, float],
    log: bool,
    looks: dict[str, Look],
) -> None:
    everything: list[Estimate] = []
    for line in gaining:
        number = lines.index(line)
        known = [
            (point.value, gain.scaled(100))
            for point in line.points
            if point.gain is not None and (gain := point.gain.difference) is not None
        ]
        xs = [_beside(places[value], number, len(lines), places, log) for value, _gain in known]
        everything += [gain for _value, gain in known]
        _line(axes, xs, everything[-len(known) :], looks[line.group.label], layout.short(line.label), (-100, 100))
    ends = [end for each in everything for end in (each.value, each.low, each.high) if end is not None]
    axes.set_ylim(1.08 * max(min(0.0, *ends), -100) - 1, 1.08 * min(max(0.0, *ends), 100) + 1)
    axes.set(ylabel=_("Points"))
    axes.set_title(_("Minus training alone"))


def _line(
    axes: Axes, xs: Sequence[float], estimates: Sequence[Estimate], look: Look, label: str, ends: tuple[float, float]
) -> None:
    """Estimates joined by a line, each with its interval, cut at what can be."""
    values = [each.value for each in estimates]
    axes.plot(xs, values, linestyle=look.line, label=label, **layout.mark(look, 4.5, 0.4))
    for x, each in zip(xs, estimates, strict=True):
        if each.low is not None and each.high is not None:
            low, high = np.clip((each.low, each.high), *ends)
            axes.vlines(x, low, high, color=look.color, linewidth=1)


def _places(one: Sweep) -> tuple[dict[str, float], bool]:
    """Where the values stand, and whether on a log axis; side by side where a log axis would have to show 0."""
    known = sorted(one.places.values())
    positive = [place for place in known if place > 0]
    spans = one.is_numeric and bool(positive) and positive[-1] >= DECADES * positive[0]
    if spans and known[0] <= 0:
        return {value: float(number) for number, value in enumerate(one.places)}, False
    return one.places, spans


def _beside(place: float, number: int, count: int, places: dict[str, float], log: bool) -> float:
    """A place moved a little, so that the intervals of lines stand side by side."""
    values = sorted(places.values())
    width = np.log(values[-1] / values[0]) if log else values[-1] - values[0]
    step = (number - (count - 1) / 2) * min(0.015, 0.08 / count) * width
    return float(place * np.exp(step)) if log else place + step
