"""``python -m fedsky.resume FOLDER``: goes on with an interrupted run after its last complete round, or a sweep."""

from fedsky.machine import interrupt, streams

if __name__ == "__main__":  # before what takes long to import
    streams.settle()
    interrupt.at_once("fedsky.resume")

import json
import logging
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fedsky import checks, engine, machine
from fedsky.command import shell, sweep
from fedsky.command.left import Left, do_all, logged
from fedsky.command.sweep import ASKED, dropped, is_sweep, jobs_of, read_sweep
from fedsky.command.sweep import options as sweep_options
from fedsky.config import check, permitted
from fedsky.config.refusals import TRACEBACK, explain, fault
from fedsky.engine.grid import ClientError
from fedsky.history import DONE, Row, changed, find_runs, lock, read_run
from fedsky.run import run
from fedsky.untrusted import Visible, refuse_strange, text_of, visible

LOG = logging.getLogger("fedsky")
MOST_TOLD = 3  # commands in a refusal


def resume(folder: Path, given: permitted.Word = permitted.NOTHING) -> Row:
    """Goes on with the run in ``folder`` as if it had not stopped: its files become the same bytes.

    The folder may be somebody else's: what it asks for beyond conf/ must be ``given`` by the user.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder of a run")
    refuse_strange(folder)
    with lock.hold(folder):  # before it is read: who writes there may be about to end the run
        return _resume(folder, given)


def _resume(folder: Path, given: permitted.Word) -> Row:
    try:
        info = json.loads(text_of(folder / "run.json", folder))
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no run to go on with{_left_below(folder)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{folder} holds no run to go on with (run.json: {error})") from error
    if not isinstance(info, dict) or not isinstance(info.get("config"), dict):
        raise ValueError(f"{folder}/run.json was not written by fedsky: name the folder of a run")
    if why := changed(folder, info, is_mine=True):
        raise ValueError(f"{folder}: {why}; bring back what it left, or start another run")
    if info.get("status") == DONE:
        raise ValueError(f"{folder} is done: start another run")
    permitted.check(info["config"], str(folder / "run.json"), given)
    check(info["config"])
    return run(info["config"], folder, begun=info)


def _left_below(folder: Path) -> str:
    """The commands that go on with what is not done in a folder of runs and sweeps."""
    runs = [path for path in find_runs([folder]) if read_run(path).info.get("status") != DONE]
    left = sorted({path.parent if is_sweep(path.parent) else path for path in runs})
    if not left:
        return " and none below it that is not done"
    return "; below it: " + ", ".join(machine.command("resume", each) for each in left[:MOST_TOLD])


def resume_sweep(folder: Path, places: Mapping[str, str], given: permitted.Word = permitted.NOTHING) -> list[str]:
    """Goes on with a sweep: what is done stays, what had begun goes on, the rest starts. A line for each failure.

    places: the options --config-dir and --config-path that the user gives, which must be those of the sweep: a folder
    of configurations says what is called, and a sweep's folder may be somebody else's. given: all that the user gives.
    """
    refuse_strange(folder)
    with lock.hold(folder):
        return _resume_sweep(folder, places, given)


def _resume_sweep(folder: Path, places: Mapping[str, str], given: permitted.Word) -> list[str]:
    begun = sweep_options(folder)
    for option in ("--config-dir", "--config-path"):
        if begun.get(option) != places.get(option):
            raise ValueError(_asks_for(folder, option, begun.get(option)))
    jobs = read_sweep(folder)
    left = [job for job in jobs if not job.is_done()]
    LOG.info("%s: %d of %d jobs are done", folder, len(jobs) - len(left), len(jobs))
    words = [word for option, value in begun.items() for word in (option, value)]
    if left and (of_hydra := dropped(folder)):
        LOG.info("not taken over from the folder: %s", ", ".join(of_hydra))
    orders = [Left(job.folder, (sys.argv, sys.orig_argv), job, words, given, resume) for job in left]
    return do_all(orders, min(len(left), num_beside(folder, given)))


def num_beside(folder: Path, given: permitted.Word) -> int:
    """How many runs at a time: as many as the user says now, else as the sweep was begun with, if there are cores."""
    if (typed := given.settings.get("jobs")) is not None:
        return checks.whole("jobs", int(typed) if typed.isdecimal() else typed, 1)
    return min(jobs_of(folder), machine.num_cores())


def _asks_for(folder: Path, option: str, value: str | None) -> str:
    if value is None:
        return f"{folder} was begun without {option}: leave it out"
    again = shlex.join(["python", "-m", "fedsky.resume", str(folder), option, value])
    return f"{folder} was begun with {option}: if you trust what is in there, {again}"


def _speak() -> None:
    """Has the terminal told what fedsky itself says."""
    LOG.setLevel(logging.DEBUG)
    console = logging.StreamHandler()
    console.setLevel(logging.INFO)
    console.setFormatter(Visible())
    LOG.addHandler(console)


def main(
    folder: Annotated[Path, typer.Argument(help="The folder of an interrupted or failed run, or sweep.")],
    settings: Annotated[
        list[str] | None, typer.Argument(help="KEY=VALUE that the folder asks for and that conf/ has not, typed anew.")
    ] = None,
    config_dir: Annotated[Path | None, typer.Option(help="Your own configurations, as it was begun with.")] = None,
    config_path: Annotated[Path | None, typer.Option(help="As it was begun with.")] = None,
) -> None:
    """Goes on with a run after its last complete round, or with all of a sweep that is not done."""
    os.environ[TRACEBACK] = "1"  # so that Hydra hands its errors over rather than printing them at length
    interrupt.by_exception()
    _speak()
    begun = folder / (ASKED if is_sweep(folder) else "run.json")
    interrupt.goes_on_by(machine.command("resume", *sys.argv[1:]), begun)
    options = {"--config-dir": config_dir, "--config-path": config_path}
    try:
        given = permitted.word(list(options.values()), settings or [])
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder of a run")
        if is_sweep(folder):
            places = {option: os.path.abspath(place) for option, place in options.items() if place is not None}
            if failures := resume_sweep(folder, places, given):
                _end("\n".join([f"{len(failures)} job(s) failed:", *failures]))
        else:
            refuse_strange(folder)
            with logged(folder):
                shell.tell(folder, resume(folder, given))
    except KeyboardInterrupt:
        interrupt.leave("fedsky.resume", sweep.stop)
    except (HydraException, OmegaConfBaseException, ValueError, OSError, ClientError) as error:
        _end(explain(error))
    except (typer.Exit, SystemExit):
        raise
    except Exception as error:
        _end(f"{fault(error)}; all of it: {folder / 'run.log'}")
    finally:
        sweep.stop()
        engine.close()


def _end(message: str) -> NoReturn:
    typer.echo(visible(f"fedsky.resume: {message}"), err=True)
    raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
