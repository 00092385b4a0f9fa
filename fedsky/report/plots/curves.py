"""A metric against rounds, megabytes, seconds, virtual seconds or local steps, one panel a context."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedsky.history.columns import COLUMNS
from fedsky.language import N_, _

from ..groups import Group
from ..reading import Floats
from ..style import Look
from . import layout

AXES = {
    "round": N_("Round"),
    "megabytes": N_("Megabytes sent, both directions"),
    "seconds": N_("Seconds on the wall"),
    "virtual_seconds": N_("Virtual seconds"),
    "steps": N_("Local steps of all clients"),
}
MOST_LINES = 24  # single runs beyond which none are drawn
MOST_BANDS = 5  # curves of a panel beyond which intervals would bury them


@dataclass(frozen=True)
class Curve:
    """One group's mean with its interval, and each of its runs as (x, y). flat: nothing is sent, x has no meaning."""

    group: Group
    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    runs: list[tuple[Floats, Floats]]
    flat: bool = False


def curves(found: Sequence[Curve], metric: str, axis: str, looks: dict[str, Look]) -> Figure:
    """The mean as a marked line, each run as a faint one, the t-interval as a band."""
    groups: list[Group] = [curve.group for curve in found]
    parts = layout.panels(groups)
    single = len(parts) == 1
    figure, axes = layout.figure([2.5] if single else [1.75] * len(parts), layout.names(groups))
    shown = [curve for curve in found if any(curve.group in members for _context, members in parts)]
    in_percent = COLUMNS[metric].is_fraction
    crowd = max(sum(curve.group in members for curve in shown) for _context, members in parts)
    bands = {curve.group.label: _band(curve, in_percent) for curve in shown if _has_band(curve, crowd)}
    bottom, top, log = _limits(shown, bands, in_percent)
    log_x = axis != "round" and _far_apart(shown)
    lines = sum(len(curve.runs) for curve in shown)
    faint = 0.4 * min(1.0, (12 / max(1, lines)) ** 0.5) if lines <= MOST_LINES else 0.0
    name = _(COLUMNS[metric].label).capitalize()
    for place, (each, (context, members)) in enumerate(zip(axes, parts, strict=True)):
        mine = [curve for curve in shown if curve.group in members]
        for number, curve in enumerate(mine):
            if curve.group.label in bands:
                start, look = int(log_x), looks[curve.group.label]
                low, high = (np.maximum(end, bottom)[start:] for end in bands[curve.group.label])
                each.fill_between(
                    curve.x[start:], low, high, color=look.color, alpha=0.11 if crowd <= 4 else 0.06, linewidth=0
                )
            _draw(each, curve, looks[curve.group.label], number, faint, int(log_x))
        if log:
            layout.logarithmic(each, "y")
        if log_x:
            layout.logarithmic(each, "x")
        else:
            layout.whole(each)
        each.set_ylim(bottom, top)
        each.margins(x=0.02)
        unit = _("Loss, log scale") if log else _("Cross-entropy loss")
        label = layout.axis_from(name, bottom) if in_percent else unit
        each.set(ylabel=label if single else f"{name} (%)" if in_percent else name)
        last = _(AXES[axis]) + (_(", log scale") if log_x else "")
        each.set(xlabel=last if place == len(parts) - 1 else "")
        title = _("{metric} on the test images", metric=name)
        if single:
            each.set_title(title)
        else:
            layout.name_panel(each, context)
    return layout.finish(figure)


def _draw(axes: Axes, curve: Curve, look: Look, number: int, faint: float, start: int) -> None:
    label = layout.short(curve.group.variant)
    if curve.flat:
        last = curve.mean[~np.isnan(curve.mean)][-1:]
        if len(last):
            axes.axhline(float(last[0]), color=look.color, linestyle=look.line, label=label)
        return
    if len(curve.runs) > 1 and faint:
        for x, y in curve.runs:
            axes.plot(x[start:], y[start:], color=look.color, alpha=faint, linewidth=0.6)
    step = max(1, math.ceil(len(curve.x) / 6))
    shown = {"linestyle": look.line, "markevery": (number % step, step), "zorder": 3, **layout.mark(look, 4, 0.5)}
    axes.plot(curve.x[start:], curve.mean[start:], label=label, **shown)


def _has_band(curve: Curve, crowd: int) -> bool:
    return len(curve.runs) > 1 and crowd <= MOST_BANDS and not curve.flat


def _band(curve: Curve, in_percent: bool) -> tuple[Floats, Floats]:
    """The ends of a curve's intervals, cut at what can be."""
    most = 100.0 if in_percent else np.inf
    return np.clip(curve.low, 0.0, most), np.clip(curve.high, 0.0, most)


def _far_apart(found: Sequence[Curve]) -> bool:
    """Whether what some group spends in all is lost beside what another does."""
    totals = [float(np.nanmax(curve.x)) for curve in found if not curve.flat and np.nanmax(curve.x) > 0]
    return bool(totals) and max(totals) > 20 * min(totals)


def _limits(
    found: Sequence[Curve], bands: dict[str, tuple[Floats, Floats]], in_percent: bool
) -> tuple[float, float, bool]:
    """Limits that hold every run's line and every band; and whether only a log scale can show them.

    On a log scale, which has no place for 0, a band may go on below the lowest line.
    """
    values = [np.concatenate([curve.mean, *(y for _x, y in curve.runs)]) for curve in found]
    known = np.concatenate([[], *values])
    known = known[~np.isnan(known)]
    if not len(known):
        return 0, 100.0 if in_percent else 1.0, False
    ends = np.concatenate([known, *(end[~np.isnan(end)] for band in bands.values() for end in band)])
    low, high = float(ends.min()), float(ends.max())
    if in_percent:
        return *layout.percent_limits(low, high), False
    if known.min() > 0 and high > 20 * float(np.median(known)):
        return float(known.min()) / 1.5, high * 1.5, True
    return min(0, low), high * 1.08 if high > 0 else 1, False
