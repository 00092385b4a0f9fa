"""What each owner is worth to the federation."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from fedsky.language import _

from .. import coalitions, plots
from ..blocks import Block, Plots, Section, Text
from ..coalitions import Found, Worth
from ..family import EQUAL
from ..groups import ComparableGroups
from ..statistics import Estimate
from ..subject import Subject, numbered
from ..words import fixed, percent, points_interval

PLACE = 64
NAMES = ("shapley", "loss", "gain")


def section(about: Subject) -> Section | None:
    """A figure, a table and sentences for each federation of which coalitions were run."""
    blocks: list[Block] = []
    found = [coalitions.find(game) for game in coalitions.games(about.kind)]
    for number, each in enumerate(found, 1):
        about.writer.table("worth", worth_table(about.kind, each))
        said = sentences(each)
        if any(worth.shapley or worth.loss for worth in each.worths):
            shown = shown_worth(each.worths)
            caption = _(
                "What each owner is worth to {group}, in points of balanced accuracy, with 95 % intervals that "
                "hold together. Brackets: its training photographs.",
                group=each.game.label,
            )
            name, alt = numbered("worth", number, len(found)), " ".join([caption, *said])
            drawn = about.plot(name, partial(plots.worth, each), alt, caption, shown, "tables/worth.csv")
            blocks += [Text(said), Plots([drawn])]
        else:
            blocks.append(Text(said))
    lead = _(
        "Coalitions of owners were trained as federations of their own and judged on the test photographs of all "
        "owners. An owner's Shapley value is what it adds to those before it, on average over all orders in which "
        "the owners could come (Shapley 1953); without any owner there is a guess. What the others lose without "
        "it is judged on their own test photographs, what it gains by joining on its own."
    )
    return Section(f"{about.prefix}worth-section", _("What each owner is worth"), lead, blocks)


def sentences(found: Found) -> list[str]:
    """What is known of the owners' worth, and what is missing."""
    said = []
    known = [each for each in found.worths if each.shapley is not None]
    if known:
        accuracy = found.guess + found.total
        said.append(
            _(
                "{group}: all {n} owners together reach {accuracy}. That is {points} points more than a guess "
                "({guess}), and the owners' values add up to it ({photographs} test photographs, {runs} runs of "
                "each coalition).",
                group=found.game.label,
                n=found.game.num_owners,
                accuracy=percent(accuracy),
                points=fixed(100 * found.total),
                guess=percent(found.guess),
                photographs=found.photographs,
                runs=found.runs,
            )
        )
        best, least = known[0], known[-1]
        said.append(
            _(
                "{best} is worth most: {high} points; {least} is worth least: {low}.",
                best=best.name,
                high=points_interval(best.shapley),
                least=least.name,
                low=points_interval(least.shapley),
            )
        )
        if found.last is not None:
            said.append(_("{owner} is shown to be worth less than each other owner.", owner=least.name))
        if harmful := [each.name for each in known if _is_below_0(each.shapley)]:
            said.append(_("Shown to do harm: {owners}.", owners=", ".join(harmful)))
        if found.orders:
            said.append(
                _(
                    "The values are estimated from {n} orders; what these leave open is in the intervals.",
                    n=found.orders,
                )
            )
    return said + ([f"{found.game.label}: {found.missing}"] if found.missing else [])


def _is_below_0(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.high is not None and estimate.high < -EQUAL


def worth_table(kind: ComparableGroups, found: Found) -> pd.DataFrame:
    """One row an owner, raw, in fractions of accuracy."""
    rows = []
    for each in found.worths:
        row: dict[str, object] = {
            "data": kind.title,
            "group": found.game.label,
            "client": each.owner,
            "owner": each.name,
            "train_images": each.photographs,
        }
        for name in NAMES:
            estimate: Estimate | None = getattr(each, name)
            row |= {
                name: estimate and estimate.value,
                f"{name}_low": estimate and estimate.low,
                f"{name}_high": estimate and estimate.high,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def shown_worth(worths: Sequence[Worth]) -> pd.DataFrame:
    """The same as text, in points."""
    return pd.DataFrame(
        [
            {
                _("owner"): each.name,
                _("training photographs"): fixed(each.photographs, 0),
                _("Shapley value"): points_interval(each.shapley),
                _("what the others lose without it"): points_interval(each.loss),
                _("what it gains itself"): points_interval(each.gain),
            }
            for each in worths
        ]
    )
