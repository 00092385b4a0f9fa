"""A sweep's folder, as Hydra leaves it: which jobs it was to have, which of them are not done, and why."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from fedsky.config import CONF, from_here
from fedsky.config.claim import place
from fedsky.history import DONE

ASKED = "multirun.yaml"  # what Hydra writes before a sweep's first job
PLACES = ("hydra.mode", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
SUBFOLDER = "${hydra.job.num}"  # of conf/config.yaml: a job's folder is its number


class Begun(Callback):
    """What Hydra tells of a sweep before its first job, wherever a launcher then runs them (conf/config.yaml)."""

    folders: list[Path] = []  # noqa: RUF012  # of this process
    trains = True

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Notes where the jobs' folders will be."""
        if (folder := place(config, "hydra.sweep.dir")) is not None:
            Begun.folders.append(folder)
        Begun.trains = config.get("dry_run") is not True  # which leaves no folders


def failures() -> list[str]:
    """One line for each job that failed, of the sweep that this process began; told by the jobs' folders."""
    told = []
    for folder in Begun.folders:
        for job in _jobs(folder):
            reason = job.failure()
            if reason is not None and (Begun.trains or job.folder.is_dir()):
                told.append(f"{' '.join(job.overrides) or 'the defaults'}: {reason}")
    return told


def _jobs(folder: Path) -> "list[SweepJob]":
    """The jobs of a sweep; of one whose folders are not the jobs' numbers those that have begun."""
    try:
        return read_sweep(folder)
    except ValueError:
        begun = sorted(folder.rglob(".hydra/overrides.yaml"))
        return [SweepJob(path.parent.parent, tuple(map(str, OmegaConf.load(path)))) for path in begun]


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
        return self._info().get("status") == DONE

    def failure(self) -> str | None:
        """Why it is not done, in one line; None where it is."""
        info = self._info()
        if info.get("status") == DONE:
            return None
        if not self.folder.is_dir():
            return "it did not start"
        reason = info.get("reason") if info else self._refused()
        return " ".join(str(reason).split()) if reason else f"it did not end; see {from_here(self.folder)}"

    def _info(self) -> Mapping[str, Any]:
        try:
            info = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return info if isinstance(info, dict) else {}

    def _refused(self) -> str | None:
        """What the log says of a job that came to no run (conf/hydra/job_logging)."""
        try:
            log = (self.folder / "run.log").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        return (re.findall(r" ERROR fedsky: fedsky: (.*)", log) or [None])[-1]


def is_sweep(folder: Path) -> bool:
    """Whether Hydra began a sweep in the folder."""
    return (folder / ASKED).is_file()


def read_sweep(folder: Path) -> list[SweepJob]:
    """All jobs of a sweep in their order, told apart as Hydra does; ValueError where its folder does not tell them."""
    asked = _asked(folder)
    path = folder / ASKED
    words, of_hydra = list(asked["overrides"]["task"]), list(asked["overrides"]["hydra"])
    subfolder, sweeper = asked["sweep"]["subdir"], asked["sweeper"]["_target_"]
    params = asked["sweeper"].get("params") or {}
    if subfolder != SUBFOLDER or not sweeper.endswith(f".{BasicSweeper.__name__}"):
        raise ValueError(f"{path}: with hydra.sweep.subdir={subfolder} and {sweeper}, go on with each run by itself")
    kept = tuple(word for word in of_hydra if word.partition("=")[0].lstrip("+~") not in PLACES)
    every = _split([*(f"{key}={value}" for key, value in params.items()), *words], options(folder))
    return [SweepJob(folder / str(number), (*each, *kept)) for number, each in enumerate(every)]


def _asked(folder: Path) -> Any:
    """Hydra's own part of what a sweep was asked for."""
    path = folder / ASKED
    try:
        content = OmegaConf.to_container(OmegaConf.load(path))
    except (OSError, YAMLError, OmegaConfBaseException) as error:
        raise ValueError(f"{path} cannot be read: start another sweep ({' '.join(str(error).split())})") from error
    asked: Any = content.get("hydra") if isinstance(content, dict) else None
    try:
        known = (
            asked["overrides"]["task"], asked["overrides"]["hydra"], asked["sweep"]["subdir"],
            asked["sweeper"]["_target_"], asked["job"]["config_name"],
            [(source["provider"], source["path"]) for source in asked["runtime"]["config_sources"]],
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} does not tell what the sweep was: start another one") from None
    assert known
    return asked


def options(folder: Path) -> dict[str, str]:
    """Where a sweep's configuration was looked for, as the options by which one says so; none of the defaults."""
    asked = _asked(folder)
    sources = {source["provider"]: str(source["path"]) for source in asked["runtime"]["config_sources"]}
    found = {}
    if (name := str(asked["job"]["config_name"])) != "config":
        found["--config-name"] = name
    if "main" in sources and not _is_fedskys(Path(sources["main"])):
        found["--config-path"] = sources["main"]
    if "command-line" in sources:
        found["--config-dir"] = sources["command-line"]
    return found


def _is_fedskys(path: Path) -> bool:
    """Whether a folder is conf/, of this installation or of the one that began the sweep."""
    packages = path.parent / "fedsky", path.parent.parent / "fedsky"  # beside conf/ in a checkout, around it installed
    is_one = not path.exists() or any((package / "__init__.py").is_file() for package in packages)
    return path == CONF or (path.name == CONF.name and is_one)


def _split(words: list[str], begun: Mapping[str, str]) -> list[list[str]]:
    """The overrides of every job of a sweep."""
    path = create_config_search_path(begun.get("--config-path", str(CONF)))
    if own := begun.get("--config-dir"):
        path.prepend("command-line", f"file://{own}", SearchPathQuery(provider="schema"))
    parser = OverridesParser.create(config_loader=ConfigLoaderImpl(path))  # glob(*) looks into the folders
    [jobs] = BasicSweeper.split_arguments(parser.parse_overrides(words), None)
    return jobs
