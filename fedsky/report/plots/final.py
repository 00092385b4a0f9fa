"""The final result of each group, and what joining changes, one row a group."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedsky.language import _

from ..comparisons import Joining
from ..groups import Group
from ..means import mean, ranked
from ..statistics import Estimate
from ..story import Gain
from ..style import Look
from ..words import signed
from . import layout

SHARES = (-100.0, 300.0)  # percent of a gap between which an interval is drawn; an arrow tells that it goes on


def final(groups: Sequence[Group], looks: dict[str, Look]) -> Figure:
    """Balanced accuracy after the last round, the best first: every run as a dot, the mean and its interval above."""
    rows = layout.rows(ranked(groups))
    figure, [axes] = layout.figure([0.55 + 1.35 * rows.inches])
    everything = []
    for group in groups:
        look, place = looks[group.label], rows.places[group.label]
        runs = 100 * np.array(list(group.finals("balanced_accuracy").values()))
        everything += list(runs)
        axes.plot(runs, np.full(len(runs), place + 0.2), **layout.dots(look, 3, 0.45))
        estimate = mean(group)
        if estimate is not None:
            mark(axes, estimate.scaled(100), place - 0.12, look, 0, 100)
            everything += [] if estimate.low is None else [max(0.0, 100 * estimate.low)]
    rows.apply(axes)
    low, high = (min(everything), max(everything)) if everything else (np.nan, np.nan)
    start, end = layout.percent_limits(low, high)
    axes.set_xlim(start, max(end, 100.6))
    layout.whole(axes)
    axes.set(xlabel=layout.axis_from(_("Balanced accuracy"), start))
    axes.set_title(_("After the last round, on the test images"))
    return layout.finish(figure)


def mark(axes: Axes, estimate: Estimate, place: float, look: Look, least: float, most: float) -> None:
    """A mean with its interval, cut at what can be."""
    if estimate.low is not None and estimate.high is not None:
        axes.hlines(place, max(estimate.low, least), min(estimate.high, most), color=look.color, linewidth=1.6)
    axes.plot(estimate.value, place, linestyle="none", zorder=3, **layout.mark(look, 5.5, 0.6))


def story(found: Sequence[Gain], looks: dict[str, Look]) -> Figure:
    """How many points better than training alone each group is, with its interval and its number beside it."""
    rows = layout.rows([each.group for each in found])
    figure, [axes] = layout.figure([0.5 + 1.4 * rows.inches])
    low, high = 0.0, 0.0
    for each in found:
        points, place = each.difference.scaled(100), rows.places[each.group.label]
        mark(axes, points, place, looks[each.group.label], -100, 100)
        ends = [points.value, *(end for end in (points.low, points.high) if end is not None)]
        low, high = min(low, *ends), max(high, *ends)
        axes.annotate(
            signed(points.value), (points.value, place), (0, 4), textcoords="offset points", ha="center", fontsize=7
        )
    rows.apply(axes)
    axes.axvline(0, color="#444444", linewidth=0.9, zorder=0)
    room = 0.06 * (high - low) or 1.0
    axes.set_xlim(max(low - room, -100), min(high + room, 100))
    axes.set(xlabel=_("Points of balanced accuracy; 0: as good as alone"))
    axes.set_title(_("How much better than every owner alone"))
    return layout.finish(figure)


def joining(found: Sequence[Joining], looks: dict[str, Look]) -> Figure:
    """What joining changes against staying alone and against pooling, in points, each with its interval."""
    rows = layout.rows([each.federated for each in found])
    titles = [
        (_("Federated minus alone"), [each.gain for each in found]),
        (_("Federated minus pooled"), [each.pooled for each in found]),
    ]
    kept = [part for part in titles if any(comparison is not None for comparison in part[1])]
    figure, axes = layout.figure([0.45 + 1.3 * rows.inches] * len(kept))
    edge = 4.8
    for each, (title, comparisons) in zip(axes, kept, strict=True):
        for comparison in comparisons:
            if comparison is not None and comparison.difference is not None:
                label = comparison.first.label
                points = comparison.difference.scaled(100)
                mark(each, points, rows.places[label], looks[label], -100, 100)
                edge = max([edge, *(abs(end) for end in (points.value, points.low, points.high) if end is not None)])
        rows.apply(each)
        each.axvline(0, color="#444444", linewidth=0.9, zorder=0)
        each.set_title(title)
    for each in axes:
        each.set_xlim(-1.05 * min(edge, 100), 1.05 * min(edge, 100))
    axes[-1].set(xlabel=_("Points of balanced accuracy"))
    return layout.finish(figure)


def share(found: Sequence[Joining], looks: dict[str, Look]) -> Figure:
    """The share of the gap between alone and pooled that each federated group closes, with its interval."""
    known = [each for each in found if each.share is not None]
    rows = layout.rows([each.federated for each in known])
    figure, [axes] = layout.figure([0.55 + 1.3 * rows.inches])
    for each in known:
        assert each.share is not None
        percent, place = each.share.scaled(100), rows.places[each.federated.label]
        look = looks[each.federated.label]
        mark(axes, percent, place, look, *SHARES)
        for end, beyond, marker in ((SHARES[0], percent.low, "<"), (SHARES[1], percent.high, ">")):
            if beyond is not None and abs(beyond) > abs(end) and beyond * end > 0:  # it goes on beyond what is drawn
                axes.plot(end, place, linestyle="none", marker=marker, markersize=4, color=look.color)
    rows.apply(axes)
    axes.axvline(0, color="#444444", linewidth=0.9, zorder=0)
    axes.axvline(100, color="#444444", linewidth=0.9, linestyle="--", zorder=0)
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, -4), max(right, 104))
    axes.set(xlabel=_("Share closed (%): 0 is as good as alone, 100 as pooled"))
    axes.set_title(_("Gap between alone and pooled"))
    return layout.finish(figure)
