"""``python -m fedsky.resume FOLDER``: goes on with an interrupted run after its last complete round, or a sweep."""

from fedsky import interrupt

if __name__ == "__main__":  # before what takes long to import
    interrupt.at_once("fedsky.resume")

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fedsky import __main__ as shell
from fedsky import engine
from fedsky.config import check, explain
from fedsky.engine.grid import ClientError
from fedsky.history import DONE, Row
from fedsky.run import run
from fedsky.run.sweep import SweepJob, is_sweep, read_sweep

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
    begun = info.get("command")
    command = begun if isinstance(begun, str) else None
    return run(info["config"], folder, info.get("choices"), resumed=True, command=command)


def resume_sweep(folder: Path) -> list[str]:
    """Goes on with a sweep: what is done stays, what had begun goes on, the rest starts. A line for each failure."""
    jobs = read_sweep(folder)
    left = [job for job in jobs if not job.is_done()]
    LOG.info("%s: %d of %d jobs are done", folder, len(jobs) - len(left), len(jobs))
    failures: list[str] = []
    for job in left:
        if job.has_begun():
            failures += _resume_one(job)
        else:
            shell.failures.clear()
            job.start()
            failures += shell.failures
    return failures


def _resume_one(job: SweepJob) -> list[str]:
    """Goes on with a run of a sweep; what goes wrong costs this run alone."""
    with logged(job.folder):
        try:
            shell.tell(job.folder, resume(job.folder))
        except (ValueError, OSError, ClientError) as error:
            LOG.error("fedsky: %s", " ".join(str(error).split()))
            return [f"{job.folder}: {' '.join(str(error).split())}"]
        except Exception as error:
            LOG.exception("%s: %s", type(error).__name__, error)
            return [f"{job.folder}: {type(error).__name__}: {error}"]
    return []


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Has what is said meanwhile written to the run's log, too."""
    file = logging.FileHandler(folder / "run.log")
    logging.getLogger().addHandler(file)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(file)
        file.close()


def _speak() -> None:
    """Has the terminal told what fedsky itself says."""
    LOG.setLevel(logging.DEBUG)
    console = logging.StreamHandler()
    console.setLevel(logging.INFO)
    LOG.addHandler(console)


def main(folder: Annotated[Path, typer.Argument(help="The folder of an interrupted or failed run, or sweep.")]) -> None:
    """Goes on with a run after its last complete round, or with all of a sweep that is not done."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra hands its errors over rather than printing them at length
    interrupt.by_exception()
    _speak()
    try:
        if not folder.is_dir():
            raise ValueError(f"{folder} is no folder of a run")
        if is_sweep(folder):
            if failures := resume_sweep(folder):
                raise ValueError("\n".join([f"{len(failures)} job(s) failed:", *failures]))
        else:
            with logged(folder):
                shell.tell(folder, resume(folder))
    except KeyboardInterrupt:
        interrupt.leave("fedsky.resume")
    except (HydraException, OmegaConfBaseException) as error:
        typer.echo(f"fedsky.resume: {explain(error)}", err=True)
        raise typer.Exit(1) from None
    except (ValueError, OSError, ClientError) as error:
        typer.echo(f"fedsky.resume: {error}", err=True)
        raise typer.Exit(1) from None
    finally:
        engine.close()


if __name__ == "__main__":
    typer.run(main)
