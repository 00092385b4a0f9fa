"""The Flower ClientApp that answers messages: it runs the client half, and the mods around it, that a message names.

What goes around any client half is a Flower mod; a message names its own, the outermost first.
"""

import ctypes
import functools
import pkgutil
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from torch import Tensor, nn

from fedsky.client.arrays import record_of, view
from fedsky.client.metrics import score
from fedsky.client.state import STATES, State, take_saved, told
from fedsky.client.task import Task, load_task
from fedsky.client.training import Arrays, Evaluate, Shard, Train, predict
from fedsky.client.turns import clock, current
from fedsky.machine import peak_memory_bytes, remedies
from fedsky.model.divergence import diverged, model_not_finite, not_finite
from fedsky.model.freeze import frozen
from fedsky.model.solver import Config

Handler = Callable[[Message, Context], Message]


def mods(message: Message, context: Context, call_next: Handler) -> Message:
    """Runs the Flower mods that the message names around the client half."""
    handler = call_next
    try:
        take_saved()
        for name in reversed(_names(message)):
            handler = functools.partial(pkgutil.resolve_name(name), call_next=handler)
        reply = handler(message, context)
        reply.content[STATES] = ConfigRecord({"saved": take_saved()})
        return reply
    except Exception as error:
        return Message(_failure(error), reply_to=message)


def _names(message: Message) -> list[Any]:
    names = message.content.config_records["config"].get("mods", [])
    return names if isinstance(names, list) else []


app = ClientApp(mods=[mods])


@app.train()
def train(message: Message, context: Context) -> Message:
    """Trains by the client half that the message names, and answers with its arrays and metrics."""
    return _answer(message, _train)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Judges the client's own validation and test images, and answers with counts."""
    return _answer(message, _evaluate)


def _answer(message: Message, do: Callable[[RecordDict, Config], RecordDict]) -> Message:
    try:
        _keep_memory()
        content = do(message.content, dict(message.content.config_records["config"]))
    except Exception as error:
        content = _failure(error)
    return Message(content, reply_to=message)


def _failure(error: Exception) -> RecordDict:
    """What went wrong, packed: Flower would turn it into a line of its log; the server raises what is in here."""
    reason = remedies.told(error) if isinstance(error, OSError) else str(error) if isinstance(error, ValueError) else ""
    return RecordDict({"failure": ConfigRecord({"reason": reason, "traceback": traceback.format_exc()})})


def tensors(message: Message) -> dict[str, Tensor]:
    """The arrays of a message by name, as tensors of their own; none where it has none."""
    if "arrays" not in message.content.array_records:
        return {}
    return {name: torch.from_numpy(a.numpy()) for name, a in message.content.array_records["arrays"].items()}


def state_of(message: Message, name: str) -> State:
    """What a mod called ``name`` keeps of the message's client, apart from the client half's own state."""
    config: Any = message.content.config_records["config"]
    name = f"{config['client']}-{name}"
    return State(load_task(config["task"]).states, name, config["round"], told(config, name))


def num_classes(message: Message) -> int:
    """How many classes the task has that a message is about."""
    config: Any = message.content.config_records["config"]
    return len(load_task(config["task"]).photos.classes)


def client_generator(seed: int, round: int, client: int, *purpose: int) -> torch.Generator:
    """A client's own random numbers in a round; a ``purpose`` makes others than those of its batches."""
    generator = torch.Generator()
    words = np.random.SeedSequence([seed, round, client, *purpose]).generate_state(1, np.uint64)
    generator.manual_seed(int(words[0] >> 1))
    return generator


def _train(content: RecordDict, config: Config) -> RecordDict:
    start, cpu = clock()
    task, client, round = _task(config), config["client"], config["round"]
    turn = current()
    model = task.model if turn is None else turn.model
    extra = _load(model, task, content)
    generator = client_generator(task.seed, round, client)
    shard = Shard(task, task.part("train", config["owners"]), generator, config.get("relabel"))
    half: Train = pkgutil.resolve_name(config["train"])
    state = State(task.states, client, round, told(config, client))
    arrays, metrics = half(model, shard, {**config, "extra": extra}, state)
    if (name := not_finite(arrays)) is not None:
        raise diverged(round, f"lr={config['lr']:g}", f"{name} is not finite after training")
    fixed = frozen(model)  # the server has them already
    arrays = {name: array for name, array in arrays.items() if name not in fixed}
    record = MetricRecord(dict(metrics))
    ended, cpu_ended = clock()
    record["train_seconds"], record["train_cpu_seconds"] = ended - start, cpu_ended - cpu
    record["peak_memory_bytes"] = peak_memory_bytes()
    if turn is not None:
        record["together"] = turn.together
    return RecordDict({"arrays": record_of(arrays), "metrics": record})


def _evaluate(content: RecordDict, config: Config) -> RecordDict:
    start = time.perf_counter()
    task, client, round = _task(config), config["client"], config["round"]
    _load(task.model, task, content)
    if config["evaluate"]:
        shard = Shard(task, task.part("train", [client]), client_generator(task.seed, round, client, 1))
        half: Evaluate = pkgutil.resolve_name(config["evaluate"])
        half(task.model, shard, config, State(task.states, client, round + 1, told(config, client)))
        if (name := model_not_finite(task.model)) is not None:
            raise diverged(round, "lr", f"{name} of the client's own model is not finite")
    parts = {"validation": task.part("validation", [client]), "test": task.part("test", [client])}
    if config["last"] and config["evaluate"] and task.is_whole:
        parts["pooled"] = task.part("test", list(range(len(task.owners))))
    record, predictions = MetricRecord(), {}
    for name, indices in parts.items():
        predictions[name] = predict(task.model, task, indices)
        scores = score(predictions[name], task.photos.labels[indices])
        record[f"{name}_confusion"] = [int(count) for count in scores.confusion.ravel()]
        record[f"{name}_loss_sum"] = scores.loss_sum
    record["evaluate_seconds"] = time.perf_counter() - start
    reply = RecordDict({"metrics": record})
    if config["last"] and config.get("predictions", True):  # an owner of a real federation need not send them
        reply["predictions"] = ArrayRecord([predictions["test"]])
    return reply


def _task(config: Config) -> Task:
    """The task that a message is about; ValueError where the data here are not those with which the run began."""
    task = load_task(config["task"])
    if config.get("fingerprint", task.photos.fingerprint) != task.photos.fingerprint:
        raise ValueError(
            f"the data on {socket.gethostname()} are not those with which the run began: they were changed since, or "
            "this machine has others; bring those back, to every machine of a cluster, and resume, or start another run"
        )
    return task


def _load(model: nn.Module, task: Task, content: RecordDict) -> Arrays:
    """Sets the model to the arrays of a message, what it lacks to the start; returns the arrays that are not its."""
    received: Arrays = {}
    if "arrays" in content.array_records:
        received = {name: view(array) for name, array in content.array_records["arrays"].items()}
    model.load_state_dict({name: received.pop(name, start) for name, start in task.initial.items()})
    return {name: tensor.clone() for name, tensor in received.items()}


@functools.cache
def _keep_memory() -> None:
    """Tells glibc to keep freed memory: giving it back between batches costs page faults."""
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            m_trim_threshold, m_mmap_max = -1, -4
            libc.mallopt(m_trim_threshold, 2**31 - 1)
            libc.mallopt(m_mmap_max, 0)
