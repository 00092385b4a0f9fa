"""What it takes to come near pooled training: rounds, megabytes and seconds up to a share of its accuracy."""

import math
from collections.abc import Sequence
from functools import partial

import pandas as pd

from fedsky.language import _

from .. import plots
from ..blocks import Plots, Section
from ..groups import ComparableGroups
from ..means import mean
from ..plots.targets import COSTS, SHARES, Target, known
from ..results import Result
from ..subject import Subject
from ..words import UNKNOWN, fixed, percent

PLACE = 90


def targets(kind: ComparableGroups) -> list[Target]:
    """For each context with pooled training, each group and share: what it took on the test images' curve."""
    found = []
    for groups in kind.contexts.values():
        pooled = next((group for group in groups if group.is_pooled), None)
        best = mean(pooled) if pooled else None
        if best is not None:
            found += [
                Target(group, share, share * best.value, _costs(list(group.results.values()), share * best.value))
                for group in groups
                for share in SHARES
            ]
    return found


def _costs(runs: Sequence[Result], accuracy: float) -> pd.DataFrame:
    rows = []
    for run in runs:
        curve = run.rounds["balanced_accuracy"]
        there = curve.index[curve.to_numpy(float) >= accuracy - 1e-12]
        spent = {name: run.spent(name) for name in COSTS}
        rows.append({name: float(spent[name].loc[there[0]]) if len(there) else math.nan for name in COSTS})
    return pd.DataFrame(rows, columns=list(COSTS))


def targets_table(kind: ComparableGroups, found: Sequence[Target]) -> pd.DataFrame:
    """One row a group and share, raw; a mean is given only where every run came there."""
    rows = []
    for each in found:
        row: dict[str, object] = {"data": kind.title, "group": each.group.label, "share_of_pooled": each.share}
        row |= {"balanced_accuracy": each.accuracy, "runs": len(each.costs), "runs_that_reach_it": each.reached}
        rows.append(row | {name: each.mean(name) for name in COSTS})
    return pd.DataFrame(rows)


def shown_targets(found: Sequence[Target]) -> pd.DataFrame:
    """The same as text."""
    rows = []
    for each in found:
        row = {
            _("group"): each.group.label,
            _("share of pooled"): f"{100 * each.share:.0f} %",
            _("balanced accuracy"): percent(each.accuracy),
            _("runs that reach it"): _("{n} of {all}", n=each.reached, all=len(each.costs)),
        }
        titles = {
            "round": _("rounds"),
            "megabytes": "MB",
            "seconds": _("wall seconds"),
            "virtual_seconds": _("virtual seconds"),
        }
        for name in known(found):
            title = titles[name]
            some = ", ".join(fixed(value) for value in each.costs[name].dropna())
            mean = each.mean(name)
            row[title] = fixed(mean) if mean == mean else f"({some})" if some else UNKNOWN
        rows.append(row)
    return pd.DataFrame(rows)


def section(about: Subject) -> Section | None:
    """What it takes to come near pooled training."""
    title = _("What it takes to come near pooled training")
    found = targets(about.kind) if about.thorough else []
    if not found:
        return None
    about.writer.table("targets", targets_table(about.kind, found))
    labels = {group.label for group in about.shown}
    drawn = [each for each in found if each.group.label in labels]
    shown = shown_targets(drawn)
    short = [each for each in drawn if each.reached < len(each.costs)]
    never = "; ".join(
        _(
            "{group}: {n} of {all} runs reach {share} %",
            group=each.group.label,
            n=each.reached,
            all=len(each.costs),
            share=f"{100 * each.share:.0f}",
        )
        for each in short[:12]
    )
    caption = _(
        "Rounds, megabytes, seconds and virtual seconds until a run first reaches a share of pooled training's "
        "balanced accuracy. Small dot: a run; mark: the mean, only where all runs of the group come there."
    )
    if short:
        caption += " " + _("Not every run comes there: {cases}.", cases=never + (" …" if len(short) > 12 else ""))
    caption += about.cut
    said = "; ".join(
        f"{row[_('group')]}, {row[_('share of pooled')]}: {row[_('rounds')]}"
        for row in shown.head(30).to_dict("records")
    )
    alt = caption + " " + _("Rounds: {cases}.", cases=said)
    draw = partial(plots.targets, drawn, about.looks)
    plot = about.plot("targets", draw, alt, caption, shown, "tables/targets.csv")
    lead = _(
        "Read off each run's curve of balanced accuracy on the test images (no run was stopped or chosen by it), "
        "the first round at or above the share of the pooled runs' mean last result. A curve that jumps comes "
        "there early by luck, and may fall below again."
    )
    return Section(f"{about.prefix}targets-section", title, lead, [Plots([plot])])
