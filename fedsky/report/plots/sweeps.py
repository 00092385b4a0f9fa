"""The final result against each setting that a sweep varies."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from fedsky.language import _

from ..groups import Group
from ..statistics import Estimate
from ..style import Look
from . import layout

MOST_SERIES = 8  # lines beyond which a panel shows the first only


@dataclass(frozen=True)
class Point:
    """A group's place on a sweep: the setting's value, the mean with its interval, and each run."""

    group: Group
    x: float
    estimate: Estimate
    runs: list[float]


@dataclass(frozen=True)
class Series:
    """Groups that differ in the one setting alone, in order of it. label: what they share that others do not."""

    label: str
    points: list[Point]


@dataclass(frozen=True)
class Sweep:
    """A setting and the series over it."""

    key: str
    series: list[Series]


def sweep(found: Sequence[Sweep], looks: dict[str, Look]) -> Figure:
    """One panel a setting: a line for groups that differ in it alone, the mean with its t-interval, every run a dot."""
    labels = list(dict.fromkeys(s.label for each in found for s in each.series[:MOST_SERIES]))
    figure, axes = layout.figure([1.9] * len(found), [layout.short(label) for label in labels], share=False)
    runs = [value for each in found for s in each.series for point in s.points for value in point.runs]
    start, end = layout.percent_limits(100 * min(runs), 100 * max(runs))
    for each, one in zip(axes, found, strict=True):
        places = sorted({point.x for series in one.series for point in series.points})
        log = places[0] > 0 and places[-1] >= 20 * places[0]
        for number, series in enumerate(one.series[:MOST_SERIES]):
            look = looks[series.points[0].group.label]
            step = (number - (min(len(one.series), MOST_SERIES) - 1) / 2) * 0.012
            xs = [point.x * (1 + 2 * step) if log else point.x + step * (places[-1] - places[0])
                  for point in series.points]  # fmt: skip
            each.plot(xs, [100 * point.estimate.value for point in series.points], color=look.color,
                      linestyle=look.line, marker=look.marker, markeredgecolor="white", markeredgewidth=0.4,
                      label=layout.short(series.label))  # fmt: skip
            for x, point in zip(xs, series.points, strict=True):
                each.plot([x] * len(point.runs), [100 * value for value in point.runs], linestyle="none", marker="o",
                          markersize=2.2, color=look.color, alpha=0.5, markeredgewidth=0)  # fmt: skip
                if point.estimate.low is not None and point.estimate.high is not None:
                    each.vlines(x, 100 * max(point.estimate.low, 0), 100 * min(point.estimate.high, 1),
                                color=look.color, linewidth=1)  # fmt: skip
        if log:
            layout.logarithmic(each, "x")
        each.set_xticks(places, [f"{place:g}" for place in places])
        each.minorticks_off()
        each.set_ylim(start, max(end, 101))
        each.set(xlabel=layout.short(one.key, 60), ylabel=_("Balanced accuracy") + " (%)")
    axes[0].set_title(_("After the last round, on the test images"))
    return layout.finish(figure)
