"""The same sweep again: what is left of it is done in the folder of the first, and what is done stays."""

import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from fedsky.command.sweep import ASKED, asked_for, is_sweep, options
from fedsky.config import from_here
from fedsky.untrusted import visible


def go_on(words: list[str]) -> None:
    """Has fedsky.resume do in place of this command what is left, where the same words began a sweep; else returns."""
    if (folder := begun_before(words)) is None:
        return
    line = get_args_parser().parse_args(words)
    places = [
        word
        for key in ("dir", "path")
        if (value := getattr(line, f"config_{key}")) is not None
        for word in (f"--config-{key}", value)
    ]
    settings = [word for word in line.overrides if re.fullmatch(r"[\w.]+=.*", word, re.DOTALL)]
    sys.stderr.write(
        visible(f"{folder}: begun by the same command, which does what is left; to do all, name another\n")
    )
    sys.stderr.flush()
    resume = ["-m", "fedsky.resume", *places, "--", str(folder), *settings]
    os.execv(sys.executable, [sys.executable, *resume])  # noqa: S606 - another command of this program


def begun_before(words: list[str]) -> Path | None:
    """The folder of the newest sweep that the same words began: under the name, or in the folder, that they give."""
    line = get_args_parser().parse_args(words)
    if not line.multirun:
        return None
    mine = {key: value for key in ("dir", "path") if (value := getattr(line, f"config_{key}")) is not None}
    asked = {f"--config-{key}": os.path.abspath(value) for key, value in mine.items()}
    if line.config_name is not None:
        asked["--config-name"] = line.config_name
    overrides = OverridesParser.create().parse_overrides(line.overrides)
    given = {each.key_or_group: each for each in overrides if not each.is_sweep_override()}
    if "dry_run" in given and given["dry_run"].value() is True:
        return None
    if "hydra.sweep.dir" in given:
        homes = [from_here(str(given["hydra.sweep.dir"].value()))]
    elif "name" in given:
        homes = sorted(Path("outputs", str(given["name"].value())).glob("*"), key=_began, reverse=True)
    else:
        return None
    task = _of_runs(word for word, each in zip(line.overrides, overrides, strict=True) if not _is_of_hydra(each))
    for home in homes:
        with suppress(ValueError):  # it does not tell what it was
            if is_sweep(home) and _of_runs(asked_for(home)["overrides"]["task"]) == task and options(home) == asked:
                return home
    return None


def _of_runs(words: Iterable[str]) -> list[str]:
    return [word for word in words if not word.startswith("jobs=")]


def _is_of_hydra(override: Override) -> bool:
    return override.key_or_group.partition(".")[0].partition("/")[0] == "hydra"


def _began(folder: Path) -> float:
    with suppress(OSError):
        return (folder / ASKED).stat().st_mtime
    return 0.0
