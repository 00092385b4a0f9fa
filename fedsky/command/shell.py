"""The Hydra shell around a run: ``main`` is ``python -m fedsky``, ``job`` is one job of its command line."""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import configure_log
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fedsky import engine, machine
from fedsky.command import again, sweep
from fedsky.command.beside import Crew
from fedsky.command.member import Order
from fedsky.config import CONF, arguments, from_here, resolve
from fedsky.config.known import refuse_unread
from fedsky.config.refusals import TRACEBACK, explain, fault
from fedsky.history.estimate import Estimate, duration
from fedsky.machine import imports, interrupt, streams
from fedsky.machine.load import Watch, since_start
from fedsky.untrusted import visible

LOG = logging.getLogger("fedsky")
PROGRAM = "__main__.py"  # the first word of sys.argv, as python -m fedsky has it
# Further checks of a configuration, added by whoever has Hydra compose it from a file.
checks: list[Callable[[dict[str, Any]], None]] = []
begun_here: list[Path] = []  # the runs of this command so far
estimates: list[Estimate] = []  # of its dry runs
partitions: list[dict[str, Any]] = []  # that its dry runs have shown


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def job(cfg: DictConfig) -> None:
    """One job of a command line; in a sweep, what goes wrong costs this job alone and is read from its folder."""
    if not _succeeds(cfg) and HydraConfig.get().mode == RunMode.RUN:
        sys.exit(1)


def _succeeds(cfg: DictConfig) -> bool:
    """Whether the job did what it was to do."""
    settings = HydraConfig.get()
    folder = from_here(settings.runtime.output_dir)
    try:
        refuse_unread(settings.overrides.task, cfg)
        config = resolve(cfg)
        for check in checks:
            check(config)
    except (ValueError, OSError, OmegaConfBaseException) as error:
        return _failed(explain(error), error)
    if config["dry_run"]:
        return carry_out(config, folder, {})
    choices = {
        group: str(choice)
        for group, choice in settings.runtime.choices.items()
        if "/" not in group and choice is not None
    }
    if settings.mode == RunMode.MULTIRUN and sweep.Begun.jobs > 1:
        crew = sweep.Begun.crew = sweep.Begun.crew or Crew(sweep.Begun.jobs, _begin_beside, _say_how_it_ended)
        _say_what_goes_on(folder, config)
        interrupt.by_exception()
        log: Any = OmegaConf.to_container(settings.job_logging, resolve=True)
        crew.give(Begin(folder, (sys.argv, sys.orig_argv), config, choices, log))
        return True
    return carry_out(config, folder, choices)


@dataclass
class Begin(Order):
    """A run that begins, as its configuration and choices say; logging: Hydra's job_logging."""

    config: dict[str, Any]
    choices: dict[str, str]
    logging: dict[str, Any]


def _begin_beside(order: Any) -> None:
    """As ``carry_out``, in a process of its own."""
    configure_log(OmegaConf.create(order.logging))
    carry_out(order.config, order.folder, order.choices)


def _say_how_it_ended(order: Order, told: str | None) -> None:
    sweep.say_how_it_ended(order.folder)


def carry_out(config: dict[str, Any], folder: Path, choices: dict[str, str]) -> bool:
    """Makes a run, or says what it would take, in this process; whether it went well."""
    watch = Watch() if config["dry_run"] else None
    if not config["dry_run"]:
        with suppress(TypeError, ValueError):  # of such settings as the run refuses
            engine.prepare(config["engine"], config["num_clients"])
    # These take seconds to import, which a wrong value need not wait for, and during which Ray starts.
    with imports.to_stay():
        from fedsky.engine.grid import ClientError
        from fedsky.run import run
        from fedsky.run.dry_run import dry_run

    interrupt.by_exception()
    waited = since_start() if not begun_here else None
    begun_here.append(folder)
    try:
        if config["dry_run"]:
            estimates.append(dry_run(config, folder, waited, watch, partitions))
            sys.stdout.flush()
            return True
        _say_what_goes_on(folder, config)
        tell(folder, run(config, folder, choices, waited=waited))
    except ClientError as error:
        LOG.debug("%s", error.report)
        return _failed(str(error) if error.reason else f"{error}; all of it: {folder / 'run.log'}", error)
    except (ValueError, OSError) as error:
        if config["dry_run"] and isinstance(error, OSError) and error.filename is None:
            return _failed(f"standard output: {explain(error)}", error)
        return _failed(explain(error), error)
    except Exception as error:
        return _failed(f"{fault(error)}; all of it: {folder / 'run.log'}", error)
    return True


