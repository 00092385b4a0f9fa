"""What a report says and shows about one kind of data, in the order of the page."""

from collections.abc import Sequence
from functools import partial

from fedsky.language import _

from . import plots, tables, verdict, words
from .blocks import Answers, Block, Part, Plots, Section, Sheet, Text, Writer, sheet
from .comparisons import Comparison, compare_all
from .groups import Kind
from .sections import sections
from .subject import MOST_CONTEXTS, Subject, subject
from .views import answers, settings

MOST_PAIRS = 200  # told in words; all are in the tables


def make_part(
    kind: Kind, title: str, prefix: str, writer: Writer, thorough: bool = True, baseline: str | None = None
) -> Part:
    """The section of one kind of data: its tables, plots and sentences. prefix: how the names of its plots begin."""
    about = subject(kind, prefix, writer, thorough)
    comparisons = compare_all(kind, baseline)
    found = [_short(about, comparisons), _final(about), _comparisons(about, comparisons), *sections(about)]
    found.append(_settings(about))
    return Part(f"{prefix}part", title, [section for section in found if section.blocks])


def _short(about: Subject, comparisons: Sequence[Comparison]) -> Section:
    """The four answers, context by context, then the verdict on each federated group."""
    kind, blocks = about.kind, list[Block]()
    contexts = list(kind.contexts.items())
    for context, groups in contexts[:MOST_CONTEXTS]:
        owners = tables.owners_table(kind, groups)
        names = dict(zip(owners["client"], owners["owner"], strict=True))
        found = answers.answers(groups, comparisons, names)
        if found:
            blocks.append(Answers(context, found))
    told = [f"{headline} {sentence}".strip() for _context, headline, sentence in verdict.sentences(kind)]
    if not any(group.is_federated for group in kind.groups):
        told = [_("No federated run: nothing to say about joining.")]
    many = len(told) > 12
    blocks.append(Text(told, _("All {n} verdicts", n=len(told)) if many else "", _("What joining is worth")))
    if rests := verdict.scope(kind):
        blocks.append(Text(rests, "", _("What the intervals are about")))
    lead = ""
    if len(contexts) > MOST_CONTEXTS:
        lead = _("The first {n} of {all} settings; all are in tables/.", n=MOST_CONTEXTS, all=len(contexts))
    return Section(f"{about.prefix}answers", _("In short"), lead, blocks)


def _final(about: Subject) -> Section:
    kind, writer = about.kind, about.writer
    raw, final = tables.final_table(kind)
    writer.table("final", raw)
    writer.table("runs", tables.runs_table(kind))
    caption = _("Balanced accuracy of the last round's model. Dot: a run; mark and line: mean and 95 % interval over "
                "runs (Student's t).") + about.cut  # fmt: skip
    ends = "; ".join(f"{group.label} {words.final_words(group, 'balanced_accuracy')}" for group in about.shown)
    plot = writer.plot(f"{about.prefix}final", partial(plots.final, about.shown, about.looks),
                       f"{caption} {ends}.", caption, final, "tables/final.csv")  # fmt: skip
    table = sheet(
        _("Last round, on the test images: mean over runs (95 % interval, Student's t). MB are million bytes, a "
          "run's sum over rounds; up is from the owners to the server. Worst owner: lowest mean accuracy on its own "
          "images, with how many there are over all folds. Wall seconds are a run's sum over rounds."),
        final, file="tables/final.csv")  # fmt: skip
    return Section(f"{about.prefix}final-result", _("Final result"), "", [Plots([plot]), table])


def _comparisons(about: Subject, comparisons: Sequence[Comparison]) -> Section:
    """Group against group: the table, and each difference as a sentence."""
    raw, shown = tables.comparison_table(about.kind, comparisons)
    about.writer.table("comparisons", raw)
    said = [words.sentence(each) for each in comparisons]
    if not said:
        return Section("", "", "", [])
    folded = _("All {n} pairs in words", n=len(said))
    if len(said) > MOST_PAIRS:
        folded = _("The first {n} of {all} pairs in words", n=MOST_PAIRS, all=len(said))
    blocks: list[Block] = [
        sheet(_("First minus second, in percentage points of balanced accuracy (95 % interval)"), shown,
              file="tables/comparisons.csv"),
        Text(said[:MOST_PAIRS], folded),
    ]  # fmt: skip
    lead = _("A difference is shown where its interval leaves out 0; two groups are equally good where the whole "
             "interval lies within {margin} points of 0, which --margin changes. The intervals of a family hold all at "
             "once, and p counts all of its comparisons.", margin=f"{100 * about.kind.margin:g}")  # fmt: skip
    return Section(f"{about.prefix}pairs", _("Is the difference real?"), lead, blocks)


def _settings(about: Subject) -> Section:
    groups = about.kind.groups
    differ, same = (settings.settings_table(groups[:40], differing) for differing in (True, False))
    provenance = tables.provenance_table(about.kind)
    about.writer.table("provenance", provenance)
    blocks: list[Block] = []
    if len(differ):
        blocks.append(Sheet(_("Settings that differ between the groups"), differ))
    blocks.append(Sheet(_("Settings that all groups share"), same, _("All {n} settings that the groups share",
                                                                    n=len(same))))  # fmt: skip
    blocks.append(sheet(_("Every run that this section counts"), provenance,
                        _("{runs}: seed, commit, versions, command", runs=words.count(len(provenance), "run")),
                        "tables/provenance.csv", 100))  # fmt: skip
    lead = _("The first 40 of {all} groups.", all=len(groups)) if len(groups) > 40 else ""
    return Section(f"{about.prefix}settings", _("Settings, and where the numbers come from"), lead, blocks)
