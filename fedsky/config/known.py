"""Which keys the files of conf/ have: so that an added key that nobody reads is refused like an unknown one."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fedsky.checks import listed
from fedsky.config import CONF, GROUPS, OPTIONAL, from_here
from fedsky.config.shelf import choices
from fedsky.config.start import OF_ANY

CHOSEN_BY = ("_target_", "kind")  # what tells the choices of a group apart


def unknown(key: str) -> str:
    """What is wrong with a key that a configuration lacks, and what would be right."""
    known = settings()
    if key in known:
        return f"{key} is a setting of {listed(known[key])} alone: choose that too, or leave it out"
    initials = "".join(part[:1] for part in key.split("_"))  # learning_rate is lr here
    near = [initials] if initials in known else difflib.get_close_matches(key, known, n=1)
    return f"unknown key {key}: " + (f"did you mean {near[0]}?" if near else f"see {from_here(CONF / 'config.yaml')}")


def refuse_unread(words: Iterable[str], cfg: DictConfig) -> None:
    """Raises ValueError for a key that ``+KEY=VALUE`` or ``++KEY=VALUE`` adds and that nothing in ``cfg`` reads."""
    for word in words:
        key = word.partition("=")[0].partition("@")[0]
        if key.startswith("+") and not _is_read(key.lstrip("+"), cfg):
            raise ValueError(unknown(key.lstrip("+")))


def _is_read(key: str, cfg: DictConfig) -> bool:
    group, _, rest = key.replace("/", ".").partition(".")
    if group in ("hydra", "experiment") or _is_interpolated(key, cfg):
        return True
    if not rest:
        return key in settings()
    chosen = cfg.get(group)
    if group == "model" and rest in OF_ANY:  # of whatever model
        return True
    return not OmegaConf.is_dict(chosen) or rest in _read_by(group, chosen, {rest})


def _read_by(group: str, chosen: Any, others: set[str]) -> set[str]:
    """The keys of a choice as its file in conf/ has them; ``others`` where it is none of conf/'s."""
    for name in CHOSEN_BY:
        if chosen.get(name) is not None:
            files = [content for _, content in _files(group) if content.get(name) == chosen.get(name)]
            return {key for content in files for key in _keys(content)} if files else others
    return set()


def _is_interpolated(key: str, cfg: DictConfig) -> bool:
    return re.search(rf"\$\{{[^}}]*(?<![\w.]){re.escape(key)}\b", OmegaConf.to_yaml(cfg)) is not None


def settings() -> dict[str, list[str]]:
    """Every key of conf/, with the choices that have it."""
    known: dict[str, list[str]] = {key: [] for key in _keys(_content(CONF / "config.yaml"))}
    for group in (*GROUPS, *OPTIONAL):
        for choice, content in _files(group):
            for key in _keys(content):
                known.setdefault(f"{group}.{key}", []).append(f"{group}={choice}")
    return known | {group: [] for group in (*GROUPS, *OPTIONAL, "experiment")}


def _files(group: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for choice, path in choices(group).items():
        yield choice, _content(path)


def _content(path: Path) -> Mapping[str, Any]:
    content = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(content, dict)
    return {str(key): value for key, value in content.items() if key not in ("defaults", "hydra")}


def _keys(content: Any) -> Iterator[str]:
    for key, value in content.items() if isinstance(content, dict) else ():
        yield str(key)
        yield from (f"{key}.{inner}" for inner in _keys(value))
