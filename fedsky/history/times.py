"""What a finished run tells of the time that its parts take, so that another run's can be told (estimate.py).

Times are of a core that nothing else wants: the seconds on the wall, divided by how much longer the run's training took
on the wall than on the processor.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from fedsky.history import DONE, POOLED, Row, Run
from fedsky.untrusted import number, section

BATCH = 64  # images that are judged at a time (fedsky.client.training)
AROUND = ("personalize", "privacy", "attack", "compression")
REPETITION = ("fold", "data_seed", "seed")


@dataclass(frozen=True)
class Likeness:
    """What of a configuration bears on the time of a part of a run: runs that share it tell of one another."""

    engine: str
    network: str
    method: str
    data: str
    owners: str


@dataclass(frozen=True)
class Times:
    """A finished run's times in seconds of a free core, and its sizes; None where its files do not tell.

    train, judge: per image; rest: of a round, per message, beside training and judging; first: what the first rounds
    took longer than others; process, load, opening: from the command to Python's first line of fedsky, to the data and
    the model, to an engine that is ready. sizes: each owner's training images; judged: images a round.
    """

    like: Likeness
    machine: Row
    ended: str
    train: float
    judge: float | None
    rest: float
    first: float | None
    process: float | None
    load: float | None
    opening: float | None
    sizes: tuple[int, ...]
    judged: tuple[int, ...]
    by_clients: bool


def likeness(config: Row) -> Likeness:
    """What of a configuration its times depend on."""
    engine, data, model = (section(config, name) for name in ("engine", "data", "model"))
    pictures = {key: value for key, value in data.items() if key not in REPETITION}
    network = [
        {key: value for key, value in model.items() if not key.startswith("init")},
        data.get("size"),
        data.get("augment"),
        config.get("batch_size"),
        engine.get("num_gpus"),
    ]
    method = [section(config, name).get("_target_") for name in ("strategy", *AROUND)]
    owners = [pictures, config.get("partition"), config.get("num_clients")]
    texts = (json.dumps(each, sort_keys=True, default=str) for each in (network, method, pictures, owners))
    return Likeness(str(engine.get("kind")), *texts)


def ran_on(machine: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    """Whether a run ran on this machine; its memory is another by a little after an update of the kernel."""
    memory, own = number(machine.get("memory_bytes")), number(here.get("memory_bytes"))
    return machine.get("num_cores") == here.get("num_cores") and abs(memory - own) < 0.05 * own


def num_workers(config: Row, cores: int) -> int:
    """How many clients train at a time."""
    engine = section(config, "engine")
    most = [number(engine.get("num_actors"), 1), number(config.get("num_clients"), 1)]
    if engine.get("kind") == "inline":
        return 1
    actors, clients = (cores if math.isnan(each) else int(each) for each in most)
    return min(actors, clients)


def steps_of(images: int, batch_size: int) -> int:
    """The SGD steps of a pass: a last batch of one joins the one before, as BatchNorm needs two images."""
    return max(1, math.ceil((images - 1) / batch_size)) if images else 0


def longest(amounts: list[float], workers: int) -> float:
    """What the busiest of so many workers has of these amounts, each of which one worker takes."""
    return max(max(amounts, default=0.0), sum(amounts) / workers)


def times_of(run: Run) -> Times | None:
    """What a run's files tell; None unless it is done, in one go, and they tell the time of its training."""
    config, machine = run.config, section(run.info, "machine")
    sizes, judged = _sizes(run.partition)
    cores, batch_size = machine.get("num_cores"), config.get("batch_size")
    if run.status != DONE or run.info.get("resumed") or not sum(sizes):
        return None
    if type(cores) is not int or type(batch_size) is not int or cores < 1 or batch_size < 1:
        return None
    rounds = _rounds(run)
    trained = {round: each for round, each in rounds.items() if round and each.steps and each.train}
    later = {round: each for round, each in trained.items() if round > 1}
    told = list((later or trained).values())  # a first round also loads what is new
    if not told:
        return None
    pass_ = [sum(sizes)] if run.role == POOLED else list(sizes)
    per_step = sum(pass_) / sum(steps_of(size, batch_size) for size in pass_)
    wall, cpu = (sum(sum(getattr(each, name)) for each in told) for name in ("train", "cpu"))
    slow = max(1.0, wall / cpu) if cpu and not section(config, "engine").get("num_gpus") else 1.0
    workers, by_clients = num_workers(config, cores), any(each.judging for each in told)
    judging = [longest(each.judging, workers) if by_clients else each.server_judging for each in told]
    threads = 1 if by_clients else min(cores, math.ceil(sum(judged) / BATCH))
    costs = [sum(each.judging) if by_clients else each.server_judging * threads for each in told]
    rests = [
        (each.seconds - longest(each.train, workers) - spent) / max(1, len(each.train) + len(each.judging))
        for each, spent in zip(told, judging, strict=True)
    ]
    usual, begun = median(each.seconds for each in told), section(run.info, "start")
    first = rounds[0].seconds + rounds[1].seconds - usual - median(judging) if later and {0, 1} <= set(rounds) else None
    is_cold = _known(begun.get("process_seconds")) is not None
    return Times(
        likeness(config),
        machine,
        str(run.info.get("ended")),
        train=wall / slow / (per_step * sum(each.steps for each in told)),
        judge=median(costs) / slow / sum(judged) if sum(judged) and any(costs) else None,
        rest=max(0.0, median(rests) / slow),
        first=max(0.0, first / slow) if first is not None and is_cold else None,
        process=_free(begun, "process"),
        load=_free(begun, "data"),
        opening=None if (open_ := _known(begun.get("engine_seconds"))) is None or not is_cold else open_ / slow,
        sizes=sizes,
        judged=judged,
        by_clients=by_clients,
    )


