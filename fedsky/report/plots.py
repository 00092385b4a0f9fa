"""The figures of a report: curves over rounds, who gains, and who has which images."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from .groups import Group
from .results import printable
from .style import CLASSES, Look
from .tables import image_count

WIDTH = 3.5  # inches: one column of a thesis or paper
MANY = 24  # owners beyond which a figure shows the ends only


def short(label: str) -> str:
    """A label that fits a legend."""
    return printable(label, 44)


def _figure(body: float, labels: Sequence[str]) -> tuple[Figure, Axes]:
    """A figure as wide as a column, whose legend below the axes takes its own height, in inches."""
    rows = math.ceil(len(labels) / _columns(labels))
    figure = Figure(figsize=(WIDTH, body + 0.1 + 0.15 * rows), layout="constrained")
    return figure, figure.add_subplot()


def _columns(labels: Sequence[str]) -> int:
    longest = max(map(len, labels), default=0)
    return 3 if longest < 12 and len(labels) != 4 else 2 if longest < 22 else 1


def _finish(figure: Figure, axes: Axes) -> Figure:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=_columns(labels), handlelength=2.8,
                  columnspacing=1.2, labelspacing=0.3, borderpad=0.2)  # fmt: skip
    return figure


def curves(table: pd.DataFrame, groups: Sequence[Group], metric: str, looks: dict[str, Look]) -> Figure:
    """A metric over rounds: the mean as a marked line, each run as a faint one, the t-interval as a band."""
    figure, axes = _figure(2.5, [short(group.label) for group in groups])
    scale = 1 if metric == "loss" else 100
    faint = 0.35 * min(1.0, (12 / max(1, sum(len(group.results) for group in groups))) ** 0.5)  # many runs: fainter
    for number, group in enumerate(groups):
        look, rows = looks[group.label], table[table["group"] == group.label]
        rounds = rows["round"].to_numpy(float)
        mean, low, high = (scale * rows[name].to_numpy(float) for name in (metric, f"{metric}_low", f"{metric}_high"))
        if len(group.results) > 1:
            axes.fill_between(
                rounds, low, high, color=look.color, alpha=0.14 if len(groups) <= 4 else 0.06, linewidth=0
            )
            for result in group.results.values():
                values = scale * result.rounds[metric]
                axes.plot(values.index, values, color=look.color, alpha=faint, linewidth=0.6)
        step = max(1, math.ceil(len(rounds) / 6))
        axes.plot(rounds, mean, color=look.color, linestyle=look.line, marker=look.marker, label=short(group.label),
                  markevery=(number % step, step), markeredgecolor="white", markeredgewidth=0.5, zorder=3)  # fmt: skip
    name = metric.replace("_", " ").capitalize()
    bottom, top, logarithmic = _limits(table, scale)
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom, top)
    unit = (", log scale" if logarithmic else "") if metric == "loss" else f" (%, axis from {bottom:g} %)"
    axes.set(xlabel="Round", ylabel=("Cross-entropy loss" if metric == "loss" else name) + unit)
    axes.set_title(f"{name} on the test images")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axes.margins(x=0.02)
    return _finish(figure, axes)


def _limits(table: pd.DataFrame, scale: int) -> tuple[float, float, bool]:
    """Limits that hold every run's line, not every band; and whether only a log scale can show them."""
    low, high = scale * float(table["lowest"].min()), scale * float(table["highest"].max())
    if math.isnan(low):
        return 0, float(scale), False
    if scale == 100:
        return max(0, math.floor(low / 10 - 0.2) * 10), 100 if high < 99 else 101, False
    middle = float(table["highest"].median())
    if low > 0 and high > 20 * middle:
        return low / 1.5, high * 1.5, True
    return min(0, low), high * 1.08 if high > 0 else 1, False


def owners(table: pd.DataFrame, groups: Sequence[Group], looks: dict[str, Look]) -> Figure:
    """A dumbbell a row: an owner's accuracy alone, federated and pooled, on its own test images."""
    wide = table.pivot(index="client", columns="group", values="accuracy") * 100
    labels = [group.label for group in groups if group.label in wide and wide[group.label].notna().any()]
    wide, names, cut = _ends(wide[labels], table, groups)
    spread = min(0.14, 0.5 / max(len(labels), 1))
    row = max(0.24, 0.06 * len(labels))
    figure, axes = _figure(0.75 + row * len(wide), [short(label) for label in labels])
    places = np.arange(len(wide))
    axes.hlines(places, wide.min(axis=1), wide.max(axis=1), color="#bbbbbb", linewidth=2.2, zorder=1)
    for number, label in enumerate(labels):
        look, shift = looks[label], spread * (number - (len(labels) - 1) / 2)
        axes.plot(wide[label], places + shift, linestyle="none", marker=look.marker, color=look.color,
                  markersize=5, markeredgecolor="white", markeredgewidth=0.5, label=short(label), zorder=3)  # fmt: skip
    low = float(np.nanmin(wide.to_numpy()))
    start = max(0, math.floor(low / 10 - 0.2) * 10)
    axes.set_xlim(start, 101)
    axes.set_yticks(places, names)
    axes.set_ylim(len(wide) - 0.4, -0.6)
    axes.set(xlabel=f"Accuracy (%, axis from {start} %){cut}")
    axes.set_title("Each owner's own test images")
    axes.grid(axis="y", visible=False)
    return _finish(figure, axes)


def _ends(wide: pd.DataFrame, table: pd.DataFrame, groups: Sequence[Group]) -> tuple[pd.DataFrame, list[str], str]:
    """The owners to show, all in order of their number or, of many, those who gain least and most."""
    cut = ""
    if len(wide) > MANY:
        alone = next((g.label for g in groups if g.is_alone and g.label in wide), None)
        first = next((g.label for g in groups if g.is_federated and g.label in wide), wide.columns[-1])
        gains = (wide[first] - (wide[alone] if alone else 0)).sort_values(kind="stable").index
        wide = wide.loc[[*gains[: MANY // 2], *gains[-MANY // 2 :]]]
        cut = f"\nof {len(gains)} owners, the {MANY // 2} who gain\nleast and the {MANY // 2} who gain most"
    names = {
        row["client"]: f"{short(row['owner'])} (n = {image_count(row['num_test_min'], row['num_test_max'])})"
        for row in table.to_dict("records")
    }
    return wide, [names[client] for client in wide.index], cut


def partition(table: pd.DataFrame, names: dict[int, str]) -> Figure:
    """Stacked bars: each owner's training images by class, as counts."""
    train = table[table["part"] == "train"]
    classes = list(dict.fromkeys(train["class"]))
    wide = train.pivot_table(index="client", columns="class", values="count", aggfunc="sum")[classes].iloc[: 2 * MANY]
    figure, axes = _figure(0.75 + 0.22 * len(wide), [short(name) for name in classes])
    places, left = np.arange(len(wide)), np.zeros(len(wide))
    for number, name in enumerate(classes):
        values = wide[name].to_numpy(float)
        axes.barh(places, values, left=left, height=0.7, color=CLASSES[number % len(CLASSES)], label=short(name),
                  hatch=("", "////", "....", "xxxx")[number % 4], edgecolor="white", linewidth=0.4)  # fmt: skip
        left += values
    axes.set_yticks(places, [short(names.get(client, f"owner {client}")) for client in wide.index])
    axes.set_ylim(len(wide) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set(xlabel="Training images")
    more = train["client"].nunique() - len(wide)
    axes.set_title("Who has which images" + (f"\nthe first {len(wide)} of {len(wide) + more} owners" if more else ""))
    axes.grid(axis="y", visible=False)
    return _finish(figure, axes)
