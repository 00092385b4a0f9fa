"""python -m fedsky.report FOLDER... [--out DIR] [--lang zh] [--where KEY=VALUE] [--group-by KEY] [--baseline NAME]
[--margin POINTS]"""

from pathlib import Path
from typing import Annotated

import typer

from fedsky import language
from fedsky.machine import streams
from fedsky.machine.remedies import told
from fedsky.untrusted import visible

from . import terminal
from .keys import split_keys
from .page import write_selection
from .selection import Choice, select


def main(
    folders: Annotated[list[Path], typer.Argument(help="Run folders, or folders with runs anywhere below them.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; the first folder's report/ if not given.")] = None,
    lang: Annotated[str, typer.Option(help="Language of headings and sentences: en or zh.")] = "en",
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Only runs with this setting; VALUE[,VALUE] for any of several."),
    ] = None,
    group_by: Annotated[
        str, typer.Option(metavar="KEY[,KEY]", help="The settings that make a group; the rest is averaged over.")
    ] = "",
    baseline: Annotated[
        str | None, typer.Option(help="The group, or strategy, that all others are compared with; else all pairs.")
    ] = None,
    margin: Annotated[float, typer.Option(help="Points of accuracy within which two groups are equally good.")] = 2.0,
) -> None:
    """Compares finished runs: one page that needs nothing else, plots/ and tables/. Prints the page's path last."""
    try:
        choice = Choice(tuple(split_keys(group_by)), tuple(where or ()), baseline, margin / 100)
        with language.use(lang):
            selection = select(folders, choice)
            page = write_selection(selection, folders, out if out is not None else _beside(folders[0]), choice)
            terminal.show(selection, baseline)
    except (ValueError, OSError) as error:
        line = told(error, "name another by --out FOLDER") if isinstance(error, OSError) else str(error)
        typer.echo(visible(line), err=True)
        raise typer.Exit(1) from None
    typer.echo(str(page))


def _beside(folder: Path) -> Path:
    """Where a report goes that the user names no place for; ValueError where somebody has laid a link there."""
    place = folder / "report"
    if place.is_symlink():
        raise ValueError(f"{place} is a link: name a place for the report by --out")
    return place


if __name__ == "__main__":
    streams.settle()
    typer.run(main)
