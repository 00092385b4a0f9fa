"""``python -m fedsky.resume RUN``: goes on with an interrupted run after its last complete round."""

from fedsky import interrupt

if __name__ == "__main__":  # before what takes long to import
    interrupt.at_once("fedsky.resume")

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from fedsky import engine
from fedsky.config import check
from fedsky.grid import ClientError
from fedsky.history import DONE, Row
from fedsky.run import run

LOG = logging.getLogger("fedsky")


def resume(folder: Path) -> Row:
    """Goes on with the run in ``folder`` as if it had not stopped: its files become the same bytes."""
    try:
        info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder} holds no run to go on with ({error})") from error
    if not isinstance(info, dict) or not isinstance(info.get("config"), dict):
        raise ValueError(f"{folder}/run.json is none of fedsky's: name the folder of a run")
    if info.get("status") == DONE:
        raise ValueError(f"{folder} is done: start another run")
    check(info["config"])
    return run(info["config"], folder, info.get("choices"), resumed=True)


def main(run: Annotated[Path, typer.Argument(help="The folder of an interrupted or failed run.")]) -> None:
    """Goes on with RUN after its last complete round."""
    interrupt.by_exception()
    LOG.setLevel(logging.DEBUG)
    console = logging.StreamHandler()
    console.setLevel(logging.INFO)
    LOG.addHandler(console)
    try:
        if not run.is_dir():
            raise ValueError(f"{run} is no folder of a run")
        logging.getLogger().addHandler(logging.FileHandler(run / "run.log"))
        resume(run)
    except KeyboardInterrupt:
        interrupt.leave("fedsky.resume")
    except (ValueError, OSError, ClientError) as error:
        typer.echo(f"fedsky.resume: {error}", err=True)
        raise typer.Exit(1) from None
    finally:
        engine.close()


if __name__ == "__main__":
    typer.run(main)
