"""How a job ended: told from its process where the worker saw it end, else from the runs that it left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fedsky.history import DONE, FAILED, GONE, INTERRUPTED, RUNNING, find_runs, lock, read_object, read_run, write_end
from fedsky.language import _
from fedsky.untrusted import printable

from . import queue

TAIL = 20_000  # bytes of a log in which the reason of a failure is looked for


@dataclass(frozen=True)
class Ending:
    """A job's last status and why."""

    status: str
    reason: str


def judge(exit_code: int | None, num_runs: int, runs: Sequence[dict[str, Any]], log: Path) -> Ending:
    """The ending of a job. exit_code: None where nobody saw it; runs: what each of its run.json says."""
    states = [str(run.get("status")) for run in runs]
    whole = len(states) == num_runs
    if exit_code == 0 or (exit_code is None and whole and set(states) == {DONE}):
        return Ending(queue.DONE, "")
    if exit_code is None:
        if whole and FAILED in states and set(states) <= {DONE, FAILED}:
            return Ending(queue.FAILED, _why(runs))
        done, all_runs = states.count(DONE), num_runs
        if num_runs == 1:
            return Ending(queue.INTERRUPTED, _("the worker or the machine stopped; its run was not done"))
        told = _("the worker or the machine stopped; {done} of {all} runs were done", done=done, all=all_runs)
        return Ending(queue.INTERRUPTED, told)
    if exit_code == 130:
        return Ending(queue.INTERRUPTED, _("stopped from outside the site"))
    if exit_code < 0:
        return Ending(queue.FAILED, _("its process was killed (signal {n})", n=-exit_code))
    return Ending(queue.FAILED, _why(runs) or last_words(log) or _("it ended with exit code {n}", n=exit_code))


def _why(runs: Sequence[dict[str, Any]]) -> str:
    reasons = [printable(run["reason"], 400) for run in runs if run.get("status") == FAILED and run.get("reason")]
    if len(reasons) > 1:
        return _("{reason} (and {n} other runs failed)", reason=reasons[0], n=len(reasons) - 1)
    return reasons[0] if reasons else ""


def last_words(log: Path) -> str:
    """The line with which fedsky says what was wrong, else the last line."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    told = [line for line in lines if line.startswith("fedsky: ")] or [line for line in lines if line.strip()][-1:]
    return printable(told[-1].removeprefix("fedsky: "), 400) if told else ""


def runs_of(folder: Path) -> list[Path]:
    """The run folders of a job."""
    return list(find_runs([folder])) if folder.is_dir() else []


def begun(folder: Path) -> Path | None:
    """The folder of the run or sweep that fedsky.resume goes on with; None where the job has left no run."""
    runs = runs_of(folder)
    return folder / runs[-1].relative_to(folder).parts[0] if runs else None


def was_stopped(runs: Sequence[dict[str, Any]]) -> bool:
    """Whether a run says itself that it was interrupted, as on Ctrl-C, which a killed one cannot."""
    return any(run.get("status") == INTERRUPTED and run.get("reason") != GONE for run in runs)


def mend(folders: Sequence[Path]) -> None:
    """Marks runs as interrupted that still say they are running, though their process is no more.

    Not those that another process has taken up since: a person's ``fedsky.resume``.
    """
    for folder in folders:
        run = read_run(folder)
        if lock.is_held(folder) is not True and read_object(folder / "run.json", []).get("status") == RUNNING:
            ended = datetime.now(UTC).isoformat(timespec="seconds")
            write_end(folder, run.info | {"status": INTERRUPTED, "reason": GONE, "ended": ended})
