"""The report's tables as files: CSV, the tidy long table behind it all, and a manifest with hashes.

The same folders give the same bytes: no file holds a time or a path of this machine.
"""

import csv
import gzip
import hashlib
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fedsky import untrusted
from fedsky.history import Run
from fedsky.untrusted import printable

from .groups import ComparableGroups, Group
from .results import Result

# What a report reads of a run folder.
INPUTS = ("run.json", "rounds.jsonl", "clients.jsonl", "timing.jsonl", "partition.json", "predictions.csv")
LIBRARIES = ("fedsky", "numpy", "scipy", "pandas", "matplotlib", "seaborn")
TIDY = ("run", "data", "group", "strategy", "seed", "data_seed", "fold")


def harmless(cell: object) -> object:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A CSV file with a head; NaN is an empty cell."""
    plain = frame.map(harmless).rename(columns=harmless)
    return plain.to_csv(index=False, lineterminator="\n").encode(errors="replace")


def tidy_bytes(kinds: Sequence[ComparableGroups]) -> bytes:
    """A gzipped CSV: one row a run, round, owner (empty: the pooled test images) and metric, with its value.

    Before these stand the run's seeds and the settings in which any two groups differ. What is unknown has no row.
    Reads back with pandas.read_csv("tidy.csv.gz").
    """
    groups = [group for kind in kinds for group in kind.every]
    keys = sorted(key for key in {key for group in groups for key in group.settings} if _differs(groups, key))
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=buffer, mode="wb", compresslevel=4, mtime=0) as file:
        file.write(_line([*TIDY, *keys, "round", "owner", "metric", "value"]).encode())
        for kind in kinds:
            for group in kind.every:
                for result in group.results.values():
                    settings = [_cell(group.settings.get(key)) for key in keys]
                    known = [result.name, kind.title, group.label, result.strategy, *result.key, *settings]
                    file.write("".join(_rows(_line(known)[:-1], result)).encode(errors="replace"))
    return buffer.getvalue()


def _differs(groups: Sequence[Group], key: str) -> bool:
    return len({json.dumps(group.settings.get(key), sort_keys=True, default=str) for group in groups}) > 1


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else "" if value is None else printable(value)


def _line(cells: Sequence[Any]) -> str:
    """One line of CSV with its end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([harmless(cell) for cell in cells])
    return buffer.getvalue()


def _rows(start: str, result: Result) -> Iterator[str]:
    for metric in result.rounds.columns:
        values = result.rounds[metric].to_numpy(float)
        for number, value in zip(result.rounds.index[~np.isnan(values)], values[~np.isnan(values)], strict=True):
            yield f"{start},{number},,{metric},{float(value)!r}\n"
    for client, column in result.owner_rounds.items():
        values = column.to_numpy(float)
        for number, value in zip(column.index[~np.isnan(values)], values[~np.isnan(values)], strict=True):
            yield f"{start},{number},{client},accuracy,{float(value)!r}\n"


def manifest_bytes(files: Mapping[str, bytes], runs: Mapping[str, Run], choice: Mapping[str, Any]) -> bytes:
    """What was written and read, each file with its size and SHA-256, by which versions, and what was asked for."""
    content = {
        "written_by": {name: _version(name) for name in LIBRARIES},
        "asked_for": dict(choice),
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in sorted(files.items())
        },
        "inputs": {name: _hashes(run) for name, run in sorted(runs.items())},
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode(errors="replace")


def unchanged(folder: Path) -> set[str]:
    """The plots and tables of an earlier report in the folder that are still as it wrote them, by its manifest."""
    found = set()
    try:
        files = json.loads(untrusted.text_of(folder / "manifest.json", folder))["files"]
        for name, about in files.items():
            # A manifest may come from anyone: no name leads out of the folder.
            is_ours = re.fullmatch(r"(plots|tables)/[\w-]+(\.\w+)+", name) and (folder / name).is_file()
            if is_ours and hashlib.sha256((folder / name).read_bytes()).hexdigest() == about["sha256"]:
                found.add(name)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return set()
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"


def _hashes(run: Run) -> dict[str, dict[str, Any]]:
    found = {}
    for name in INPUTS:
        path = run.folder / name
        try:
            with untrusted.opened(path, run.folder) as file:
                digest = hashlib.file_digest(file, "sha256")
                found[name] = {"bytes": file.tell(), "sha256": digest.hexdigest()}
        except OSError:  # a file that is missing or cannot be read is told among the run's problems
            continue
    return found
