"""What stands in the files that a run left."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REPEATED = ("rounds.jsonl", "clients.jsonl", "predictions.csv", "partition.json", "model.safetensors")


def info_of(folder: Path) -> dict[str, Any]:
    """What run.json says."""
    return dict(json.loads((folder / "run.json").read_text()))


def rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    """The lines of a table: rounds, clients or timing."""
    return [json.loads(line) for line in (folder / f"{table}.jsonl").read_text().splitlines()]


def digests(folder: Path, names: Iterable[str] = REPEATED) -> dict[str, str]:
    """The sha256 of files, by default of those to which the same command comes again."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