@dataclass
class _Round:
    """Seconds of a round: on the wall, each client's training on wall and processor, and judging."""

    steps: float
    seconds: float
    train: list[float]
    cpu: list[float]
    judging: list[float]
    server_judging: float


def _rounds(run: Run) -> dict[int, _Round]:
    found = {
        int(row["round"]): _Round(number(row.get("num_steps"), 0), math.nan, [], [], [], 0.0) for row in run.rounds
    }
    for row in run.timing:
        each = found.get(row["round"])
        if each is None:
            continue
        if row.get("client") is None:
            each.seconds = number(row.get("round_seconds"), 0)
            each.server_judging = _known(row.get("evaluate_seconds")) or 0.0
            continue
        train, cpu, judging = (_known(row.get(f"{name}_seconds")) for name in ("train", "train_cpu", "evaluate"))
        if train is not None:
            each.train.append(train)
            each.cpu.append(train if cpu is None else cpu)
        if judging is not None:
            each.judging.append(judging)
    return {round: each for round, each in found.items() if not math.isnan(each.seconds + each.steps)}


def _sizes(partition: Row) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The images that each client trains on, and those that are judged of it."""
    train, judged = [], []
    clients = partition.get("clients")
    for client in clients if isinstance(clients, list) else []:
        parts = {
            name: sum(n for n in client[name] if type(n) is int and n >= 0)
            for name in ("train", "validation", "test")
            if isinstance(client, dict) and isinstance(client.get(name), list)
        }
        train.append(parts.get("train", 0))
        judged.append(parts.get("validation", 0) + parts.get("test", 0))
    return tuple(train), tuple(judged)


def _free(begun: Row, name: str) -> float | None:
    """The seconds of a free core of a part of a start."""
    wall, cpu = (_known(begun.get(f"{name}_{kind}seconds")) for kind in ("", "cpu_"))
    return None if wall is None or cpu is None else min(wall, cpu)


def _known(value: Any) -> float | None:
    """A number of seconds, 0 and more; None for anything else."""
    found = number(value, 0)
    return None if math.isnan(found) else found
