"""The owners: what each gets alone, federated and pooled; round by round; by its number of images; and what it has."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fedsky.language import _

from ..groups import Group
from ..reading import Floats
from ..style import CLASSES, Look
from ..tables import image_count
from . import layout
from .layout import MANY, short

HATCHES = ("", "////", "....", "xxxx")
NAMED = 12  # owners of a heat map beyond which they are not named


@dataclass(frozen=True)
class Heat:
    """A group's accuracy of each owner (rows) in each round (columns), mean over the runs that tell; in [0, 1]."""

    group: Group
    rounds: Floats
    owners: list[str]
    accuracy: Floats


def owners(table: pd.DataFrame, groups: Sequence[Group], looks: dict[str, Look]) -> Figure:
    """A dumbbell a row: an owner's accuracy alone, federated and pooled, on its own test images."""
    wide = table.pivot(index="client", columns="group", values="accuracy") * 100
    shown = [group for group in groups if group.label in wide and wide[group.label].notna().any()]
    wide, names, cut = _ends(wide[[group.label for group in shown]], table, shown)
    spread = min(0.16, 0.55 / max(len(shown), 1))
    figure, [axes] = layout.figure([0.75 + min(1.2, max(0.24, 0.075 * len(shown))) * len(wide)], layout.names(shown))
    places = np.arange(len(wide))
    axes.hlines(places, wide.min(axis=1), wide.max(axis=1), color="#c4c4c4", linewidth=2.2, zorder=1)
    for number, group in enumerate(shown):
        look, shift = looks[group.label], spread * (number - (len(shown) - 1) / 2)
        shown_as = {"label": short(group.variant), "linestyle": "none", "zorder": 3, **layout.mark(look, 5, 0.5)}
        axes.plot(wide[group.label], places + shift, **shown_as)
    start, end = layout.percent_limits(float(np.nanmin(wide.to_numpy())), 100)
    axes.set_xlim(start, end + 0.8)
    axes.set_yticks(places, names)
    axes.set_ylim(len(wide) - 0.4, -0.6)
    axes.set(xlabel=layout.axis_from(_("Accuracy"), start) + cut)
    axes.set_title(_("Each owner's own test images"))
    axes.grid(axis="y", visible=False)
    return layout.finish(figure)


