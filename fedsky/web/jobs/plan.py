"""What a launch would be: its configuration, checked as ``python -m fedsky`` would, and an estimate of its time."""

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fedsky.config import compose, resolve
from fedsky.config.refusals import explain
from fedsky.history import ALONE, FEDERATED, POOLED
from fedsky.history.estimate import Estimate, estimate, work
from fedsky.history.times import likeness, ran_on
from fedsky.language import retold
from fedsky.machine import num_cores
from fedsky.machine.load import Look
from fedsky.web.runs.rows import Row

from .command import Launch

_HYDRA = threading.Lock()  # Hydra keeps one configuration a process
TRAINED = 0.7  # share of the images that owners train on, where no run tells it


@dataclass(frozen=True)
class Plan:
    """seconds: an estimate of all runs together, None where no run like them is known.

    basis: the finished runs with that model that it rests on;
    elsewhere: whether some of those ran on another machine, since this one has finished none like it.
    """

    seconds: float | None
    basis: int
    problems: tuple[str, ...]
    elsewhere: bool = False


@lru_cache(maxsize=256)
def _configuration(overrides: tuple[str, ...]) -> tuple[dict[str, Any] | None, str]:
    """The configuration of a run, or why there is none."""
    try:
        with _HYDRA:
            return resolve(compose([*overrides, "name=site"])), ""
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        return None, explain(error)


def make_plan(launch: Launch, rows: Sequence[Row], load: Sequence[Look]) -> Plan:
    """Checks every run of a launch and estimates its time from finished runs, on this machine where there are any.

    load: looks at how many other processes wanted a core.
    """
    problems: list[str] = []
    found: list[Estimate | None] = []
    known = [row for row in rows if row.times is not None]
    here = this_machine()
    measured = [row for row in known if ran_on(row.machine, here)]
    elsewhere = False
    for overrides in launch.runs:
        config, wrong = _configuration(overrides)
        if config is None:
            problems.append(retold(wrong))
            continue
        one = _estimate(config, measured, load, here["num_cores"], warm=bool(found))
        if one is None:
            one = _estimate(config, known, load, here["num_cores"], warm=bool(found))
            elsewhere = elsewhere or one is not None
        found.append(one)
    if problems:
        return Plan(None, 0, tuple(dict.fromkeys(problems)))
    told = [each for each in found if each is not None]
    if len(told) < len(launch.runs) or not told:
        return Plan(None, 0, ())
    return Plan(sum(each.seconds for each in told), min(each.num_alike for each in told), (), elsewhere)


def this_machine() -> dict[str, int]:
    """What tells machines apart as far as time goes."""
    return {"num_cores": num_cores(), "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}


def _estimate(
    config: dict[str, Any], rows: Sequence[Row], load: Sequence[Look], cores: int, warm: bool
) -> Estimate | None:
    """The time of one run, from finished ones; None where none has the same model and batches."""
    strategy, like = str(config["strategy"]["_target_"]).rpartition(".")[2].lower(), likeness(config)
    roles = {row.role for row in rows if row.strategy == strategy}
    role = POOLED if POOLED in roles else ALONE if ALONE in roles else FEDERATED
    past = [row.times for row in rows if row.times is not None]
    owned = [times for times in past if times.like.owners == like.owners]
    sizes: Sequence[float]
    judged: Sequence[float]
    if owned:
        sizes, judged = owned[-1].sizes, owned[-1].judged
    else:
        images, clients = _num_images(config, rows), config["num_clients"]
        if images is None or clients is None:  # as many as the photographs name, unread here
            return None
        sizes, judged = ([share * images / clients] * clients for share in (TRAINED, 1 - TRAINED))
    same = [times.by_clients for times in past if times.like.method == like.method]
    own = config["evaluate"] == "clients" or role == ALONE or any(same)
    return estimate(work(config, role, sizes, judged, cores, own), past, load, cores, warm=warm)


def _num_images(config: dict[str, Any], rows: Sequence[Row]) -> int | None:
    data = config["data"]
    if isinstance(data.get("count"), int):
        return int(data["count"])
    same = [row.num_images for row in rows if row.settings.get("data._target_") == data["_target_"] and row.num_images]
    return same[-1] if same else None
