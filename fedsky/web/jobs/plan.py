"""What a launch would be: its configuration, checked as ``python -m fedsky`` would, and an estimate of its time."""

import math
import os
import statistics
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fedsky.config import compose, resolve
from fedsky.config.refusals import explain
from fedsky.history import DONE, POOLED
from fedsky.web.runs.rows import Row, comparable, identify

from .command import Launch

_HYDRA = threading.Lock()  # Hydra keeps one configuration a process
TRAINED, MOST_BASIS = 0.7, 40  # share of an owner's images that it trains on; runs that an estimate rests on


@dataclass(frozen=True)
class Plan:
    """seconds: an estimate of all runs together, None where no run like them is known; basis: the runs it rests on.

    elsewhere: whether some of those ran on another machine, since this one has finished none like it.
    """

    seconds: float | None
    basis: int
    problems: tuple[str, ...]
    elsewhere: bool = False


@lru_cache(maxsize=256)
def _configuration(overrides: tuple[str, ...]) -> tuple[dict[str, Any] | None, str]:
    """The configuration of a run, or why it is none."""
    try:
        with _HYDRA:
            return resolve(compose([*overrides, "name=site"])), ""
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        return None, explain(error)


def make_plan(launch: Launch, rows: Sequence[Row]) -> Plan:
    """Checks every run of a launch and estimates its time from finished runs, on this machine where there are any."""
    problems: list[str] = []
    total: float | None = 0.0
    basis: list[int] = []
    here = this_machine()
    known = [row for row in rows if row.status == DONE and bool(row.seconds)]
    measured = [row for row in known if _ran(row, here)]
    elsewhere = False
    for overrides in launch.runs:
        config, wrong = _configuration(overrides)
        if config is None:
            problems.append(wrong)
            continue
        seconds, count = _estimate(config, measured)
        if seconds is None:
            seconds, count = _estimate(config, known)
            elsewhere = elsewhere or seconds is not None
        total = None if seconds is None or total is None else total + seconds
        basis.append(count)
    if problems:
        return Plan(None, 0, tuple(dict.fromkeys(problems)))
    return Plan(total, min(basis, default=0) if total is not None else 0, (), elsewhere and total is not None)


def this_machine() -> dict[str, int]:
    """What tells machines apart as far as time goes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"num_cores": cores, "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}


def _ran(row: Row, here: dict[str, int]) -> bool:
    """Whether a run ran on this machine; its memory is another by a little after an update of the kernel."""
    memory = row.machine.get("memory_bytes")
    return (
        row.machine.get("num_cores") == here["num_cores"]
        and isinstance(memory, int)
        and abs(memory - here["memory_bytes"]) < 0.05 * here["memory_bytes"]
    )


def _estimate(config: dict[str, Any], rows: Sequence[Row]) -> tuple[float | None, int]:
    """Seconds of a run and the number of finished runs behind it: of the same experiment, else per image trained on."""
    strategy = str(config["strategy"]["_target_"]).rpartition(".")[2].lower()
    twins = [row for row in rows if row.group == identify(strategy, comparable(config))][-MOST_BASIS:]
    if twins:
        return statistics.median(wall(row) for row in twins), len(twins)
    is_pooled = POOLED in {row.role for row in rows if row.strategy == strategy}
    model, size = config["model"]["_target_"], config["data"].get("size")
    alike = [
        row
        for row in rows
        if row.steps and row.batch_size
        if row.settings.get("model._target_") == model and row.settings.get("data.size") == size
        if (row.role == POOLED) == is_pooled
    ]
    alike = [row for row in alike if row.batch_size == config["batch_size"]] or alike
    images = _num_images(config, rows)
    if not alike or images is None or config["num_clients"] is None:  # as many as the photographs name, unread here
        return None, 0
    alike = alike[-MOST_BASIS:]
    each = statistics.median(row.seconds / (row.steps * row.batch_size) for row in alike)  # type: ignore[operator]
    over = statistics.median(wall(row) - (row.seconds or 0) for row in alike)
    return over + each * _steps(config, images, is_pooled) * config["batch_size"], len(alike)


def wall(row: Row) -> float:
    """Seconds from a run's beginning to its end; its rounds' where its times do not tell."""
    if row.started and row.ended:
        passed = (datetime.fromisoformat(row.ended) - datetime.fromisoformat(row.started)).total_seconds()
        if passed > 0:
            return max(passed, row.seconds or 0)
    return row.seconds or 0


def _num_images(config: dict[str, Any], rows: Sequence[Row]) -> int | None:
    data = config["data"]
    if isinstance(data.get("count"), int):
        return int(data["count"])
    same = [row.num_images for row in rows if row.settings.get("data._target_") == data["_target_"] and row.num_images]
    return same[-1] if same else None


def _steps(config: dict[str, Any], images: int, is_pooled: bool) -> int:
    """About how many SGD steps all clients make."""
    rounds, epochs, batch = (int(config[key]) for key in ("num_rounds", "local_epochs", "batch_size"))
    if is_pooled:
        return math.ceil(rounds * epochs * float(config["participation"]) * math.ceil(TRAINED * images / batch))
    owners = int(config["num_clients"])
    asked = max(1, round(config["participation"] * owners))
    return int(rounds * epochs * asked * math.ceil(TRAINED * images / owners / batch))