def _ends(wide: pd.DataFrame, table: pd.DataFrame, groups: Sequence[Group]) -> tuple[pd.DataFrame, list[str], str]:
    """The owners to show, all in order of their number or, of many, those who gain least and most."""
    cut = ""
    if len(wide) > MANY:
        alone = next((g.label for g in groups if g.is_alone and g.label in wide), None)
        first = next((g.label for g in groups if g.is_federated and g.label in wide), wide.columns[-1])
        gains = (wide[first] - (wide[alone] if alone else 0)).sort_values(kind="stable").index
        wide = wide.loc[[*gains[: MANY // 2], *gains[-MANY // 2 :]]]
        cut = "\n" + _(
            "of {n} owners, the {half} who gain\nleast and the {half} who gain most", n=len(gains), half=MANY // 2
        )
    names = {
        row["client"]: f"{short(row['owner'], 26)} (n = {image_count(row['num_test_min'], row['num_test_max'])})"
        for row in table.to_dict("records")
    }
    return wide, [names[client] for client in wide.index], cut


def heat(found: Sequence[Heat]) -> Figure:
    """Each owner (rows) in each round (columns): one panel a group, one scale of colours for all."""
    heights = [0.3 + (0.115 * max(4, n) if (n := len(each.owners)) <= NAMED else 1.3) for each in found]
    figure, axes = layout.figure(heights)
    figure.set_figheight(sum(heights) + 0.75)  # the scale of colours below
    known = np.concatenate([each.accuracy.ravel() for each in found])
    low = layout.percent_limits(100 * float(np.nanmin(known)), 100)[0]
    picture = None
    for each, one in zip(axes, found, strict=True):
        edges = (one.rounds[0] - 0.5, one.rounds[-1] + 0.5, len(one.owners) - 0.5, -0.5)
        picture = each.imshow(
            100 * _every_round(one),
            aspect="auto",
            interpolation="nearest",
            extent=edges,
            vmin=low,
            vmax=100,
            cmap="cividis",
        )
        each.set_facecolor("#e8e8e8")
        each.grid(visible=False)
        layout.name_panel(each, one.group.label)
        if len(one.owners) <= NAMED:
            each.set_yticks(range(len(one.owners)), [short(name, 14) for name in one.owners], fontsize=6)
            each.tick_params(axis="y", length=0, pad=2)
        else:
            each.set_ylabel(_("{n} owners", n=len(one.owners)))
            layout.whole(each, "y")
    layout.whole(axes[-1])
    axes[-1].set(xlabel=_("Round"))
    assert picture is not None
    bar = figure.colorbar(picture, ax=axes, location="bottom", fraction=0.04, pad=0.02, aspect=40)
    bar.set_label(layout.axis_from(_("Accuracy"), low), fontsize=7)
    bar.outline.set_visible(False)
    return figure


def _every_round(heat: Heat) -> Floats:
    """One column for every round from the first to the last, NaN where a round has no line."""
    first, last = int(heat.rounds[0]), int(heat.rounds[-1])
    if last - first > 2000:
        return heat.accuracy
    table = np.full((len(heat.owners), last - first + 1), np.nan)
    table[:, heat.rounds.astype(int) - first] = heat.accuracy
    return table


def sizes(table: pd.DataFrame, groups: Sequence[Group], looks: dict[str, Look]) -> Figure:
    """Accuracy against the number of training images, one dot an owner."""
    parts = layout.panels(groups)
    figure, axes = layout.figure([2.2] if len(parts) == 1 else [1.7] * len(parts), layout.names(groups))
    low = layout.percent_limits(100 * float(table["accuracy"].min()), 100)[0]
    for each, (context, members) in zip(axes, parts, strict=True):
        for group in members:
            mine, look = table[table["group"] == group.label], looks[group.label]
            shown_as = {
                "label": short(group.variant),
                "linestyle": "none",
                "alpha": 0.85,
                **layout.mark(look, 4.5, 0.4),
            }
            each.plot(mine["train_images"], 100 * mine["accuracy"], **shown_as)
        each.set_ylim(low, 101.5)
        layout.whole(each)
        name = layout.axis_from(_("Accuracy"), low) if len(parts) == 1 else _("Accuracy") + " (%)"
        each.set(ylabel=name)
        if len(parts) > 1:
            layout.name_panel(each, context)
        else:
            each.set_title(_("One mark an owner, its own test images"))
    axes[-1].set(xlabel=_("Training images of the owner"))
    return layout.finish(figure)


def partition(table: pd.DataFrame, names: dict[int, str]) -> Figure:
    """Stacked bars: each owner's training images by class, as counts."""
    train = table[table["part"] == "train"]
    classes = list(dict.fromkeys(train["class"]))
    wide = train.pivot_table(index="client", columns="class", values="count", aggfunc="sum")[classes].iloc[: 2 * MANY]
    figure, [axes] = layout.figure([0.75 + 0.22 * len(wide)], [short(name) for name in classes])
    places, left = np.arange(len(wide)), np.zeros(len(wide))
    for number, name in enumerate(classes):
        values = wide[name].to_numpy(float)
        filled: dict[str, Any] = {"color": CLASSES[number % len(CLASSES)], "hatch": HATCHES[number % len(HATCHES)]}
        axes.barh(places, values, 0.7, left, label=short(name), edgecolor="white", linewidth=0.4, **filled)
        left += values
    axes.set_yticks(places, [short(names.get(client, str(client)), 30) for client in wide.index])
    axes.set_ylim(len(wide) - 0.4, -0.6)
    layout.whole(axes)
    axes.set(xlabel=_("Training images"))
    more = train["client"].nunique() - len(wide)
    title = _("Who has which images")
    if more:
        title += "\n" + _("the first {n} of {all} owners", n=len(wide), all=len(wide) + more)
    axes.set_title(title)
    axes.grid(axis="y", visible=False)
    return layout.finish(figure)


def spread(table: pd.DataFrame, groups: Sequence[Group], looks: dict[str, Look]) -> Figure:
    """From the worst tenth of the owners to the best, with their mean, one row a group."""
    rows = layout.rows(groups)
    figure, [axes] = layout.figure([0.55 + 1.25 * rows.inches])
    lowest = math.inf
    for row in table.to_dict("records"):
        if row["mean"] is None or pd.isna(row["mean"]):
            continue
        place, look = rows.places[row["group"]], looks[row["group"]]
        worst, best, mean = (100 * row[name] for name in ("worst_tenth", "best_tenth", "mean"))
        lowest = min(lowest, worst)
        axes.hlines(place, worst, best, color=look.color, linewidth=3.5, alpha=0.35)
        axes.plot(
            [worst, best],
            [place, place],
            linestyle="none",
            marker="|",
            markersize=8,
            color=look.color,
            markeredgewidth=1.6,
        )
        axes.plot(mean, place, linestyle="none", **layout.mark(look, 5.5, 0.6))
    rows.apply(axes)
    start = layout.percent_limits(lowest if math.isfinite(lowest) else math.nan, 100)[0]
    axes.set_xlim(start, 101)
    axes.set(xlabel=layout.axis_from(_("Accuracy"), start))
    axes.set_title(_("Owners: worst tenth, mean, best tenth"))
    return figure
