"""python -m fedsky.report FOLDER... [--out DIR]"""

from pathlib import Path
from typing import Annotated

import typer

from . import write_report


def main(
    folders: Annotated[list[Path], typer.Argument(help="Run folders, or folders with runs anywhere below them.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; the first folder's report/ if not given.")] = None,
) -> None:
    """Compares finished runs: one page that needs nothing else, plots/ and tables/. Prints the page's path last."""
    try:
        page = write_report(folders, out if out is not None else folders[0] / "report")
    except (ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(str(page))


if __name__ == "__main__":
    typer.run(main)
