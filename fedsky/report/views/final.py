"""The result of the last round, group by group."""

from functools import partial

from fedsky.language import _

from .. import plots, tables, words
from ..blocks import Plots, Section, sheet
from ..means import ranked
from ..subject import Subject

PLACE = 30


def section(about: Subject) -> Section | None:
    """Balanced accuracy as a figure, all metrics as a table."""
    kind, writer = about.kind, about.writer
    raw, final = tables.final_table(kind)
    writer.table("final", raw)
    writer.table("runs", tables.runs_table(kind))
    caption = (
        _("Balanced accuracy of the last round's model. Dot: a run; mark and line: mean and 95 % interval.") + about.cut
    )
    ends = "; ".join(f"{group.label} {words.final_words(group, 'balanced_accuracy')}" for group in ranked(about.shown))
    draw = partial(plots.final, about.shown, about.looks)
    plot = about.plot("final", draw, f"{caption} {ends}.", caption, final, "tables/final.csv")
    lead = _(
        "Intervals cover photographs, seeds and splits where every run tells what each photograph was taken for, "
        "as those of differences do; else they are Student's t over the repetitions, of three at least. Without "
        "an interval the lowest and the highest run are told."
    )
    table = sheet(
        _(
            "Last round, on the test images: mean (95 % interval). MB are million bytes, a "
            "run's sum over rounds; up is from the owners to the server. Worst owner: lowest mean accuracy on its own "
            "images, with how many there are over all folds. Wall seconds are a run's sum over rounds."
        ),
        final,
        file="tables/final.csv",
    )
    return Section(f"{about.prefix}final-result", _("Final result"), lead, [Plots([plot]), table])
