"""``dry_run=true``: the partition table, the steps and an estimate of the time. Nothing is trained."""

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from flwr.app import ArrayRecord, ConfigRecord
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fedsky.client.task import Task, settle, specification
from fedsky.client.training import Shard, predict, sgd
from fedsky.config import make_strategy
from fedsky.engine import open_grid, task_of
from fedsky.history import find_runs, read_run
from fedsky.history.estimate import Estimate, Measured, Work, duration, estimate, of_messages
from fedsky.history.times import Times, longest, num_workers, ran_on, steps_of, times_of
from fedsky.machine import num_cores
from fedsky.machine.load import Watch
from fedsky.model import num_parameters
from fedsky.run import provenance
from fedsky.run.dispatch import behaviour_of
from fedsky.run.rows import describe
from fedsky.run.trial import try_out
from fedsky.untrusted import printable

MOST_READ = 60  # runs whose files are read for an estimate


def dry_run(
    config: dict[str, Any],
    folder: Path,
    waited: tuple[float, float] | None = None,
    watch: Watch | None = None,
    shown: list[dict[str, Any]] | None = None,
) -> Estimate:
    """Prints what a run would do, and leaves no folder; returns the time that it would take.

    ``waited``: the seconds of this process so far, on the wall and on a processor; None for a later run of a sweep.
    ``watch`` has looked at the load meanwhile; ``shown``: the partitions of a sweep's runs so far, not shown again.
    """
    if (folder / "run.json").exists():  # nothing of which may go
        raise ValueError(f"{folder} holds a run already: name another folder")
    began, cpu = time.perf_counter(), time.process_time()
    task = task_of(config["engine"], specification(config, folder / "clients"))
    settle(config, task)
    strategy = make_strategy(config)
    strategy.begin(task.model, config)
    try_out(task, strategy, config)
    loading = min(time.perf_counter() - began, time.process_time() - cpu)
    console = Console()
    partition, before = describe(task, config["client_names"]), [] if shown is None else shown
    if partition in before:
        console.print("The same photographs and owners as above.")
    else:
        console.print(partition_table(partition))
        before.append(partition)
    steps, asked = planned(config, task)
    measured = Measured(*image_seconds(task, config["batch_size"]), load=loading, process=min(waited or (5.0, 5.0)))
    past = recent(folder, provenance.machine())
    found = estimate(asked, past, (watch or Watch()).seen(), num_cores(), measured, warm=waited is None)
    assert found is not None  # as it was measured
    console.print(
        f"{len(task.photos)} {'images' if task.photos.image_size else 'points'} of {task.photos.pixels.shape[-1]} "
        f"{'pixels' if task.photos.image_size else 'numbers'}, "
        f"{num_parameters(task.model):,} parameters; {config['num_rounds']} rounds, {steps:,} SGD steps, "
        f"up to {asked.workers} client(s) at a time. {told(found, config['patience'] is not None)} Nothing was trained."
    )
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # the folders above that Hydra made for it, if nothing else is in them
        folder.parent.rmdir()
        folder.parent.parent.rmdir()
    return found


def told(found: Estimate, patient: bool) -> str:
    """An estimate in words, with what it rests on."""
    less = ", or less if patience ends it" if patient else ""
    rests = f"{found.num_alike} finished run(s) with this model here" if found.num_alike else "steps measured just now"
    return (
        f"It would take about {duration(found.seconds)}{less}: {duration(found.start)} to start, "
        f"{duration(found.first)} for the first round, {duration(found.each)} for each further one. This rests on "
        f"{rests}; {found.load:.1f} other processes want one of the {num_cores()} core(s) now."
    )


def recent(folder: Path, machine: dict[str, Any]) -> list[Times]:
    """The times of the latest finished runs of this machine in the folder of outputs that a run's folder is in."""
    inside = folder.resolve()
    here = Path.cwd().resolve()
    top = here / inside.relative_to(here).parts[0] if inside.is_relative_to(here) else inside.parent
    if not top.is_dir():
        return []
    latest = sorted(find_runs([top]), key=lambda each: (each / "run.json").stat().st_mtime)[-MOST_READ:]
    found = [times_of(read_run(each)) for each in latest]
    return [each for each in found if each is not None and ran_on(each.machine, machine)]


def planned(config: dict[str, Any], task: Task) -> tuple[int, Work]:
    """The SGD steps of all rounds, and the work of the run.

    The strategy is asked for its messages, so that cohorts, owners and epochs are those that it will really send.
    """
    strategy = make_strategy(config)
    strategy.begin(task.model, config)
    strategy.know(behaviour_of(config, task, Path.cwd()))
    grid = open_grid({"kind": "inline"}, config["num_clients"])
    start = ArrayRecord(task.initial)
    workers, steps, busiest, messages = num_workers(config, num_cores()), 0, 0.0, 0
    for round in range(1, config["num_rounds"] + 1):
        loads = []
        settings = {key: config[key] for key in ("local_epochs", "participation", "stragglers", "seed")}
        for message in strategy.configure_train(round, start, ConfigRecord(settings), grid):
            asked: Any = message.content.config_records["config"]
            count = len(task.part("train", asked["owners"]))
            steps += steps_of(count, config["batch_size"]) * asked["local_epochs"]
            loads.append(float(count * asked["local_epochs"]))
        busiest += longest(loads, workers)
        messages += len(loads)
    rounds, own = config["num_rounds"], strategy.evaluate is not None or config["evaluate"] == "clients"
    judged = [len(owner.validation) + len(owner.test) for owner in task.owners]
    return steps, of_messages(config, busiest / rounds, messages / rounds, judged, num_cores(), own, strategy.role)


def partition_table(partition: dict[str, Any]) -> Table:
    """Images of each class in every client's parts: a column for each part, the classes' counts in their order."""
    classes = ", ".join(escape(printable(name, 60)) for name in partition["classes"])
    parts = ("train", "validation", "test")
    table = Table("client", *(f"{part}:\n{classes}" for part in parts))
    for client in partition["clients"]:
        counts = [", ".join(str(n) for n in client[part]) for part in parts]
        table.add_row(escape(printable(client["name"], 60)), *counts)
    return table


def image_seconds(task: Task, batch_size: int) -> tuple[float, float]:
    """Processor seconds of training on an image, in steps that are thrown away, and of judging one."""
    indices = max((owner.train for owner in task.owners), key=len)[: 4 * batch_size]
    shard, best = Shard(task, indices, torch.Generator()), [float("inf"), float("inf")]
    config = {"lr": 1e-9, "momentum": 0.0, "weight_decay": 0.0, "batch_size": batch_size, "local_epochs": 1}
    actions: list[Callable[[], Any]] = [
        lambda: sgd(task.model, shard, config),
        lambda: predict(task.model, task, indices),
    ]
    for _ in range(3):
        for place, do in enumerate(actions):
            start = clock(task)
            do()
            best[place] = min(best[place], clock(task) - start)
    task.model.load_state_dict(task.initial)
    return best[0] / len(indices), best[1] / len(indices)


def clock(task: Task) -> float:
    """Seconds of this process's processor; on a GPU, for which it waits, on the wall."""
    return time.process_time() if task.device.type == "cpu" else time.perf_counter()
