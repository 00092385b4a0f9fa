"""Pooled training's learning curve, and where on it federations and owners alone lie."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from fedsky.history import POOLED
from fedsky.language import _

from ..learning import STEPS, Curve, Place
from ..style import BASELINES, Look
from . import layout


def learning(curve: Curve, places: Sequence[Place], looks: dict[str, Look]) -> Figure:
    """The curve's points with their intervals, and each group's place with its interval in photographs."""
    pooled, numbers = BASELINES[POOLED], curve.numbers
    labels = [_("Pooled training"), *(layout.short(each.group.label) for each in places)]
    figure, [axes] = layout.figure([2.5], labels)
    means = 100 * curve.means
    tried = np.geomspace(numbers[0], numbers[-1], STEPS)
    axes.plot(tried, curve.weights(means, tried) @ means, color=pooled.color, linewidth=1)
    axes.plot(numbers, means, linestyle="none", marker=pooled.marker, color=pooled.color, label=labels[0])
    lows, highs = np.clip(100 * curve.ends, 0, 100).T
    axes.vlines(numbers, lows, highs, color=pooled.color, linewidth=1)
    lowest = float(np.nanmin([*means, *lows]))
    left, right = numbers[0] / 1.25, numbers[-1] * 1.25
    for each, label in zip(places, labels[1:], strict=True):
        look, height = looks[each.group.label], 100 * each.accuracy
        lowest = min(lowest, height)
        if not each.apart:
            axes.hlines(height, each.low or left, each.high or right, color=look.color, linewidth=1.2)
        beyond = ">" if math.isinf(each.number) else "<" if not each.number else look.marker
        shown = layout.mark(look, 6, 0.6) | {"marker": beyond, "linestyle": "none", "zorder": 3, "clip_on": False}
        axes.plot(min(max(each.number, left), right), height, label=label, **shown)
    layout.logarithmic(axes, "x")
    axes.set_xlim(left, right)
    axes.xaxis.set_major_locator(FixedLocator(list(numbers)))
    axes.set_xticks(list(numbers), [f"{number:.0f}" for number in numbers])
    axes.xaxis.set_minor_locator(NullLocator())
    start, _end = layout.percent_limits(lowest, 100)
    axes.set_ylim(start, 101)
    axes.set(xlabel=_("Training photographs, pooled"), ylabel=layout.axis_from(_("Balanced accuracy"), start))
    axes.set_title(_("Worth in photographs"))
    return layout.finish(figure)
