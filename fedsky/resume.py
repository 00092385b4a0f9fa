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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fedsky import engine, machine
from fedsky.command import shell
from fedsky.command.sweep import ASKED, SweepJob, dropped, is_sweep, read_sweep
from fedsky.command.sweep import options as sweep_options
from fedsky.config import check, permitted, quoted
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
    reasons = [(job, _resume_one(job, given) if job.has_begun() else _start(job, words, given)) for job in left]
    return [f"{job.folder}: {reason}" for job, reason in reasons if reason is not None]


def _asks_for(folder: Path, option: str, value: str | None) -> str:
    if value is None:
        return f"{folder} was begun without {option}: leave it out"
    again = shlex.join(["python", "-m", "fedsky.resume", str(folder), option, value])
    return f"{folder} was begun with {option}: if you trust what is in there, {again}"


def _start(job: SweepJob, words: list[str], given: permitted.Word) -> str | None:
    """Has Hydra start a job of a sweep in its folder, in this process; why it failed, if it did."""
    sys.argv = [shell.PROGRAM, *words, *job.overrides, f"hydra.run.dir={quoted(str(job.folder))}"]
    shell.checks[:] = [lambda config: permitted.check(config, str(job.folder.parent / ASKED), given)]
    try:
        shell.job()
    except SystemExit as end:
        if isinstance(end.code, str):  # of fedsky.config.claim
            LOG.error("%s", end.code)
            return end.code.removeprefix("fedsky: ")
        return job.failure()  # it is told already
    except (HydraException, OmegaConfBaseException, ValueError, OSError) as error:  # of composing it
        LOG.error("fedsky: %s", explain(error))
        return explain(error)
    finally:
        lock.release(job.folder)  # which Hydra's callback does after a run that went well alone
        shell.checks.clear()
    return None


def _resume_one(job: SweepJob, given: permitted.Word) -> str | None:
    """Goes on with a run of a sweep; why it failed, if it did. What goes wrong costs this run alone."""
    try:
        with logged(job.folder):
            return _resume_logged(job.folder, given)
    except lock.HeldError as error:
        LOG.error("fedsky: %s", error)
        return str(error)


def _resume_logged(folder: Path, given: permitted.Word) -> str | None:
    try:
        shell.tell(folder, resume(folder, given))
    except (ValueError, OSError, ClientError) as error:
        reason = " ".join(explain(error).split())
    except Exception as error:
        reason = f"{fault(error)}; all of it: {folder / 'run.log'}"
        LOG.debug("", exc_info=error)
    else:
        return None
    LOG.error("fedsky: %s", reason)
    return reason


@contextmanager
def logged(folder: Path) -> Iterator[None]:
    """Holds the folder, and has what is said meanwhile written to the run's log, too."""
    with lock.hold(folder):
        file = logging.FileHandler(folder / "run.log", encoding="utf-8")
        file.setFormatter(Visible())
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
        interrupt.leave("fedsky.resume")
    except (HydraException, OmegaConfBaseException, ValueError, OSError, ClientError) as error:
        _end(explain(error))
    except (typer.Exit, SystemExit):
        raise
    except Exception as error:
        _end(f"{fault(error)}; all of it: {folder / 'run.log'}")
    finally:
        engine.close()


def _end(message: str) -> NoReturn:
    typer.echo(visible(f"fedsky.resume: {message}"), err=True)
    raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
