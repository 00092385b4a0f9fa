"""The short of a report for those who stay in the terminal: the final table, the findings, what limits them."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fedsky.language import _

from . import alone, story, tables, trends, verdict, words
from .comparisons import compare_all
from .groups import ComparableGroups
from .selection import Selection

MOST = 12  # rows and sentences of a kind beyond which the page is referred to
LEFT_TO_THE_PAGE = ("loss", tables.OWN_MODELS, "rounds", "MB down")
WIDTH = 120  # columns where the output is no terminal, which would have its own


def show(selection: Selection, baseline: str | None = None, console: Console | None = None) -> None:
    """Prints the selection's findings."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDTH, highlight=False, color_system=None)
    for kind in selection.kinds:
        console.print(_table(kind))
        _more(console, len(kind.groups))
        for told in story.stories(kind)[:MOST]:
            for number, sentence in enumerate([*filter(None, [told.context]), *told.sentences]):
                console.print(Text(f"  {sentence}"), style="bold" if number == 0 else "")
        # What a sweep was made for comes before its many pairs.
        for sentence in trends.trends(kind)[:MOST] + alone.sentences(kind)[:MOST]:
            console.print(Text(f"  {sentence}"))
        pairs = compare_all(kind, baseline)
        for sentence in (words.sentence(each) for each in pairs[:MOST]):
            console.print(Text(f"  {sentence}"))
        _more(console, len(pairs))
        for sentence in verdict.scope(kind):
            console.print(Text(f"  {sentence}"), style="dim")
    for note in selection.notes[:MOST]:
        console.print(Text(_("Note: {note}", note=note)), style="yellow")
    for each in selection.left_out[:MOST]:
        shown = tables.left_out_table([each]).iloc[0]
        listed = ", ".join(f"{name} {value}" for name, value in list(shown.items())[1:5])
        console.print(Text(_("Not counted: {run} ({state})", run=each.name, state=listed)), style="yellow")
    _more(console, len(selection.left_out))
    if selection.problems:
        count = sum(len(problems) for _name, problems in selection.problems)
        console.print(Text(_("Problems in the files: {n}, told on the page.", n=count)), style="yellow")


def _more(console: Console, number: int) -> None:
    if number > MOST:
        console.print(Text("  " + _("and {n} more, on the page", n=number - MOST)), style="dim")


def _table(kind: ComparableGroups) -> Table:
    """The final table of a kind; names are text, never markup."""
    frame = tables.final_table(kind)[1].head(MOST)
    frame = frame.drop(columns=[_(name) for name in LEFT_TO_THE_PAGE], errors="ignore")
    table = Table(title=Text(kind.title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in frame.columns:
        table.add_column(Text(str(name)), overflow="fold")
    for row in frame.itertuples(index=False, name=None):
        table.add_row(*(Text(str(cell)) for cell in row))
    return table
