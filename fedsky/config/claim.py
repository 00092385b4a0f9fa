"""Takes the folder of a run or sweep before Hydra writes into it, so that a second command spoils nothing there."""

import os
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fedsky.config import from_here
from fedsky.history import lock


class Claim(Callback):
    """Hydra's callback, named in conf/config.yaml. What it refuses ends the command with one line and status 1."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Holds the folder of a single run; ends the command where a run is there, or another process."""
        folder = place(config, "hydra.run.dir")
        if folder is None:
            return
        _take(folder, _is_of_the_clock(config, "run"))
        if (folder / "run.json").exists():
            raise SystemExit(f"fedsky: {folder} holds a run already: name another folder, or remove it")

    def on_run_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Lets go of it."""
        lock.release(Path(str(config.hydra.run.dir)))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Holds the folder of a sweep, whose jobs may have processes of their own that hold theirs."""
        if (folder := place(config, "hydra.sweep.dir")) is not None:
            _take(folder, _is_of_the_clock(config, "sweep"))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Lets go of it."""
        lock.release(Path(str(config.hydra.sweep.dir)))


def place(config: DictConfig, key: str) -> Path | None:
    """A folder that the configuration names; None where it cannot be told, which Hydra tells itself next."""
    try:
        return from_here(str(OmegaConf.select(config, key)))
    except OmegaConfBaseException:
        return None


def _is_of_the_clock(config: DictConfig, kind: str) -> bool:
    """Whether the folder is called by the time, so that the same words name another one a moment later."""
    return "${now:" in str(OmegaConf.to_container(config.hydra[kind], resolve=False))


def _take(folder: Path, is_of_the_clock: bool) -> None:
    # Hydra takes exceptions of its callbacks for warnings, but not this one.
    try:
        lock.take(folder)
    except lock.HeldError as error:
        if is_of_the_clock:  # by another command, of the same microsecond: a moment later it is another folder
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very command
        raise SystemExit(f"fedsky: {error}") from None
    except OSError:  # Hydra makes the same folder next: why it cannot is told once, there
        return
