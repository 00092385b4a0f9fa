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

from fedsky.client.task import Task, load_task, settle, specification
from fedsky.client.training import Shard, predict, sgd
from fedsky.config import make_strategy
from fedsky.engine import open_grid
from fedsky.machine import num_cores
from fedsky.model import num_parameters
from fedsky.run.rows import describe
from fedsky.run.trial import try_out
from fedsky.untrusted import printable


def dry_run(config: dict[str, Any], folder: Path) -> None:
    """Prints what a run would do, and leaves no folder."""
    if (folder / "run.json").exists():  # nothing of which may go
        raise ValueError(f"{folder} holds a run already: name another folder")
    task = load_task(specification(config, folder / "clients"))
    settle(config, task)
    strategy = make_strategy(config)
    strategy.begin(task.model, config)
    try_out(task, strategy, config)
    console = Console()
    console.print(partition_table(describe(task, config["client_names"])))
    steps, images = planned(config, task)
    judged = sum(len(owner.validation) + len(owner.test) for owner in task.owners)
    train, evaluate = step_seconds(task, config["batch_size"])
    workers = 1 if config["engine"]["kind"] == "inline" else config["engine"]["num_actors"] or num_cores()
    seconds = images(workers) * train + (config["num_rounds"] + 1) * judged * evaluate / num_cores()
    console.print(
        f"{len(task.photos)} {'images' if task.photos.image_size else 'points'} of {task.photos.pixels.shape[-1]} "
        f"{'pixels' if task.photos.image_size else 'numbers'}, "
        f"{num_parameters(task.model):,} parameters; {config['num_rounds']} rounds, {steps:,} SGD steps, "
        f"up to {workers} client(s) at a time: about {seconds:,.0f} s, and some seconds to start. Nothing was trained."
    )
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # the folders above that Hydra made for it, if nothing else is in them
        folder.parent.rmdir()
        folder.parent.parent.rmdir()


def planned(config: dict[str, Any], task: Task) -> tuple[int, Callable[[int], float]]:
    """The SGD steps of all rounds, and the images that the busiest of so many workers goes through.

    The strategy is asked for its messages, so that cohorts, owners and epochs are those that it will really send.
    """
    strategy = make_strategy(config)
    strategy.begin(task.model, config)
    grid = open_grid({"kind": "inline"}, config["num_clients"])
    start = ArrayRecord(task.initial)
    steps, rounds = 0, []
    for round in range(1, config["num_rounds"] + 1):
        loads = []
        settings = {key: config[key] for key in ("local_epochs", "participation", "stragglers", "seed")}
        for message in strategy.configure_train(round, start, ConfigRecord(settings), grid):
            asked: Any = message.content.config_records["config"]
            count = len(task.part("train", asked["owners"]))
            steps += -(-count // config["batch_size"]) * asked["local_epochs"]
            loads.append(count * asked["local_epochs"])
        rounds.append(loads)
    return steps, lambda workers: sum(max(max(loads, default=0), sum(loads) / workers) for loads in rounds)


def partition_table(partition: dict[str, Any]) -> Table:
    """Images of each class in every client's parts."""
    table = Table("client", *(f"{part}: {escape(printable(name, 60))}" for part in ("train", "validation", "test")
                              for name in partition["classes"]))  # fmt: skip
    for client in partition["clients"]:
        counts = [str(n) for part in ("train", "validation", "test") for n in client[part]]
        table.add_row(escape(printable(client["name"], 60)), *counts)
    return table


def step_seconds(task: Task, batch_size: int) -> tuple[float, float]:
    """Seconds per image of training, measured on a few steps that are thrown away, and of an evaluation."""
    indices = task.owners[0].train[: 4 * batch_size]
    shard, best = Shard(task, indices, torch.Generator()), [float("inf"), float("inf")]
    config = {"lr": 1e-9, "momentum": 0.0, "weight_decay": 0.0, "batch_size": batch_size, "local_epochs": 1}
    for _ in range(3):
        start = time.perf_counter()
        sgd(task.model, shard, config)
        best[0] = min(best[0], time.perf_counter() - start)
        start = time.perf_counter()
        predict(task.model, task, indices)
        best[1] = min(best[1], time.perf_counter() - start)
    task.model.load_state_dict(task.initial)
    return best[0] / len(indices), best[1] / len(indices)