def _say_what_goes_on(folder: Path, config: dict[str, Any]) -> None:
    """Has Ctrl-C name the command that goes on with the sweep, or with the run if it keeps a checkpoint."""
    if sweep.Begun.folders:
        home = from_here(sweep.Begun.folders[-1])
        interrupt.goes_on_by(machine.command("resume", home), home / sweep.ASKED)
    elif config["checkpoint"]:
        interrupt.goes_on_by(machine.command("resume", folder), folder / "run.json")


def tell(folder: Path, info: dict[str, Any]) -> None:
    """Says in one line how a run ended."""
    LOG.info("%s", sweep.ended(folder, info))


def _failed(message: str, error: Exception) -> bool:
    """Tells in one line what a person can mend; how it came about stands in the run's log."""
    LOG.error("fedsky: %s", " ".join(message.split()))
    LOG.debug("", exc_info=error)
    return False


def main() -> None:
    """The command line; exits with 0 if all went well, 1 if a job failed, 2 for a wrong option, 130 on Ctrl-C."""
    streams.settle()
    told_all = os.environ.get(TRACEBACK) == "1"
    os.environ[TRACEBACK] = "1"  # so that Hydra hands its errors over rather than printing them at length
    interrupt.at_once("fedsky")
    sweep.Begun.folders.clear()
    sweep.Begun.jobs = 1
    begun_here.clear()
    estimates.clear()
    partitions.clear()
    try:
        sys.argv[1:] = arguments.command_line(sys.argv[1:])
        again.go_on(sys.argv[1:])
        job()
        failures = sweep.failures()
        _say_what_to_read()
        _say_how_long()
    except KeyboardInterrupt:
        interrupt.leave("fedsky", sweep.stop)
    except (HydraException, OmegaConfBaseException, ValueError) as error:  # of composing: a job keeps its own
        _end(explain(error), 2)
    except OSError as error:  # of a folder that cannot be made
        _end(explain(error), 1)
    except Exception as error:
        if told_all:
            raise
        _end(f"{fault(error)}; {TRACEBACK}=1 before the command shows all of it", 1)
    finally:
        sweep.stop()
        close()
    if failures:
        _end("\n".join([f"{len(failures)} job(s) failed:", *failures]), 1)


def _say_what_to_read() -> None:
    """After a sweep: the command that compares what it left, where it left anything that can be compared."""
    if homes := [from_here(folder) for folder in sweep.finished()]:
        sys.stderr.write(visible(f"to compare: {machine.command('report', *homes)}\n"))


def _say_how_long() -> None:
    """After the dry runs of a sweep: what all its runs would take."""
    if len(estimates) > 1:
        seconds = sum(each.seconds for each in estimates)
        sys.stdout.write(f"{len(estimates)} runs, one after the other: about {duration(seconds)}\n")


def close() -> None:
    """Ends the engine, if one was started."""
    logging.getLogger("flwr").propagate = False  # what it says from here on belongs to no run
    if "fedsky.engine" in sys.modules:
        sys.modules["fedsky.engine"].close()


def _end(message: str, code: int) -> None:
    sys.stderr.write(visible(f"fedsky: {message}\n"))
    sys.exit(code)
