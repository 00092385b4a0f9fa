"""What a file may have called: at each place what conf/ has there, or a folder of configurations that the user names.

A run folder or a model file may come from anyone, and what ``_target_`` names is called. The command line is the user's
own word and may name anything; a file's word counts for nothing that the user has not, now, given too.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from fedsky.config import MOVED
from fedsky.config.shelf import CONF, own
from fedsky.untrusted import printable

NEEDED = ("data", "partition", "model", "strategy")  # groups of a run that name what is called
REACHING = ("engine", "tracking")  # groups whose texts name other machines, and places that are written to
_OF_HYDRA = re.compile(r"_\w*_")  # _target_, _args_, _partial_ ...


@dataclass(frozen=True)
class Word:
    """What the user says of a file: the folders of configurations to believe, and settings typed anew (key: text)."""

    folders: tuple[Path, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


NOTHING = Word()


def word(folders: Sequence[Path | None], settings: Sequence[str]) -> Word:
    """The word of a command line's options and ``KEY=VALUE``; ValueError for any other word."""
    for text in settings:
        if not re.fullmatch(r"[\w.]+=.*", text, re.DOTALL):
            raise ValueError(f"{text} is not a setting: write KEY=VALUE")
    return Word(
        tuple(folder for folder in folders if folder is not None),
        {key: value for key, _, value in (text.partition("=") for text in settings)},
    )


def check(config: dict[str, Any], source: str, given: Word = NOTHING, needed: Sequence[str] = NEEDED) -> None:
    """Raises ValueError where a configuration that comes from a file asks for more than it may.

    That is: to call what conf/ does not name at that place, to put something in place of ``${...}``, or a place or
    machine that the user has not typed anew; where null is typed for one, it becomes None.
    """
    mine = own()  # of the folder in which the user started the command
    known = _known((CONF, *([mine] if mine is not None else []), *given.folders))
    for group in needed:
        if not isinstance(config.get(group), dict) or not isinstance(config[group].get("_target_"), str):
            raise ValueError(f"{source} does not name its {group}: bring the file that the run wrote")
    for place, inside, key, value in _all(config):
        if isinstance(value, str) and "${" in value:
            raise ValueError(f"{source}: {printable(place)}={printable(value)} is to be replaced by something: refused")
        if _OF_HYDRA.fullmatch(str(key)):
            may = MOVED.get(value, value) if isinstance(value, str) else value
            if _text(may) not in known.get(place, ()) and given.settings.get(place) != value:
                raise ValueError(_refusal(source, place, value))
        elif (
            place.partition(".")[0] in REACHING and isinstance(value, str) and _text(value) not in known.get(place, ())
        ):
            if given.settings.get(place) == "null":
                inside[key] = None
            elif given.settings.get(place) != value:
                raise ValueError(
                    f"{source} names {printable(place)}={printable(value)}: if you trust that, add "
                    f"{printable(place)}={printable(value)}, else {printable(place)}=null"
                )


def _refusal(source: str, place: str, value: Any) -> str:
    return (
        f"{source} names {printable(place)}={printable(value)}, which conf/ does not: if it is your own and you trust "
        "it, add --config-dir with your folder of configurations"
    )


def _all(config: dict[str, Any]) -> Iterator[tuple[str, Any, Any, Any]]:
    """Everything in a configuration, however deep: its place, what it is in, its key there, itself."""
    waiting: list[tuple[str, Any]] = [("", config)]
    while waiting:
        place, inside = waiting.pop()
        for key, value in list(inside.items() if isinstance(inside, dict) else enumerate(inside)):
            here = (f"{place}.{key}" if place else str(key)) if isinstance(inside, dict) else f"{place}[]"
            yield here, inside, key, value
            if isinstance(value, dict | list):
                waiting.append((here, value))


@functools.cache
def _known(folders: tuple[Path, ...]) -> dict[str, set[str]]:
    """The values that the files of folders of configurations have, by place."""
    known: dict[str, set[str]] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*/*.yaml"))):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for place, _, _, value in _all({path.parent.name: content} if isinstance(content, dict) else {}):
            if not isinstance(value, dict | list):
                known.setdefault(place, set()).add(_text(value))
    return known


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
