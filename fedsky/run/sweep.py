"""A sweep's folder, as Hydra leaves it: which jobs it was to have, and which of them are not done."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from fedsky import __main__ as shell
from fedsky.config import CONF, quoted
from fedsky.history import DONE

ASKED = "multirun.yaml"  # what Hydra writes before a sweep's first job
PLACES = ("hydra.mode", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
SUBFOLDER = "${hydra.job.num}"  # of conf/config.yaml: a job's folder is its number


@dataclass(frozen=True)
class SweepJob:
    """A job of a sweep: its folder, and its overrides without the folder."""

    folder: Path
    overrides: tuple[str, ...]

    def has_begun(self) -> bool:
        """Whether there is a run to go on with."""
        return (self.folder / "run.json").is_file()

    def is_done(self) -> bool:
        """Whether its run says so."""
        try:
            info = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(info, dict) and info.get("status") == DONE

    def start(self) -> None:
        """Has Hydra start it in its folder, as a job of this process; what goes wrong is in ``shell.failures``."""
        sys.argv = [shell.__file__, *self.overrides, f"hydra.run.dir={quoted(str(self.folder))}"]
        shell.job()


def is_sweep(folder: Path) -> bool:
    """Whether Hydra began a sweep in the folder."""
    return (folder / ASKED).is_file()


def read_sweep(folder: Path) -> list[SweepJob]:
    """All jobs of a sweep in their order, told apart as Hydra does; ValueError where its folder does not tell them."""
    path = folder / ASKED
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, YAMLError, OmegaConfBaseException) as error:
        raise ValueError(f"{path} cannot be read: start another sweep ({' '.join(str(error).split())})") from error
    asked = content.get("hydra") if isinstance(content, dict) else None
    try:
        words, of_hydra = list(asked["overrides"]["task"]), list(asked["overrides"]["hydra"])  # type: ignore[index]
        subfolder, sweeper = asked["sweep"]["subdir"], asked["sweeper"]["_target_"]  # type: ignore[index]
        params = asked["sweeper"].get("params") or {}  # type: ignore[index]
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} does not tell what the sweep was: start another one") from None
    if subfolder != SUBFOLDER or not sweeper.endswith(f".{BasicSweeper.__name__}"):
        raise ValueError(f"{path}: with hydra.sweep.subdir={subfolder} and {sweeper}, go on with each run by itself")
    kept = tuple(word for word in of_hydra if word.partition("=")[0].lstrip("+~") not in PLACES)
    every = _split([*(f"{key}={value}" for key, value in params.items()), *words])
    return [SweepJob(folder / str(number), (*each, *kept)) for number, each in enumerate(every)]


def _split(words: list[str]) -> list[list[str]]:
    """The overrides of every job of a sweep."""
    with initialize_config_dir(str(CONF), version_base="1.3"):  # glob(*) looks into conf/
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        [jobs] = BasicSweeper.split_arguments(parser.parse_overrides(words), None)
    return jobs
