"""What figures have in common: a column's width, a legend with a height of its own, rows of groups, percent axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from fedsky.language import _
from fedsky.report.fonts import spelled
from fedsky.untrusted import printable

from ..groups import Group, by_context
from ..style import Look

WIDTH = 3.5  # inches: one column of a thesis or paper, 8.9 cm
MANY = 24  # rows beyond which a figure shows a part only
LEGEND: dict[str, Any] = {"handlelength": 2.8, "columnspacing": 1.2, "labelspacing": 0.3, "borderpad": 0.2}
HEADING: dict[str, Any] = {"fontsize": 6.5, "color": "#555555", "va": "center", "in_layout": False}


def short(label: str, limit: int = 44) -> str:
    """A label that fits a legend, in characters that can be drawn."""
    return spelled(printable(label, limit))


def mark(look: Look, size: float, rim: float) -> dict[str, Any]:
    """How a group's mark is drawn: a white rim parts it from what lies below."""
    face = {"marker": look.marker, "color": look.color, "markersize": size}
    return face | {"markeredgecolor": "white", "markeredgewidth": rim}


def dots(look: Look, size: float, alpha: float, marker: str = "o") -> dict[str, Any]:
    """How a group's single runs are drawn."""
    face = {"marker": marker, "color": look.color, "markersize": size, "alpha": alpha}
    return face | {"linestyle": "none", "markeredgewidth": 0}


def _columns(labels: Sequence[str]) -> int:
    # A Chinese character is as wide as two Latin ones.
    longest = max((len(label) + sum(ord(character) > 0x2E80 for character in label) for label in labels), default=0)
    return 3 if longest < 12 and len(labels) != 4 else 2 if longest < 22 else 1


def figure(
    heights: Sequence[float], labels: Sequence[str] = (), columns: int = 1, share: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure as wide as a column, its rows of axes as high as told, in inches, and room below for a legend."""
    legend = math.ceil(len(labels) / _columns(labels)) if labels else 0
    drawn = Figure(figsize=(WIDTH, sum(heights) + 0.1 + 0.15 * legend), layout="constrained")
    grid = drawn.subplots(len(heights), columns, squeeze=False, sharex=share, height_ratios=list(heights))
    return drawn, [axes for row in grid for axes in row]


def finish(drawn: Figure) -> Figure:
    """Sets one legend for all axes below them, each label once."""
    found: dict[str, Artist] = {}
    for axes in drawn.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        columns = _columns(list(found))
        drawn.legend(list(found.values()), list(found), loc="outside lower left", ncols=columns, **LEGEND)
    return drawn


def panels(groups: Sequence[Group], most: int = 4) -> list[tuple[str, list[Group]]]:
    """The groups by context, one panel each: the first contexts, as many as a figure holds."""
    return list(by_context(groups).items())[:most]


def names(groups: Sequence[Group]) -> list[str]:
    """What a legend has, in order and each once."""
    return list(dict.fromkeys(short(group.variant) for group in groups))


@dataclass(frozen=True)
class Rows:
    """Where each group stands in a figure of one row a group, under the contexts as headings."""

    places: dict[str, float]
    labels: dict[str, str]
    headings: list[tuple[float, str]]

    @property
    def inches(self) -> float:
        return 0.19 * (len(self.places) + len(self.headings))

    def apply(self, axes: Axes, named: bool = True) -> None:
        """Puts names and headings at the rows of an axes whose first row is on top."""
        axes.set_yticks(list(self.places.values()), list(self.labels.values()) if named else [""] * len(self.labels))
        axes.set_ylim(len(self.places) + len(self.headings) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        for place, text in self.headings:
            axes.text(0.01, place + 0.1, short(text, 38), transform=axes.get_yaxis_transform(), **HEADING)


def rows(groups: Sequence[Group]) -> Rows:
    """Rows for groups, those of one context together."""
    places: dict[str, float] = {}
    labels: dict[str, str] = {}
    headings: list[tuple[float, str]] = []
    for context, members in panels(groups, len(groups)):
        if context:
            headings.append((float(len(places) + len(headings)), context))
        for group in members:
            places[group.label] = float(len(places) + len(headings))
            labels[group.label] = short(group.variant, 26)
    return Rows(places, labels, headings)


def name_panel(axes: Axes, context: str) -> None:
    """Writes over a panel which settings it shows, as much of it as the width holds."""
    axes.set_title(short(context, 42), fontsize=7)


def percent_limits(low: float, high: float) -> tuple[float, float]:
    """Limits in percent that hold what is from low to high, at whole tens below."""
    if math.isnan(low):
        return 0, 100
    return max(0, math.floor(low / 10 - 0.2) * 10), 100 if high < 99 else 101


def axis_from(name: str, start: float) -> str:
    """An axis' label that says where a percent axis begins."""
    return _("{name} (%, axis from {start} %)", name=name, start=f"{start:g}") if start else f"{name} (%)"


def logarithmic(axes: Axes, axis: str) -> None:
    """A log scale with plain numbers."""
    scale = axes.xaxis if axis == "x" else axes.yaxis
    (axes.set_xscale if axis == "x" else axes.set_yscale)("log")
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    scale.set_major_locator(LogLocator(subs=(1, 3), numticks=8))
    scale.set_minor_locator(NullLocator())


def whole(axes: Axes, axis: str = "x") -> None:
    """Ticks at whole numbers."""
    scale = axes.xaxis if axis == "x" else axes.yaxis
    scale.set_major_locator(MaxNLocator(integer=True, nbins=6))
    scale.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", " ")))
