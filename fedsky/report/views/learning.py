"""What the federation is worth in photographs, read off pooled training's learning curve."""

from functools import partial

import pandas as pd

from fedsky.language import _

from .. import learning, plots
from ..alone import need_words, worth
from ..blocks import Block, Plots, Section, Text
from ..groups import ComparableGroups
from ..learning import FEWEST, Curve, Place
from ..subject import Subject, numbered
from ..words import fixed, percent

PLACE = 66


def section(about: Subject) -> Section | None:
    """A figure and sentences for each learning curve; only where photographs or owners were left out on purpose."""
    blocks: list[Block] = []
    found = [curve for curve in learning.curves(about.kind) if any(not group.is_pooled for group in curve.groups)]
    for number, curve in enumerate(found, 1):
        places = learning.places(about.kind, curve)
        if len(curve.groups) < FEWEST:
            few = _(
                "{n} numbers of photographs make no curve: add pooled training on others, such as "
                "strategy.photographs=16,32,64,128.",
                n=len(curve.groups),
            )
            blocks.append(Text([few]))
            continue
        about.writer.table("learning", learning_table(about.kind, curve, places))
        said = [sentence for each in places for sentence in sentences(curve, each)]
        caption = _(
            "Pooled training on some of the photographs, with 95 % intervals, and where the others lie on its curve."
        )
        name, alt = numbered("learning", number, len(found)), " ".join([caption, *said])
        draw = partial(plots.learning, curve, places, about.looks)
        drawn = about.plot(name, draw, alt, caption, shown_learning(curve, places), "tables/learning.csv")
        blocks += [Text(said), Plots([drawn])]
    lead = _(
        "Pooled training on growing numbers of photographs makes a learning curve, which is taken to rise and has "
        "no other form between its points. A result is worth so many pooled photographs as the curve needs to "
        "come as high; the interval has all numbers from which it is not shown to differ."
    )
    return Section(f"{about.prefix}learning-section", _("What it is worth in photographs"), lead, blocks)


def sentences(curve: Curve, place: Place) -> list[str]:
    """A group's worth in photographs; of a federation also what one owner would need."""
    said = [
        _(
            "{group} reaches {accuracy}. In pooled photographs that is {number}.",
            group=place.group.label,
            accuracy=percent(place.accuracy),
            number=worth(curve, place),
        )
    ]
    if place.apart:
        said.append(_("That it lies beyond all points of the curve is shown."))
    return said + ([need_words(curve, place)] if place.group.is_federated else [])


def learning_table(kind: ComparableGroups, curve: Curve, places: list[Place]) -> pd.DataFrame:
    """One row a point of the curve, then one a group that lies on it; raw."""
    rows: list[dict[str, object]] = [
        {"data": kind.title, "group": group.label, "balanced_accuracy": mean, "photographs": number}
        for group, mean, number in zip(curve.groups, curve.means, curve.numbers, strict=True)
    ]
    for each in places:
        row: dict[str, object] = {"data": kind.title, "group": each.group.label, "balanced_accuracy": each.accuracy}
        row |= {"photographs": each.number, "photographs_low": each.low, "photographs_high": each.high}
        rows.append(row | {"shown_beyond": each.apart})
    return pd.DataFrame(rows)


def shown_learning(curve: Curve, places: list[Place]) -> pd.DataFrame:
    """The same as text."""
    rows = [
        (group.label, percent(mean), fixed(number, 0))
        for group, mean, number in zip(curve.groups, curve.means, curve.numbers, strict=True)
    ]
    rows += [(each.group.label, percent(each.accuracy), worth(curve, each)) for each in places]
    return pd.DataFrame(rows, columns=[_("group"), _("balanced accuracy"), _("photographs")])
