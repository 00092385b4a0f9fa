"""``python -m fedsky.tune strategy=A,B budget=N KEY=VALUE ...``: tunes strategies with one budget."""

from fedsky.machine import interrupt, streams

if __name__ == "__main__":  # before what takes long to import
    streams.settle()
    interrupt.at_once("fedsky.tune")

import logging
import os
import sys
from typing import Annotated, NoReturn

import typer
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fedsky import machine
from fedsky.config import from_here
from fedsky.config.refusals import TRACEBACK, explain
from fedsky.tune import asked
from fedsky.untrusted import Visible, visible


def main(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE...",
            help="As of a run. strategy=A,B: each of them is tuned; budget=8: trials for each; data.fold=1/5,2/5 and "
            "seed=0,1: the runs of a trial; lr=0.1 stays so, lr=interval(0.01,1) is another range; jobs=2: runs at a "
            "time; folder=outputs/tune: where all of it goes, and goes on.",
        ),
    ] = None,
) -> None:
    """Tunes lr and each strategy's own settings by validation accuracy, with as many trials for each strategy.

    The same command goes on with what was stopped. Writes FOLDER/tuned/STRATEGY.yaml for recipes to include.
    """
    os.environ[TRACEBACK] = "1"  # so that Hydra hands its errors over rather than printing them at length
    try:
        search = asked.read(words or [])
        # These take seconds to import, which a wrong word need not wait for.
        from fedsky import engine
        from fedsky.tune import course, outcome
    except ValueError as error:
        _end(str(error))
    interrupt.by_exception()
    _speak()
    command = machine.command("tune", *(words or []))
    interrupt.goes_on_by(command, search.folder / course.ASKED)
    try:
        outcomes = course.tune(search)
        folder = outcome.write(search, outcomes, command)
    except KeyboardInterrupt:
        interrupt.leave("fedsky.tune")
    except (HydraException, OmegaConfBaseException, ValueError, OSError) as error:
        _end(explain(error))
    finally:
        engine.close()
    for line in outcome.table(outcomes):
        typer.echo(visible(line))
    typer.echo(visible(f"{from_here(folder)}: a yaml for each strategy, to be copied to conf/experiment/tuned/NAME"))


def _speak() -> None:
    """Has standard error told what fedsky itself says."""
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(Visible())
    log = logging.getLogger("fedsky")
    log.setLevel(logging.INFO)
    log.addHandler(console)


def _end(message: str) -> NoReturn:
    typer.echo(visible(f"fedsky.tune: {message}"), err=True)
    raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
