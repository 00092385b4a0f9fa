"""``python -m fedsky.data COMMAND``: what is done with photographs before any training.

A command is one function here; what it needs is imported in its body, so that ``--help`` is quick.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from fedsky.machine import streams
from fedsky.untrusted import visible

EXTRAS = ("cleanlab", "httpx")  # what one command alone needs: see curate and collect in pyproject.toml

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def main() -> None:
    """Photographs before any training: drawn, collected, curated, explored, kept decoded, cut among owners."""


@contextmanager
def one_line() -> Iterator[None]:
    """What a person can mend ends the command with one line on stderr and status 1."""
    try:
        yield
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        from fedsky.config.refusals import explain, fault

        if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
            end(f"this command needs {error.name}, which is not installed: python -m pip install {error.name}", 1)
        end(explain(error) if isinstance(error, ValueError | OSError) else fault(error), 1)


def end(message: str, code: int) -> NoReturn:
    """One line on stderr, and this exit status."""
    typer.echo(visible(f"fedsky: {' '.join(message.split())}"), err=True)
    raise typer.Exit(code) from None


@app.command()
def partition(
    overrides: Annotated[
        list[str] | None, typer.Argument(help="As of a run: partition=dirichlet partition.alpha=0.1 num_clients=10 ...")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Also draw it: FILE.svg, FILE.png or FILE.pdf.")] = None,
) -> None:
    """Prints who would own which photographs, and how unlike the owners' labels are; trains nothing."""
    from hydra.errors import HydraException

    from fedsky.config import compose
    from fedsky.config.known import refuse_unread
    from fedsky.config.refusals import explain
    from fedsky.photographs.partition import show

    with one_line():
        try:
            cfg = compose(overrides or [])
        except HydraException as error:
            end(explain(error), 2)
        refuse_unread(overrides or [], cfg)
        show(cfg, out)


@app.command()
def render(
    out: Annotated[
        Path | None, typer.Option(help="A new folder of pictures with manifest.csv, as data=folder reads it.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="A contact sheet, FILE.png or FILE.jpg: 64 of each class.")] = None,
    count: Annotated[int, typer.Option(help="Pictures of the folder, half of them of each class.")] = 600,
    size: Annotated[int, typer.Option(help="Pixels a side.")] = 64,
    seed: Annotated[int, typer.Option(help="Of the drawings: data.render_seed.")] = 0,
    owners: Annotated[int | None, typer.Option(help="So many owners with a camera and a climate of their own.")] = None,
    label_noise: Annotated[float, typer.Option(help="Share of skies of 2 to 6 oktas.")] = 0.0,
) -> None:
    """Draws skies into a folder, as a contact sheet, or both."""
    from fedsky.photographs.render import render

    if out is None and sheet is None:
        end("name what is wanted: --out FOLDER, --sheet FILE.png, or both", 2)
    with one_line():
        for line in render(out, sheet, count, size, seed, owners, label_noise):
            typer.echo(visible(line))


@app.command()
def collect(
    label: Annotated[str, typer.Option(help="The class that the pictures are of: a folder's name, such as sunny.")],
    out: Annotated[Path, typer.Option(help="The folder of the collection; made if it is not there.")],
    place: Annotated[
        Literal["openverse", "commons", "flickr", "urls"],
        typer.Option("--from", help="Where to look. flickr needs your key in the environment as FLICKR_API_KEY."),
    ] = "openverse",
    query: Annotated[str, typer.Option(help='What to search for, such as "clear blue sky".')] = "",
    limit: Annotated[int, typer.Option(help="How many are wanted, those of an earlier start included.")] = 200,
    license: Annotated[
        list[str] | None,
        typer.Option(help="A licence to take instead of cc0, pdm, by and by-sa; may be given more than once."),
    ] = None,
    listed: Annotated[
        Path | None, typer.Option("--list", help="For urls: one address a line, or a CSV such as a manifest.")
    ] = None,
    contact: Annotated[
        str, typer.Option(help="Your page or mailbox, told to the servers; Wikimedia asks for it.")
    ] = "",
    owner: Annotated[
        str, typer.Option(help="Whose the pictures are, for partition=natural: all of a collection's or none.")
    ] = "",
) -> None:
    """Collects freely licensed pictures, with licence, author and page of each in OUT/manifest.csv."""
    with one_line():
        from fedsky.photographs.collect.command import run

        code, message = run(label, out, place, query, limit, license or [], listed, contact, owner)
    if code:
        end(message, code)
    typer.echo(visible(message))


@app.command()
def cache(
    folder: Annotated[
        Path | None, typer.Option(help="The cache, as data.cache names it; else fedsky in the user's cache folder.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove every entry that no process uses.")] = False,
) -> None:
    """Shows the decoded photographs that are kept on disk, their size and when they were last used."""
    from fedsky.photographs.cache import report

    with one_line():
        typer.echo(visible(report(folder, clear)))


@app.command()
def curate(
    folder: Annotated[Path, typer.Argument(help="Photographs: one folder a class, or a manifest.csv.")],
    out: Annotated[
        Path | None, typer.Option(help="Where the review goes, FOLDER-review if not given; with --apply a new folder.")
    ] = None,
    edited: Annotated[
        Path | None, typer.Option("--apply", help="An edited review.csv: copies what it keeps to --out.")
    ] = None,
) -> None:
    """Finds copies and likely wrong labels, writes review.csv and contact sheets, and applies the edited review."""
    if edited is not None and out is None:
        end("--apply needs to know where the copy goes: add --out NEWFOLDER", 2)
    with one_line():
        from fedsky.photographs.curate import accept, review

        if edited is not None and out is not None:
            message = accept(folder, edited, out)
        else:
            message = review(folder, out or Path(f"{folder.resolve().name}-review"))
    typer.echo(visible(message))


@app.command()
def explore(
    folder: Annotated[Path, typer.Argument(help="Photographs: one folder a class, or a manifest.csv.")],
    out: Annotated[Path, typer.Option(help="The page, PAGE.html.")],
) -> None:
    """Writes one page on what a folder of photographs holds and what that means for the choice of a model."""
    from fedsky.photographs.explore import explore

    with one_line():
        message = explore(folder, out)
    typer.echo(visible(message))


if __name__ == "__main__":
    streams.settle()
    app()
