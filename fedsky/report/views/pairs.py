"""Group against group: the table, and each difference as a sentence."""

from fedsky.language import _

from .. import tables, words
from ..blocks import Block, Section, Text, sheet
from ..subject import Subject

PLACE = 50
MOST_PAIRS = 200  # told in words; all are in the tables


def section(about: Subject) -> Section | None:
    """Group against group: the table, and each difference as a sentence."""
    raw, shown = tables.comparison_table(about.kind, about.comparisons)
    about.writer.table("comparisons", raw)
    said = [words.sentence(each) for each in about.comparisons]
    if not said:
        return None
    folded = _("All {n} pairs in words", n=len(said))
    if len(said) > MOST_PAIRS:
        folded = _("The first {n} of {all} pairs in words", n=MOST_PAIRS, all=len(said))
    blocks: list[Block] = [
        sheet(
            _("First minus second, in percentage points of balanced accuracy (95 % interval)"),
            shown,
            file="tables/comparisons.csv",
        ),
        Text(said[:MOST_PAIRS], folded),
    ]
    lead = _(
        "A difference is shown where its interval leaves out 0; two groups are equally good where the whole "
        "interval lies within {margin} points of 0, which --margin changes. The intervals of a family hold all at "
        "once, and p counts all of its comparisons.",
        margin=f"{100 * about.kind.margin:g}",
    )
    return Section(f"{about.prefix}pairs", _("Is the difference real?"), lead, blocks)
