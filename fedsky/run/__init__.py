"""One run, from its configuration to its folder: the only place where all parts meet."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from fedsky.client.task import load_task, specification
from fedsky.engine import joined, task_of
from fedsky.history import DONE, FAILED, INTERRUPTED, Row, lock, write_begun, write_end
from fedsky.machine import interrupt, remedies
from fedsky.run import beginning, provenance
from fedsky.run.loop import RoundLoop
from fedsky.tracking import open_tracking


def run(
    config: dict[str, Any],
    folder: Path,
    choices: dict[str, str] | None = None,
    begun: Row | None = None,
    waited: tuple[float, float] | None = None,
) -> Row:
    """Trains and judges as the checked configuration says, writes the run folder and returns its run.json.

    ``choices`` are the names of the Hydra choices. ``begun`` is the run.json of a run that goes on, after the last
    complete round in the folder. ``waited``, of the first run of a process, is how long the command took before it, in
    seconds on the wall and on a processor. HeldError where another process writes there, ValueError where a run is
    there that is not to go on, or whose data are others now.
    """
    with lock.hold(folder):
        return _run(config, folder, choices or {}, begun, waited)


def _run(
    config: dict[str, Any], folder: Path, choices: dict[str, str], begun: Row | None, waited: tuple[float, float] | None
) -> Row:
    if begun is None and (folder / "run.json").exists():
        raise ValueError(f"{folder} holds a run already: name another folder, or remove it")
    tracking = open_tracking(config)
    directory = beginning.directory(begun)
    text = specification(config, folder / "clients", directory)
    # Other data are refused here, before anything is written.
    if begun is None:
        info = beginning.begin(folder.name, config, choices)
    else:
        load_task.cache_clear()  # its data are to be those that are there now
        info = beginning.go_on(folder, begun, task_of(config["engine"], text))
    write_begun(folder, info)
    try:
        loop = RoundLoop(config, folder, text, directory, begun is not None, tracking)
        info["data"] = beginning.of_data(loop.task.photos)
        info["role"] = loop.strategy.role
        if (others := joined(config["engine"])) is not None:
            info["joined"] = others
        if begun is None:
            process = {} if waited is None else {"process_seconds": waited[0], "process_cpu_seconds": waited[1]}
            info["start"] = process | loop.start
        write_begun(folder, info, ["partition.json"])
        tracking.begin(folder, dict(info), loop.first)
        info |= loop.finish()
        info["status"] = DONE
    except BaseException as error:
        interrupt.stop_insisting()
        interrupted = isinstance(error, KeyboardInterrupt) or interrupt.asked()
        info["status"] = INTERRUPTED if interrupted else FAILED
        info["reason"] = interrupt.STOPPED if interrupted else _reason(error)
        info["ended"] = provenance.now()
        with suppress(OSError):  # on a full disk what went wrong is told, not that it could not be written down
            write_end(folder, info)
        tracking.end(info)
        if interrupted:
            raise KeyboardInterrupt from error
        raise
    info["ended"] = provenance.now()
    write_end(folder, info)
    tracking.end(info)
    return info


def _reason(error: BaseException) -> str:
    return remedies.told(error) if isinstance(error, OSError) else str(error) or type(error).__name__
