"""The command line of a launch: an argument list, made of checked values alone, and never handed to a shell."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from fedsky.config import quoted

from .form import FEDERATION, Form, Value, seeds, strategies

FOLDER = "site"  # under outputs: where launched runs go
RESUME = "fedsky.resume"
ANEW = ("engine.superlink=", "engine.certificate=")  # words of a command that it takes from no run's folder


@dataclass(frozen=True)
class Launch:
    """The arguments of ``python -m fedsky``, without the folder; one override list a run, for estimates."""

    arguments: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]


def make_launch(form: Form, recipe: str | None, values: Mapping[str, Value]) -> Launch:
    """The launch of values that ``Form.check`` has passed."""
    fixed = [f"experiment={recipe}"] if recipe is not None else []
    for field in form.fields:
        if field.name not in values or field.name in ("strategy", "seed"):
            continue
        value = values[field.name]
        if field.name == "data" and value in form.roots:
            fixed += ["data=folder", f"data.root={quoted(str(form.roots[str(value)]))}"]
        elif field.key and (value != field.default or recipe is not None):
            fixed.append(f"{field.key}={_text(value)}")
        if field.name == "engine" and value == FEDERATION:
            fixed += form.federation
    chosen, numbers = strategies(values), seeds(values)
    arguments = [*([f"strategy={','.join(chosen)}"] if chosen else []), *fixed]
    if numbers != [0] or (recipe is not None and "seed" in values):
        arguments.append(f"seed={','.join(map(str, numbers))}")
    runs = tuple(
        (*fixed, *([f"strategy={strategy}"] if strategy else []), f"seed={number}")
        for strategy in chosen or [""]
        for number in numbers
    )
    return Launch((*(["-m"] if len(runs) > 1 else []), *arguments), runs)


def folder_of(job: str) -> str:
    """A job's folder, relative to the first folder of outputs."""
    return f"{FOLDER}/{job}"


def placed(arguments: Sequence[str], job: str, outputs: Path) -> list[str]:
    """The arguments with the job's own folder, by which its runs, and its process, are known."""
    folder = folder_of(job)
    found = [*arguments, f"name={folder}"]
    if outputs.resolve().name != "outputs":  # conf/config.yaml says outputs/: another folder is to be named
        kind = "sweep" if "-m" in arguments else "run"
        place, now = quoted(f"{outputs.resolve().name}/{folder}/"), "${now:%H-%M-%S-%f}"
        place = f"{place[:-1]}{now}'" if place.endswith("'") else place + now  # within quotes, too, the time is put in
        found.append(f"hydra.{kind}.dir={place}")
    return found


def working_folder(outputs: Path) -> Path:
    """Where the command is started: beside outputs."""
    return outputs.resolve().parent


def argv(arguments: Sequence[str], begun: Path | None) -> list[str]:
    """What is started; begun: the folder of a run or a sweep to go on with, as seen from where it is started."""
    return [sys.executable, "-m", *_words(arguments, begun)]


def shown(arguments: Sequence[str], begun: Path | None = None) -> str:
    """What a person would type for the same."""
    return shlex.join(["python", "-m", *_words(arguments, begun)])


def _words(arguments: Sequence[str], begun: Path | None) -> list[str]:
    if begun is None:
        return ["fedsky", *arguments]
    words = [OverridesParser.create().parse_override(each) for each in arguments if each.startswith(ANEW)]
    return [RESUME, str(begun), *(f"{word.key_or_group}={word.value()}" for word in words)]


def belongs(words: Sequence[str], job: str) -> bool:
    """Whether a process's command line is that of a job, begun anew or gone on with."""
    folder = folder_of(job)
    if f"name={folder}" in words:
        return True
    return RESUME in words and any(f"/{folder}/" in f"/{word}/" for word in words)


def _text(value: Value) -> str:
    """A number without needless digits, as YAML and Hydra read it."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)
