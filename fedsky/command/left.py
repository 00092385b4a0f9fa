"""What is left of a sweep: runs that had begun go on, others start, one by one or side by side. Each may fail alone."""

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fedsky.command import shell, sweep
from fedsky.command.beside import Crew
from fedsky.command.member import Order
from fedsky.command.sweep import ASKED, SweepJob
from fedsky.config import permitted, quoted
from fedsky.config.refusals import explain, fault
from fedsky.engine.grid import ClientError
from fedsky.history import lock
from fedsky.machine import interrupt
from fedsky.untrusted import Visible

LOG = logging.getLogger("fedsky")


@dataclass
class Left(Order):
    """A job of a sweep that is not done. options: of the command line that began the sweep; given: by the user now."""

    job: SweepJob
    options: list[str]
    given: permitted.Word
    resume: Callable[[Path, permitted.Word], dict[str, Any]]  # of a run that had begun: its run.json when it is done


def do_all(left: Sequence[Left], size: int) -> list[str]:
    """Does what is left, so many at a time; a line for each failure."""
    reasons = [do(each) for each in left] if size <= 1 else _side_by_side(left, size)
    return [f"{each.folder}: {reason}" for each, reason in zip(left, reasons, strict=True) if reason is not None]


def _side_by_side(left: Sequence[Left], size: int) -> list[str | None]:
    told: dict[Path, str | None] = {}

    def ended(order: Order, reason: str | None) -> None:
        told[order.folder] = reason or SweepJob(order.folder, ()).failure()
        sweep.say_how_it_ended(order.folder, reason)

    crew = sweep.Begun.crew = Crew(size, _do_beside, ended)
    for each in left:
        crew.give(each)
    crew.finish()
    sweep.Begun.crew = None
    return [told[each.folder] for each in left]


def _do_beside(left: Any) -> str | None:
    """As ``do``, in a process of its own."""
    LOG.setLevel(logging.DEBUG)
    interrupt.by_exception()
    return do(left)


def do(left: Left) -> str | None:
    """Goes on with a job, or starts it; why it failed, if it did."""
    return _resume(left) if left.job.has_begun() else _start(left)


def _start(left: Left) -> str | None:
    """Has Hydra start a job of a sweep in its folder, in this process."""
    job = left.job
    sys.argv = [shell.PROGRAM, *left.options, *job.overrides, f"hydra.run.dir={quoted(str(job.folder))}"]
    shell.checks[:] = [lambda config: permitted.check(config, str(job.folder.parent / ASKED), left.given)]
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


def _resume(left: Left) -> str | None:
    try:
        with logged(left.folder):
            return _resume_logged(left)
    except lock.HeldError as error:
        LOG.error("fedsky: %s", error)
        return str(error)


def _resume_logged(left: Left) -> str | None:
    try:
        shell.tell(left.folder, left.resume(left.folder, left.given))
    except (ValueError, OSError, ClientError) as error:
        reason = " ".join(explain(error).split())
    except Exception as error:
        reason = f"{fault(error)}; all of it: {left.folder / 'run.log'}"
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
