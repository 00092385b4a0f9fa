"""A sweep's folder, as Hydra leaves it: which jobs it was to have, which of them are not done, and why."""

import itertools
import json
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from yaml import CSafeLoader, YAMLError

from fedsky import untrusted
from fedsky.command.beside import Crew
from fedsky.config import CONF, from_here
from fedsky.config.claim import place
from fedsky.history import DONE
from fedsky.untrusted import visible

ASKED = "multirun.yaml"  # what Hydra writes before a sweep's first job
PLACES = ("hydra.mode", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir")
LARGEST, MOST_JOBS = 2**22, 10_000  # bytes of it; jobs of a sweep
# What a word of a sweep may be: a setting or choice of fedsky's, with no place of Hydra's own (/ and @ name those).
_WORD = re.compile(r"(?:\+{0,2}|~)([A-Za-z_][\w.]*)(?:=(.*))?", re.DOTALL)
_CHOICE = re.compile(r"[\w.-]*")  # of a group: a name, and no path that leads out of the folders of configurations
_NODE = re.compile(r"\$\{[\w.]+\}")  # another setting of the same configuration
SUBFOLDER = "${hydra.job.num}"  # of conf/config.yaml: a job's folder is its number


class Begun(Callback):
    """What Hydra tells of a sweep before its first job, wherever a launcher then runs them (conf/config.yaml)."""

    folders: list[Path] = []  # noqa: RUF012  # of this process
    trains = True
    jobs = 1  # whose runs are to go on at a time, and who makes them
    crew: Crew | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Notes where the jobs' folders will be."""
        if (folder := place(config, "hydra.sweep.dir")) is not None:
            Begun.folders.append(folder)
        Begun.trains = config.get("dry_run") is not True  # which leaves no folders
        if isinstance(jobs := config.get("jobs"), int) and Begun.trains:
            Begun.jobs = jobs

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Waits for the runs that go on."""
        if Begun.crew is not None:
            Begun.crew.finish()
            Begun.crew = None


def stop() -> None:
    """Ends the runs that go on side by side, if there are any."""
    if Begun.crew is not None:
        Begun.crew.stop()
        Begun.crew = None


def say_how_it_ended(folder: Path, reason: str | None = None) -> None:
    """A line of a run that another process made; reason: why it failed, where its folder does not tell."""
    job = SweepJob(folder, ())
    reason = reason or job.failure()
    told = ended(folder, job.info()) if reason is None else f"fedsky: {from_here(folder)}: {reason}"
    sys.stderr.write(visible(f"{told}\n"))


def ended(folder: Path, info: Mapping[str, Any]) -> str:
    """A line on how a run that is done ended."""
    result = info["result"]
    return (
        f"{folder}: accuracy {result['accuracy']:.4f}, balanced {result['balanced_accuracy']:.4f} on "
        f"{result['num_test']} test images after round {result['round']}"
    )


def failures() -> list[str]:
    """One line for each job that failed, of the sweep that this process began; told by the jobs' folders."""
    told = []
    for folder in Begun.folders:
        for job in _jobs(folder):
            reason = job.failure()
            if reason is not None and (Begun.trains or job.folder.is_dir()):
                told.append(f"{' '.join(job.overrides) or 'the defaults'}: {reason}")
    return told


def finished() -> list[Path]:
    """The folders of the sweeps that this process began with a run in them that is done: what a report can read."""
    return [folder for folder in Begun.folders if Begun.trains and any(job.is_done() for job in _jobs(folder))]


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
        return self.info().get("status") == DONE

    def failure(self) -> str | None:
        """Why it is not done, in one line; None where it is."""
        info = self.info()
        if info.get("status") == DONE:
            return None
        if not self.folder.is_dir():
            return "it did not start"
        reason = info.get("reason") if info else self._refused()
        return " ".join(str(reason).split()) if reason else f"it did not end; see {from_here(self.folder)}"

    def info(self) -> Mapping[str, Any]:
        """Its run.json; empty where there is none."""
        try:
            info = json.loads(untrusted.text_of(self.folder / "run.json", self.folder))
        except (OSError, ValueError, RecursionError):
            return {}
        return info if isinstance(info, dict) else {}

    def _refused(self) -> str | None:
        """What the log says of a job that came to no run (conf/hydra/job_logging)."""
        try:
            log = untrusted.text_of(self.folder / "run.log", self.folder, errors="replace")
        except OSError:
            return None
        found: list[str] = re.findall(r" ERROR fedsky: fedsky: (.*)", log)
        return found[-1] if found else None


def is_sweep(folder: Path) -> bool:
    """Whether Hydra began a sweep in the folder."""
    return (folder / ASKED).is_file()


def read_sweep(folder: Path) -> list[SweepJob]:
    """All jobs of a sweep in their order, told apart as Hydra does; ValueError where its folder does not tell them."""
    asked = asked_for(folder)
    path = folder / ASKED
    words = asked["overrides"]["task"]
    subfolder, sweeper = asked["sweep"]["subdir"], asked["sweeper"]["_target_"]
    params = asked["sweeper"].get("params") or {}
    if subfolder != SUBFOLDER or not sweeper.endswith(f".{BasicSweeper.__name__}"):
        raise ValueError(f"{path}: with hydra.sweep.subdir={subfolder} and {sweeper}, go on with each run by itself")
    every = _split([*(f"{key}={value}" for key, value in params.items()), *words], options(folder))
    for word in {word for each in every for word in each}:
        _refuse_unsafe(word, path)
    return [SweepJob(folder / str(number), tuple(each)) for number, each in enumerate(every)]


def dropped(folder: Path) -> list[str]:
    """What a sweep was asked of Hydra itself, such as a launcher: it is not taken over, as it says what is called."""
    words = asked_for(folder)["overrides"]["hydra"]
    return [word for word in words if word.partition("=")[0].lstrip("+~") not in PLACES]


def _refuse_unsafe(word: str, path: Path) -> None:
    """Raises ValueError for a word of a file that would make more of a configuration than settings and choices."""
    found = _WORD.fullmatch(word)
    key, value = (found[1], (found[2] or "").replace("\\", "")) if found else ("hydra", "")
    chooses = "." not in key and key not in _settings()  # a group, of conf/ or of the user's own folder
    if key.partition(".")[0] == "hydra" or "${" in _NODE.sub("", value) or (chooses and not _CHOICE.fullmatch(value)):
        word = untrusted.printable(word)
        raise ValueError(f"{path}: {word} may not come from a file, as it could run foreign code: start another sweep")


def _settings() -> set[str]:
    """The top-level settings, which are no groups."""
    return {str(key) for key in OmegaConf.load(CONF / "config.yaml")} - {"defaults", "hydra"}


def jobs_of(folder: Path) -> int:
    """How many runs of a sweep were to go on at a time."""
    jobs = _content(folder / ASKED).get("jobs")
    return jobs if type(jobs) is int and jobs > 0 else 1


def _content(path: Path) -> dict[str, Any]:
    try:
        # Not by OmegaConf, which would make a thousand copies of what is named a thousand times.
        content = yaml.load(untrusted.text_of(path, path.parent, LARGEST), CSafeLoader)
    except (OSError, ValueError, YAMLError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read: start another sweep ({' '.join(str(error).split())})") from error
    return content if isinstance(content, dict) else {}


def asked_for(folder: Path) -> Any:
    """Hydra's own part of what a sweep was asked for."""
    path = folder / ASKED
    asked: Any = _content(path).get("hydra")
    try:
        known = (
            asked["overrides"]["task"],
            asked["overrides"]["hydra"],
            asked["sweep"]["subdir"],
            asked["sweeper"]["_target_"],
            asked["job"]["config_name"],
            [(source["provider"], source["path"]) for source in asked["runtime"]["config_sources"]],
        )
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} does not tell what the sweep was: start another one") from None
    texts = [*known[0], *known[1], *known[2:5], *itertools.chain(*known[5])]
    if not all(isinstance(text, str) for text in texts) or not re.fullmatch(r"[\w-]+", known[4]):
        raise ValueError(f"{path} does not tell what the sweep was: start another one")
    return asked


def options(folder: Path) -> dict[str, str]:
    """Where a sweep's configuration was looked for, as the options by which one says so; none of the defaults."""
    asked = asked_for(folder)
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
    overrides = parser.parse_overrides(words)
    counts = [
        len(list(itertools.islice(each.sweep_iterator(), MOST_JOBS + 1)))
        for each in overrides
        if each.is_sweep_override()
    ]
    if math.prod(counts) > MOST_JOBS:
        raise ValueError(f"a sweep of more than {MOST_JOBS} jobs: make several of it")
    [jobs] = BasicSweeper.split_arguments(overrides, None)
    return jobs
