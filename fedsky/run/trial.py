"""A step on the smallest batch that a run will have, before its first round: what a network cannot do is told here."""

import copy
from typing import Any

import numpy as np
import torch

from fedsky.client.task import Task
from fedsky.client.training import Shard, criterion
from fedsky.history import POOLED
from fedsky.model.freeze import training_mode
from fedsky.model.pixels import normalise

ONE_VALUE = "Expected more than 1 value per channel"  # torch's words, of BatchNorm


def try_out(task: Task, strategy: Any, config: dict[str, Any]) -> None:
    """Raises ValueError with the keys to change where the model cannot train on the data in batches as asked for.

    The step is made on a copy of the model and draws no random number of the run's.
    """
    clients = list(range(len(task.owners)))
    pooled = strategy.role == POOLED
    shards = [
        Shard(task, task.part("train", own), torch.Generator())
        for own in ([clients] if pooled else [[client] for client in clients])
    ]
    size, shard = min(((_smallest(shard, config["batch_size"]), shard) for shard in shards), key=lambda pair: pair[0])
    model = training_mode(copy.deepcopy(task.model))
    try:
        with torch.random.fork_rng(devices=[]):
            outputs = model(normalise(task.images(shard.indices[:size])))
            torch.autograd.backward(criterion(model)(outputs, shard.labels[:size]))
    except (RuntimeError, ValueError, AssertionError) as error:  # of torch, and of models that look at the size
        raise ValueError(_told(error, size, config)) from error


def _smallest(shard: Shard, batch_size: int) -> int:
    """The images of the smallest batch of a pass."""
    return int(np.diff([0, *shard.ends(batch_size)]).min())


def _told(error: Exception, size: int, config: dict[str, Any]) -> str:
    model, data = config["model"], config["data"]
    name = str(model["_target_"]).rpartition(".")[2].lower()
    name += f" model.name={model['name']}" if "name" in model else ""
    pixels = f" data.size={data['size']}" if "size" in data else ""
    if ONE_VALUE in str(error):
        more = "batch_size" if config["batch_size"] == 1 else "partition.min_examples"
        return (
            f"model={name}{pixels} batch_size={config['batch_size']}: BatchNorm cannot train on a batch of one image "
            f"of which one pixel is left; raise {more} or data.size, or set model.norm=group"
        )
    reason = " ".join(str(error).split())[:200]
    more = ", or another data.size, such as 224" if pixels else ""
    told = f"model={name}{pixels}: it cannot train on these data in batches of {size} ({reason})"
    return f"{told}; choose another model{more}"
