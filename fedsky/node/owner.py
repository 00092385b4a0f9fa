"""owner.yaml: who an owner is, where its photographs and its key lie, and what may leave its machine."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fedsky import checks
from fedsky.machine.remedies import in_full

LEAVES = {"weights": True, "counts": True, "predictions": False}  # what may leave, unless owner.yaml says otherwise
NEEDED = ("owner", "superlink", "certificate", "key", "photographs")
OPTIONAL = ("home", "leaves")


@dataclass(frozen=True)
class OwnerFile:
    """An owner's own settings; superlink: HOST:PORT; home: the folder of its clients' states and models."""

    owner: str
    superlink: str
    certificate: Path
    key: Path
    photographs: Path
    home: Path
    leaves: dict[str, bool]


def read(path: Path) -> OwnerFile:
    """What owner.yaml says, relative paths being seen from its folder; ValueError names the key and the remedy."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist: take the owner.yaml of the kit") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} has no settings: take the owner.yaml of the kit")
    for key in content:
        checks.choice(f"{path}: setting", key, (*NEEDED, *OPTIONAL))
    for key in NEEDED:
        if not isinstance(content.get(key), str) or not content[key]:
            raise ValueError(f"{path}: {key} is missing: write it as in the kit")
    leaves = content.get("leaves") or {}
    if not isinstance(leaves, dict):
        raise ValueError(
            f"{path}: leaves={checks.shown(leaves)}: write weights, counts and predictions, each yes or no"
        )
    for key, value in leaves.items():
        checks.choice(f"{path}: leaves", key, tuple(LEAVES))
        checks.flag(f"{path}: leaves.{key}", value)

    def here(value: Any) -> Path:
        return path.parent.absolute() / in_full(str(value))

    return OwnerFile(
        content["owner"],
        content["superlink"],
        here(content["certificate"]),
        here(content["key"]),
        here(content["photographs"]),
        here(content.get("home") or "home"),
        LEAVES | leaves,
    )
