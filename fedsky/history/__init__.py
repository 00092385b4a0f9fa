"""A run folder's files: their schema, how a row is added and how a folder is read back.

Needs neither torch nor flwr nor ray, so that a laptop can read results. A reader never trusts a file: a broken line
or a missing file is told in ``Run.problems``, never raised and never guessed.
"""

import csv
import io
import json
import os
import time
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedsky import untrusted
from fedsky.history import kept, lock, sums
from fedsky.history.columns import BEFORE, TABLES
from fedsky.history.writing import Row, Table, finite, sum_of, write_begun, write_end, write_json, write_whole

__all__ = ["Row", "Table", "finite", "sum_of", "write_begun", "write_end", "write_json", "write_whole"]

RUNNING, DONE, FAILED, INTERRUPTED = "running", "done", "failed", "interrupted"
GONE = "its process ended without a word"
CHANGED, ROTTEN = "changed since the run ended: {files}", "changed since the run wrote them: {files}"
QUIET_SECONDS = 24 * 3600.0  # without a sign of life, after which a run that nobody can ask after counts as interrupted
# What a run's strategy is: models travel, every owner trains for itself, or all images are pooled.
ROLES = FEDERATED, POOLED, ALONE = "federated", "pooled", "alone"
# Of runs before 0.2.0, whose run.json does not say it.
_ROLE_BEFORE = {"baselines.local.Local": ALONE, "baselines.centralized.Centralized": POOLED}


def keep_rounds(folder: Path, last_round: int) -> None:
    """Cuts the tables of a folder back to the rows of rounds 0..last_round, before a run is resumed."""
    for name in TABLES:
        rows, _ = read_lines(folder / name)
        lines = [json.dumps(row) + "\n" for row in rows if row["round"] <= last_round]
        write_whole(folder / name, "".join(lines).encode())


def read_lines(path: Path) -> tuple[list[Row], list[str]]:
    """The rows of a JSON-lines file and what is wrong with it; a truncated or foreign line is left out and named."""
    rows: list[Row] = []
    problems: list[str] = []
    try:
        text = untrusted.text_of(path, path.parent, errors="replace")
    except OSError as error:
        return rows, [f"{path.name}: {error.strerror}"]
    lines = text.splitlines()
    for number, (line, row) in enumerate(zip(lines, _parsed(lines), strict=True), 1):
        if row is None:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
        if isinstance(row, dict) and type(row.get("round")) is int and row["round"] >= 0:
            is_old = any(name in row for name in BEFORE)
            rows.append({str(BEFORE.get(str(name), name)): value for name, value in row.items()} if is_old else row)
        else:
            problems.append(f"{path.name} line {number}: not a row")
    return rows, problems


def _parsed(lines: list[str]) -> list[Any]:
    """The rows of lines that are all whole and flat, at once, which is several times as fast; else None for each line.

    With one brace at either end of each line and no other, as many objects as lines means an object a line.
    """
    joined = ",".join(lines)
    if all(line[:1] == "{" and line[-1:] == "}" for line in lines) and (
        joined.count("{") == joined.count("}") == len(lines)
    ):
        try:
            rows = json.loads(f"[{joined}]")
        except (ValueError, RecursionError):
            rows = []
        if len(rows) == len(lines):
            return list(rows)
    return [None] * len(lines)


def may_run(folder: Path) -> bool:
    """Whether a process may still write a run folder.

    Its lock tells. Where it cannot (a process on another machine, an older version, a file system without locks), a run
    counts as running until no file of it has changed for ``QUIET_SECONDS``: a round may take hours.
    """
    held = lock.is_held(folder)
    if held is not None:
        return held
    times = [path.stat().st_mtime for name in ("run.json", *TABLES) if (path := folder / name).is_file()]
    return time.time() - max(times, default=0.0) < QUIET_SECONDS


def changed(folder: Path, info: Row, only: Container[str] | None = None, is_mine: bool = False) -> str:
    """Why a run's files are not to be trusted; empty where they are as it left them. Of all but ``only`` the length.

    is_mine: this process holds the folder, so that a run that says it is running was killed.
    """
    if info.get("status") != RUNNING:
        if files := sums.changed(folder, info, only):
            return CHANGED.format(files=files)
        files = ", ".join(kept.changed(folder, only)) if is_mine and "format" not in info else ""
        return files and ROTTEN.format(files=files)
    if not is_mine and may_run(folder):
        return ""
    files = sums.changed(folder, info, only, is_over=False)
    if files and not is_mine and may_run(folder):  # it goes on meanwhile
        return ""
    return files and ROTTEN.format(files=files)


