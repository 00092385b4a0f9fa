"""Confusion matrices, ROC curves and reliability diagrams."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fedsky.language import _

from ..groups import Group
from ..reading import Floats
from ..statistics import Estimate
from ..style import Look
from . import layout
from .layout import short

GRID = np.linspace(0, 1, 101)  # false positive rates at which curves of runs are averaged
WORDS = 10  # classes beyond which a confusion matrix has no numbers in it


@dataclass(frozen=True)
class Judged:
    """What the runs of a group say of their test images, all runs together.

    confusion: [label, predicted] image counts; true_rate: mean over runs at the false positive rates of GRID (of the
    last class, or the mean of all classes against the rest where there are more than two); bins: one row a bin of the
    probability of the predicted class, with the mean probability, the share judged rightly and n.
    """

    group: Group
    classes: list[str]
    runs: int
    confusion: Floats
    precision: dict[str, Estimate | None]
    recall: dict[str, Estimate | None]
    true_rate: Floats | None
    area: Estimate | None
    bins: pd.DataFrame
    error: Estimate | None


def confusion(found: Sequence[Judged]) -> Figure:
    """One matrix a group: the share of each label's images that was taken for each class, and their number."""
    columns = 2 if len(found) > 1 else 1
    height = 1.55 if len(found) > 1 else 2.4
    figure, axes = layout.figure([height] * math.ceil(len(found) / columns), columns=columns, share=False)
    for number, (each, one) in enumerate(zip(axes, found, strict=False)):
        total = one.confusion.sum(axis=1, keepdims=True)
        shares = np.divide(one.confusion, total, out=np.zeros_like(one.confusion), where=total > 0)
        each.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        each.grid(visible=False)
        size = len(one.classes)
        if size <= WORDS:
            for row in range(size):
                for column in range(size):
                    text = f"{100 * shares[row, column]:.0f} %\n{one.confusion[row, column]:.0f}"
                    each.text(
                        column,
                        row,
                        text,
                        ha="center",
                        va="center",
                        fontsize=7 if size < 4 else 5,
                        color="white" if shares[row, column] > 0.55 else "#222222",
                    )
            ticks = [short(name, 10) for name in one.classes]
            each.set_xticks(range(size), ticks)
            left = number % columns == 0
            each.set_yticks(range(size), ticks if left else [""] * size, rotation=90, va="center")
        if number % columns == 0:
            each.set_ylabel(_("Label"), fontsize=7)
        each.set_title("\n".join(_wrapped(one.group.label, 30 if columns == 2 else 56)), fontsize=6.5)
    for each in axes[len(found) :]:
        each.set_visible(False)
    figure.supxlabel(_("Predicted"), fontsize=7)
    return figure


def _wrapped(text: str, width: int) -> list[str]:
    """A label on one or two lines, broken after a comma."""
    if len(text) <= width:
        return [short(text, width)]
    cut = text.rfind(", ", 0, width) + 1 or width
    return [short(text[:cut].strip(), width), short(text[cut:].strip(), width)]


def roc(found: Sequence[Judged], looks: dict[str, Look]) -> Figure:
    """The share of right alarms against that of false ones, one panel a context."""
    known = [each for each in found if each.true_rate is not None]
    groups: list[Group] = [each.group for each in known]
    parts = layout.panels(groups)
    figure, axes = layout.figure([2.9] if len(parts) == 1 else [2.2] * len(parts), layout.names(groups))
    for each, (context, members) in zip(axes, parts, strict=True):
        each.plot([0, 100], [0, 100], color="#999999", linewidth=0.8, linestyle=":")
        for number, one in enumerate(one for one in known if one.group in members):
            look = looks[one.group.label]
            assert one.true_rate is not None
            rate = np.concatenate([[0], one.true_rate])
            shown = {"linestyle": look.line, "markevery": (4 + 3 * number, 16), **layout.mark(look, 4, 0.4)}
            each.plot(100 * np.concatenate([[0], GRID]), 100 * rate, label=short(one.group.variant), **shown)
        each.set_xlim(-1.5, 101)
        each.set_ylim(0, 101.5)
        classes = known[0].classes
        what = classes[-1] if len(classes) == 2 else _("each class, mean")
        each.set(ylabel=_("True positives (%)"))
        title = _("ROC: {what} against the rest", what=short(what, 24))
        if len(parts) > 1:
            layout.name_panel(each, context)
        else:
            each.set_title(title)
    axes[-1].set(xlabel=_("False positives (%)"))
    return layout.finish(figure)


def calibration(found: Sequence[Judged], looks: dict[str, Look]) -> Figure:
    """How often the models are right against how sure they are, and below how often they are that sure."""
    groups = [each.group for each in found]
    parts = layout.panels(groups, 3)
    heights = [height for _part in parts for height in ((1.9, 0.75) if len(parts) == 1 else (1.55, 0.6))]
    figure, axes = layout.figure(heights, layout.names(groups))
    for place, (context, members) in enumerate(parts):
        upper, lower = axes[2 * place], axes[2 * place + 1]
        upper.plot([0, 100], [0, 100], color="#999999", linewidth=0.8, linestyle=":")
        for one in (one for one in found if one.group in members):
            look, bins = looks[one.group.label], one.bins[one.bins["n"] > 0]
            sure = 100 * bins["confidence"].to_numpy(float)
            upper.plot(
                sure,
                100 * bins["accuracy"].to_numpy(float),
                color=look.color,
                linestyle=look.line,
                marker=look.marker,
                markeredgecolor="white",
                markeredgewidth=0.4,
                label=short(one.group.variant),
            )
            lower.plot(
                sure,
                bins["n"].to_numpy(float),
                color=look.color,
                linestyle=look.line,
                marker=look.marker,
                markersize=3,
                linewidth=1,
            )
        least = 0 if max(len(one.classes) for one in found) > 2 else 48
        upper.set_xlim(least, 102)
        upper.set_ylim(0, 104)
        upper.set(ylabel=_("Judged rightly (%)"))
        lower.set_yscale("symlog", linthresh=1)
        lower.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
        lower.set_ylim(0, 3 * max(1, max(int(one.bins["n"].max()) for one in found)))
        lower.set(ylabel=_("Images"))
        if len(parts) > 1:
            layout.name_panel(upper, context)
        else:
            upper.set_title(_("Calibration on the test images"))
    axes[-1].set(xlabel=_("Probability of the predicted class (%)"))
    return layout.finish(figure)
