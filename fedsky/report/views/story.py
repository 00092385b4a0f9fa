"""What all comes to: one figure and three sentences, then what the intervals are about."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from fedsky.language import _

from .. import alone, plots, story, tables, verdict, words
from ..blocks import Block, Finding, Plot, Section, Text
from ..means import ranked
from ..story import Gain
from ..subject import MOST_CONTEXTS, Subject

PLACE = 10


def section(about: Subject) -> Section:
    """The story of each context, and its details folded."""
    told = story.stories(about.kind)
    blocks: list[Block] = [Finding(told[:MOST_CONTEXTS], _figure(about))]
    if by_itself := alone.sentences(about.kind)[:MOST_CONTEXTS]:
        blocks.append(Text(by_itself))
    every = [f"{headline} {sentence}".strip() for _context, headline, sentence in verdict.sentences(about.kind)]
    if every:
        blocks.append(Text(every, _("Every federated strategy in words")))
    if rests := verdict.scope(about.kind):
        blocks.append(Text(rests, _("What the intervals are about")))
    lead = ""
    if len(told) > MOST_CONTEXTS:
        lead = _("The first {n} of {all} settings; all are in tables/.", n=MOST_CONTEXTS, all=len(told))
    return Section(f"{about.prefix}short", _("In short"), lead, blocks, opened=True)


def _figure(about: Subject) -> Plot:
    """How much better than training alone each group is; without a run of owners alone, how good."""
    found = [each for each in story.gains(about.kind) if each.group in about.shown]
    if not found:
        ends = "; ".join(
            f"{group.label} {words.final_words(group, 'balanced_accuracy')}" for group in ranked(about.shown)
        )
        caption = _("Balanced accuracy on the test images, mean over runs.")
        draw, final = partial(plots.final, about.shown, about.looks), tables.final_table(about.kind)[1]
        return about.plot("story", draw, f"{caption} {ends}.", caption, final, "tables/final.csv")
    caption = _("Mark: the difference in percentage points; line: its 95 % interval.") + about.cut
    shown = shown_gains(found)
    said = "; ".join(f"{row.iloc[0]} {row.iloc[1]}" for _i, row in shown.iterrows())
    draw = partial(plots.story, found, about.looks)
    return about.plot("story", draw, f"{caption} {said}.", caption, shown, "tables/comparisons.csv")


def shown_gains(found: Sequence[Gain]) -> pd.DataFrame:
    """One row a group, as text, in points."""
    return pd.DataFrame(
        [
            {_("group"): each.group.label, _("points better than alone"): words.points_interval(each.difference)}
            for each in found
        ]
    )
