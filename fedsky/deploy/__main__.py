"""``python -m fedsky.deploy``: a federation from nothing: init, serve, register, status, check, rotate, revoke."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from fedsky.deploy import federation
from fedsky.machine import remedies
from fedsky.untrusted import Visible, visible

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Sets a real federation up, and serves it.")
Folder = Annotated[Path, typer.Option(help="The federation's folder; it holds secret keys.")]
HERE = Path("federation")


def _told(do: Callable[[], None]) -> None:
    try:
        do()
    except ValueError as error:
        _end(str(error))
    except OSError as error:
        _end(remedies.told(error))


def _end(line: str) -> None:
    typer.echo(visible(f"fedsky.deploy: {line}"), err=True)
    raise typer.Exit(1) from None


@app.command()
def init(
    names: Annotated[list[str], typer.Argument(help="What the owners are called, each of which gets a kit.")],
    host: Annotated[str, typer.Option(help="Name or address at which owners reach this machine.")],
    port: Annotated[
        int, typer.Option(help="Its port; the next one is the SuperLink's, for this machine alone.")
    ] = 8000,
    folder: Folder = HERE,
) -> None:
    """Makes the authority, the server's certificate and a kit for each owner; later, kits for more owners."""

    def do() -> None:
        home = federation.init(folder, names, host, port)
        for name in names:
            typer.echo(f"{home.kit(name)}: bring it to {name} by a safe way, and remove it here")

    _told(do)


@app.command()
def serve(
    folder: Folder = HERE,
    bind: Annotated[str, typer.Option(help="Address of this machine at which the gate listens.")] = "0.0.0.0",  # noqa: S104
) -> None:
    """Runs the SuperLink for this machine alone, and the gate that owners reach; registers all who have a kit."""
    from fedsky.deploy import serve as serving

    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(Visible("%(asctime)s %(message)s"))
    logging.getLogger("fedsky").addHandler(console)
    logging.getLogger("fedsky").setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        _told(lambda: serving.serve(federation.read(folder), bind))
    except KeyboardInterrupt:
        typer.echo("fedsky.deploy: ended", err=True)


@app.command()
def register(folder: Folder = HERE) -> None:
    """Has the SuperLink that runs know every owner who has a kit, and nobody else."""

    def do() -> None:
        new = federation.register(federation.read(folder))
        typer.echo(f"new: {', '.join(new)}" if new else "all were known")

    _told(do)


@app.command()
def status(folder: Folder = HERE) -> None:
    """Says which owners are connected, and since when."""

    def do() -> None:
        for owner in federation.status(federation.read(folder)):
            typer.echo(visible(f"{owner.name}: {owner.status}" + (f" since {owner.since}" if owner.since else "")))

    _told(do)


@app.command()
def check(path: Annotated[Path, typer.Argument(metavar="OWNER.YAML", help="The owner.yaml of a kit.")]) -> None:
    """Looks, on an owner's machine, for what would keep it from taking part."""
    from fedsky.deploy.check import check as looked

    failed = False
    for what, wrong in looked(path):
        typer.echo(visible(f"{what}: {'ok' if wrong is None else wrong}"))
        failed |= wrong is not None
    if failed:
        raise typer.Exit(1)


@app.command()
def rotate(name: str, folder: Folder = HERE) -> None:
    """Gives an owner another key, which is to be brought to it, and has the old one refused."""
    _told(lambda: typer.echo(f"{federation.rotate(federation.read(folder), name)}: bring it to {name} by a safe way"))


@app.command()
def revoke(name: str, folder: Folder = HERE) -> None:
    """Has an owner's key refused from now on."""
    _told(lambda: federation.revoke(federation.read(folder), name))


if __name__ == "__main__":
    app()
