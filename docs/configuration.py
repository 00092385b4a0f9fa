"""Every key of conf/ with its default and what its comment says, as Markdown tables.

A line of a yaml under conf/ is ``key: value  # meaning, with the unit``; the remark on top says what the file chooses.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from fedsky.config.ranges import meaning

LINE = re.compile(r"(?P<indent> *)(?P<key>\w+):(?: +(?P<value>[^#]*?))?(?: *(?<= )# (?P<meaning>.*))?")
UNTOLD = ("defaults", "hydra")  # Hydra's own sections
CLASS = "_target_"
RECIPES = "experiment"


@dataclass(frozen=True)
class Key:
    """name: dotted, as on the command line; default: as the yaml writes it; meaning: the line's comment."""

    name: str
    default: str
    meaning: str


def keys(path: Path, prefix: str = "") -> list[Key]:
    """The keys of a yaml file in their order, but for the class that it makes; ValueError for one without meaning."""
    found = []
    sections: list[tuple[int, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = LINE.fullmatch(line)
        if match is None:
            continue
        while sections and sections[-1][0] >= len(match["indent"]):
            sections.pop()
        sections.append((len(match["indent"]), match["key"]))
        if sections[0][1] in UNTOLD or match["key"] == CLASS or match["value"] is None:
            continue
        if not match["meaning"]:
            raise ValueError(f"{path}, line {number}: say in a comment what {match['key']} means, and in what unit")
        name = ".".join(key for _indent, key in sections)
        found.append(Key(f"{prefix}{name}", match["value"], meaning(match["meaning"])))
    return found


def remark(path: Path, whole: bool = True) -> str:
    """The leading comment of a yaml file, without Hydra's directive, up to an empty comment line; or its first line."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or line.strip() == "#":
            break
        if not line.startswith("# @package"):
            lines.append(line.removeprefix("# "))
    return " ".join(lines if whole else lines[:1])


def top(conf: Path) -> str:
    """The keys of config.yaml."""
    lines = ["| Key | Default | Meaning, unit |", "|---|---|---|"]
    lines += [_row(f"`{key.name}`", f"`{key.default}`", key.meaning) for key in keys(conf / "config.yaml")]
    return "\n".join(lines)


def groups(conf: Path) -> str:
    """Each group: its choices, then their keys, one row where several choices share a key."""
    chosen = dict(re.findall(r"^  - (\w+): (\w+)$", (conf / "config.yaml").read_text(encoding="utf-8"), re.MULTILINE))
    parts = []
    for group, default in chosen.items():
        files = sorted((conf / group).glob("*.yaml"), key=lambda path: (path.stem != default, path.stem))
        lines = [f"### `{group}`", "", "| Choice | What it is |", "|---|---|"]
        for path in files:
            name = f"`{path.stem}`" + (" (default)" if path.stem == default else "")
            lines.append(_row(name, remark(path, whole=group != RECIPES)))
        if group != RECIPES:  # which set keys of other groups
            lines += _shared(group, files)
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _shared(group: str, files: list[Path]) -> list[str]:
    users: dict[Key, list[str]] = {}
    for path in files:
        for key in keys(path, f"{group}."):
            users.setdefault(key, []).append(path.stem)
    if not users:
        return []
    names = [key.name for key in users]
    ordered = sorted(users, key=lambda key: names.index(key.name))  # a key that means two things has its rows together
    lines = ["", "| Key | Default | Meaning, unit | Of |", "|---|---|---|---|"]
    for key in ordered:
        lines.append(_row(f"`{key.name}`", f"`{key.default}`", key.meaning, _of(users[key], files)))
    return lines


def _of(names: list[str], files: list[Path]) -> str:
    """Which choices have a key; where most have it, which have not."""
    others = [path.stem for path in files if path.stem not in names and keys(path)]
    if len(names) < 2 or len(others) > 1:
        return ", ".join(f"`{name}`" for name in names)
    return f"all but `{others[0]}`" if others else "all"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
