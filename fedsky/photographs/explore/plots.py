"""The figures of an exploration, each with its numbers."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fedsky.photographs.curate import Findings
from fedsky.photographs.curate.features import Floats, light
from fedsky.photographs.explore.look import Plot, plot
from fedsky.report.fonts import spelled
from fedsky.report.style import BLUE, GREEN, PINK, RED
from fedsky.untrusted import printable

INKS = ("#B36B00", BLUE, GREEN, PINK, RED, "#333333")  # dark enough on white, for thin lines and small marks
MARKERS, LINES = "os^Dv*", ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)), (0, (3, 1)))
NUM_BINS = 20
MOST = 6  # classes that one figure can tell apart; the table has all
MANY = 2000  # points beyond which a scatter is set as pixels


def all_plots(found: Findings) -> Iterator[Plot]:
    """Counts, sizes, three distributions of light, and what colour says of each label."""
    collection = found.collection
    classes, labels = collection.classes, collection.labels
    yield from _by(found, classes, labels, "class")
    if found.label_check is not None:
        own = found.label_check.probabilities[np.arange(len(labels)), labels]
        table = shares(own, classes, labels)
        suspects = len(found.label_check.suspects)
        alt = f"Distribution by class of the probability that colours give the label; {suspects} labels are suspects."
        caption = (
            "What a model of colour alone, trained on the other folds, thinks of each label: "
            "at the left the label contradicts the colours."
        )
        title = "Probability of the own label"
        yield plot("own_label", title, alt, caption, _distribution(own, classes, labels, title), table)


def owner_plots(found: Findings) -> Iterator[Plot]:
    """Counts, sizes and the distributions of light by owner; none where no owner is named."""
    if found.collection.owners:
        yield from _by(found, found.collection.owners, found.collection.whose, "owner")


def _by(found: Findings, names: Sequence[str], numbers: NDArray[np.int64], kind: str) -> Iterator[Plot]:
    """Counts, sizes and light of photographs by their ``kind``, class or owner; a number below 0 has no name."""
    yield _counts(names, numbers, kind)
    yield _sizes(found, names, numbers, kind)
    values = light(found.collection.pictures)
    for name, title, caption in (
        ("brightness", "Brightness", "Mean luma of a photograph: 0 is black, 1 is white."),
        ("saturation", "Saturation", "Mean saturation of a photograph: 0 is grey, 1 is pure colour."),
        ("blue_ratio", "Blue ratio", "Blue over red + green + blue of a photograph: 1/3 is grey, more is bluer."),
    ):
        table = shares(values[name], names, numbers, kind)
        middles = ", ".join(f"{row[0]} {row[2]:.2f}" for row in table[[kind, "n", "median"]].to_numpy())
        alt = f"Distribution of {title.lower()} by {kind}. Medians: {middles}."
        id = name if kind == "class" else f"{kind}_{name}"
        yield plot(id, title, alt, caption, _distribution(values[name], names, numbers, title, kind), table)


def summary(values: Floats, classes: Sequence[str], labels: NDArray[np.int64], kind: str = "class") -> pd.DataFrame:
    """Count, mean, standard deviation and five quantiles of each class, or whatever else the labels number."""
    rows = []
    for number, name in enumerate(classes):
        own = values[labels == number]
        if len(own):
            low, first, middle, third, high = np.quantile(own, [0.05, 0.25, 0.5, 0.75, 0.95])
            spread = float(own.std(ddof=1)) if len(own) > 1 else float("nan")
            rows.append((name, len(own), own.mean(), spread, low, first, middle, third, high))
    columns = [kind, "n", "mean", "standard deviation", "5 %", "25 %", "median", "75 %", "95 %"]
    return pd.DataFrame(rows, columns=columns)


def _axes(height: float = 2.3) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(3.9, height), layout="constrained")
    axes = figure.add_subplot()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _name(name: str) -> str:
    return spelled(printable(name, 28))


def _counts(classes: Sequence[str], labels: NDArray[np.int64], kind: str) -> Plot:
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    shown = np.argsort(-counts, kind="stable")[:24]
    figure, axes = _axes(0.7 + 0.28 * max(len(shown), 3))
    bars = axes.barh([_name(f"{classes[number]}") for number in shown], counts[shown], color=BLUE, height=0.6)
    axes.bar_label(bars, padding=3, fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="Photographs", title=f"Photographs per {kind}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    shares = [f"{100 * count / counts.sum():.1f} %" for count in counts]
    table = pd.DataFrame({kind: classes, "photographs": counts, "share": shares})
    alt = f"Photographs per {kind}: " + ", ".join(f"{classes[number]} {counts[number]}" for number in shown) + "."
    more = f" The {len(shown)} largest of {len(classes)}." if len(classes) > len(shown) else ""
    return plot(
        "counts" if kind == "class" else f"{kind}_counts",
        f"Photographs per {kind}",
        alt,
        f"Readable photographs only.{more}",
        figure,
        table,
    )


def _sizes(found: Findings, classes: Sequence[str], labels: NDArray[np.int64], kind: str) -> Plot:
    pictures = found.collection.pictures
    width, height = (np.array([getattr(each, side) for each in pictures]) for side in ("width", "height"))
    figure, axes = _axes()
    for number, name in enumerate(classes[:MOST]):
        own = labels == number
        axes.plot(
            width[own],
            height[own],
            MARKERS[number],
            color=INKS[number],
            label=_name(name),
            alpha=0.6,
            markersize=3.5,
            fillstyle="none",
            rasterized=len(pictures) > MANY,
        )
    axes.set(xlabel="Width (pixels)", ylabel="Height (pixels)", title=f"Sizes{_cut(classes, kind)}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none")
    shorter, longer = np.minimum(width, height), np.maximum(width, height)
    table = pd.concat(
        [
            summary(shorter, classes, labels, kind).assign(side="shorter"),
            summary(longer, classes, labels, kind).assign(side="longer"),
        ]
    )
    table = table[[kind, "side", *[name for name in table.columns if name not in (kind, "side")]]].round(0)
    table = table.astype({name: "Int64" for name in table.columns if name not in (kind, "side")})
    alt = (
        f"Width against height. Shorter sides run from {shorter.min()} to {shorter.max()} pixels, "
        f"median {np.median(shorter):.0f}."
    )
    return plot(
        "sizes" if kind == "class" else f"{kind}_sizes",
        "Sizes in pixels",
        alt,
        "Each mark is a photograph, upright as it is shown.",
        figure,
        table,
    )


def bins(values: Floats) -> Floats:
    """Edges of equal bins from the smallest to the largest value, widened to multiples of 0.05."""
    low, high = np.floor(float(values.min()) * 20) / 20, np.ceil(float(values.max()) * 20) / 20
    return np.asarray(np.linspace(low, max(high, low + 0.05), NUM_BINS + 1))


def shares(values: Floats, classes: Sequence[str], labels: NDArray[np.int64], kind: str = "class") -> pd.DataFrame:
    """The summary of each class, and then the percentage of the class in each bin, as the figure shows it."""
    table, edges = summary(values, classes, labels, kind).round(3), bins(values)
    own = [values[labels == classes.index(name)] for name in table[kind]]
    counted = np.array([100 * np.histogram(each, edges)[0] / len(each) for each in own]).round(1)
    names = [f"% in {low:.3f} to {high:.3f}" for low, high in pairwise(edges)]
    return pd.concat([table, pd.DataFrame(counted, columns=names)], axis=1)


def _distribution(
    values: Floats, classes: Sequence[str], labels: NDArray[np.int64], title: str, kind: str = "class"
) -> Figure:
    figure, axes = _axes()
    edges = bins(values)
    for number, name in enumerate(classes[:MOST]):
        own = values[labels == number]
        if len(own):
            heights = 100 * np.histogram(own, edges)[0] / len(own)
            axes.stairs(
                heights,
                edges,
                color=INKS[number],
                linestyle=LINES[number],
                linewidth=1.4,
                label=f"{_name(name)} (n = {len(own)})",
                fill=False,
            )
            axes.stairs(heights, edges, color=INKS[number], fill=True, alpha=0.1)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.set(xlabel=title, ylabel=f"Share of the {kind} (%)", title=f"{title}{_cut(classes, kind)}")
    axes.legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none")
    return figure


def _cut(classes: Sequence[str], kind: str) -> str:
    return (
        f" (the first {MOST} of {len(classes)} {'classes' if kind == 'class' else f'{kind}s'})"
        if len(classes) > MOST
        else ""
    )
