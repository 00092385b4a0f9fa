"""``dry_run=true``: the partition table, the steps and an estimate of the time. Nothing is trained."""

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from rich.console import Console
from rich.table import Table
from torch.nn import functional as F

from fedsky.engine import num_cores
from fedsky.job import Job, job, normalise, specification
from fedsky.model import num_parameters
from fedsky.run import describe


def dry_run(config: dict[str, Any], folder: Path) -> None:
    """Prints what a run would do, and leaves no folder."""
    work = job(specification(config, folder / "clients"))
    instantiate(config["strategy"])
    console = Console()
    console.print(partition_table(describe(work, config["client_names"])))
    images = sum(len(owner.train) for owner in work.owners)
    judged = sum(len(owner.validation) + len(owner.test) for owner in work.owners)
    passes = config["num_rounds"] * config["local_epochs"] * config["participation"]
    steps = sum(-(-len(owner.train) // config["batch_size"]) for owner in work.owners) * passes
    train, evaluate = step_seconds(work, min(config["batch_size"], images))
    one_by_one = "baselines.centralized" in config["strategy"]["_target_"] or config["engine"]["kind"] == "inline"
    workers = 1 if one_by_one else min(config["engine"].get("num_actors") or num_cores(), config["num_clients"])
    seconds = images * passes * train / workers + config["num_rounds"] * judged * evaluate / num_cores()
    console.print(
        f"{len(work.photos)} images of {work.photos.pixels.shape[-1]} pixels, "
        f"{num_parameters(work.model):,} parameters; {config['num_rounds']} rounds, "
        f"about {steps:,.0f} SGD steps on {workers} worker(s): "
        f"about {seconds:,.0f} s, and some seconds to start. Nothing was trained."
    )
    shutil.rmtree(folder, ignore_errors=True)


def partition_table(partition: dict[str, Any]) -> Table:
    """Images of each class in every client's parts."""
    table = Table("client", *(f"{part}: {name}" for part in ("train", "validation", "test")
                              for name in partition["classes"]))  # fmt: skip
    for client in partition["clients"]:
        counts = [str(n) for part in ("train", "validation", "test") for n in client[part]]
        table.add_row(client["name"], *counts)
    return table


def step_seconds(work: Job, batch_size: int) -> tuple[float, float]:
    """Seconds per image of a training step, measured on a gradient that is thrown away, and of an evaluation."""
    indices = work.owners[0].train[:batch_size]
    images = normalise(work.images(indices))
    labels = torch.from_numpy(work.photos.labels[indices]).to(work.device)
    model = work.model.train()
    best = [float("inf"), float("inf")]
    for _ in range(3):
        start = time.perf_counter()
        torch.autograd.backward(F.cross_entropy(model(images), labels))
        model.zero_grad()
        best[0] = min(best[0], time.perf_counter() - start)
        with torch.no_grad():
            start = time.perf_counter()
            model(images)
            best[1] = min(best[1], time.perf_counter() - start)
    model.load_state_dict(work.initial)
    return best[0] / len(images), best[1] / len(images)