def effective(folder: Path, info: Row, rounds: list[Row], only: Container[str] | None = sums.READ) -> Row:
    """What run.json says, with the status that the run's other files tell where they contradict it.

    A run whose process is gone (SIGKILL, a power cut) was interrupted, whatever it could not write any more; one that
    an older version called done, though its last loss is not a number, has failed; and so has one whose files were
    changed since, so that no figure is taken from it. only: the files that are read for it.
    """
    if why := changed(folder, info, only):
        return info | {"status": FAILED, "reason": why}
    if info.get("status") == RUNNING and not may_run(folder):
        return info | {"status": INTERRUPTED, "reason": GONE}
    if info.get("status") == DONE and rounds:
        last = max(rounds, key=lambda row: int(row["round"]))
        if "loss" in last and last["loss"] is None and last.get("accuracy") is not None:
            reason = f"training diverged: the loss of round {last['round']} is not finite"
            return info | {"status": FAILED, "reason": reason}
    return info


@dataclass
class Run:
    """One run folder, read. Tables are lists of rows; predictions are read only when asked for."""

    folder: Path
    info: Row
    rounds: list[Row] = field(default_factory=list)
    clients: list[Row] = field(default_factory=list)
    timing: list[Row] = field(default_factory=list)
    partition: Row = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def config(self) -> Row:
        """The resolved configuration that the run was asked for."""
        config = self.info.get("config")
        return config if isinstance(config, dict) else {}

    @property
    def status(self) -> str:
        return str(self.info.get("status", "unknown"))

    @property
    def role(self) -> str:
        """What the run's strategy is: federated, pooled or alone."""
        role, strategy = self.info.get("role"), self.config.get("strategy")
        if role in ROLES:
            return str(role)
        target = strategy.get("_target_") if isinstance(strategy, dict) else None
        return _ROLE_BEFORE.get(str(target), FEDERATED)

    def predictions(self) -> list[dict[str, str]]:
        """The rows of predictions.csv: image, client, label, predicted, probability_<class>, group; none if missing."""
        path = self.folder / "predictions.csv"
        if not os.path.lexists(path):
            return []
        try:
            text = untrusted.text_of(path, self.folder, errors="replace")
            return list(csv.DictReader(io.StringIO(text, newline="")))
        except (OSError, csv.Error) as error:
            self.problems.append(f"{path.name}: {error}")
            return []


def read_object(path: Path, problems: list[str]) -> Row:
    """A JSON object of a run folder; empty, and told in ``problems``, where the file holds anything else."""
    try:
        value = json.loads(untrusted.text_of(path, path.parent))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{path.name}: {error}")
        return {}
    if not isinstance(value, dict):
        problems.append(f"{path.name}: not an object")
        return {}
    return value


def read_run(folder: Path, whole: bool = False) -> Run:
    """Reads one run folder, whatever state it is in; ``whole``: looks into all its files for changes since its end."""
    problems: list[str] = []
    info = read_object(folder / "run.json", problems)
    tables: dict[str, list[Row]] = {}
    for name in TABLES:
        tables[name], wrong = read_lines(folder / name)
        problems += wrong
    partition = read_object(folder / "partition.json", problems)
    rounds, clients, timing = (tables[f"{name}.jsonl"] for name in ("rounds", "clients", "timing"))
    info = effective(folder, info, rounds, None if whole else sums.READ)
    return Run(folder, info, rounds, clients, timing, partition, problems)


def find_runs(roots: Iterable[Path]) -> Iterator[Path]:
    """Every folder with a run.json at or under the roots, in the order of their paths, each once."""
    seen = set()
    for root in roots:
        if not root.is_dir():
            raise ValueError(f"{root} is not a folder: name one or more folders with runs in them, such as outputs")
        for path in sorted(root.rglob("run.json")):
            folder = path.parent.resolve()
            if folder not in seen:
                seen.add(folder)
                yield path.parent
