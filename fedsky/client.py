"""The client: one shared training loop, one evaluation, and the Flower ClientApp that answers messages.

A strategy's client half is a plain function ``train(model, shard, config, state)`` that returns the arrays to send and
its metrics. It passes only its difference to the shared loop: ``sgd(..., correct=...)``.
"""

import ctypes
import functools
import math
import pkgutil
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from fedsky.data.split import Indices
from fedsky.job import Job, job, normalise
from fedsky.metrics import score
from fedsky.state import State

Config = Mapping[str, Any]
Arrays = dict[str, Tensor]
Metrics = dict[str, float]
Correct = Callable[[list[nn.Parameter]], None]
Train = Callable[[nn.Module, "Shard", Config, State], tuple[Arrays, Metrics]]

__all__ = ["Arrays", "Config", "Metrics", "Shard", "State", "Train", "app", "predict", "sgd"]

EVALUATION_BATCH = 64


class Shard:
    """The training images of one client, in batches that its own generator shuffles and varies."""

    def __init__(self, work: Job, indices: Indices, generator: torch.Generator) -> None:
        self.work, self.indices, self.generator = work, indices, generator
        self.labels = torch.from_numpy(work.photos.labels[indices]).to(work.device)

    def __len__(self) -> int:
        return len(self.indices)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the images in a new order; a last batch of one joins the one before (BatchNorm needs two)."""
        order = torch.randperm(len(self), generator=self.generator)
        parts = list(torch.split(order, batch_size))
        if len(parts) > 1 and len(parts[-1]) == 1:
            parts[-2:] = [torch.cat(parts[-2:])]
        for part in parts:
            images = self.work.images(self.indices[part.numpy()])
            if images.ndim == 4:
                images = self.work.augment(images, self.generator)
            yield normalise(images), self.labels[part]


def sgd(model: nn.Module, shard: Shard, config: Config, correct: Correct | None = None) -> Metrics:
    """Trains for ``config["local_epochs"]`` passes by SGD and returns train_loss, num_examples and num_steps.

    Reads lr, momentum, weight_decay, batch_size and local_epochs from the config; the optimizer starts anew each time.
    ``correct`` gets the parameters after every backward pass and changes their gradients in place. train_loss is the
    mean over all images seen. A model may bring its own ``loss(outputs, labels)``; cross-entropy otherwise.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    lr = float(config["lr"])
    optimizer = torch.optim.SGD(
        parameters, lr=lr, momentum=float(config["momentum"]), weight_decay=float(config["weight_decay"])
    )
    loss_of = getattr(model, "loss", F.cross_entropy)
    model.train()
    num_steps, num_seen, total = 0, 0, torch.zeros((), dtype=torch.float64)
    for _ in range(int(config["local_epochs"])):
        for images, labels in shard.batches(int(config["batch_size"])):
            optimizer.zero_grad()
            loss = loss_of(model(images), labels)
            loss.backward()
            if correct is not None:
                correct(parameters)
            optimizer.step()
            num_steps += 1
            num_seen += len(labels)
            total += loss.detach().cpu() * len(labels)
    mean = float(total) / num_seen if num_seen else math.nan
    if num_seen and not math.isfinite(mean):
        raise ValueError(f"training diverged: the mean loss of {num_steps} steps is {mean}; lower lr={lr:g}")
    return {"train_loss": mean, "num_examples": len(shard), "num_steps": num_steps}


@torch.no_grad()
def predict(model: nn.Module, work: Job, indices: Indices) -> NDArray[np.float64]:
    """Log-probabilities [n, classes] of images, in batches of a fixed size."""
    model.eval()
    parts = [
        F.log_softmax(model(normalise(work.images(batch))).double(), dim=1).cpu().numpy()
        for batch in np.array_split(indices, range(EVALUATION_BATCH, len(indices), EVALUATION_BATCH))
    ]
    return np.concatenate(parts)


app = ClientApp()


@app.train()
def train(message: Message, context: Context) -> Message:
    """Trains by the client half that the message names, and answers with its arrays and metrics."""
    return _answer(message, _train)


@app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """Judges the client's own validation and test images, and answers with counts."""
    return _answer(message, _evaluate)


def _answer(message: Message, work: Callable[[RecordDict, Config], RecordDict]) -> Message:
    try:
        _keep_memory()
        content = work(message.content, dict(message.content.config_records["config"]))
    except Exception as error:
        # Flower would turn this into a line of its log; the server raises what is packed here.
        reason = str(error) if isinstance(error, ValueError) else ""
        content = RecordDict({"failure": ConfigRecord({"reason": reason, "traceback": traceback.format_exc()})})
    return Message(content, reply_to=message)


def _train(content: RecordDict, config: Config) -> RecordDict:
    start = time.perf_counter()
    work, client, round = job(config["job"]), config["client"], config["round"]
    _load(work, content)
    generator = torch.Generator()
    generator.manual_seed(int(np.random.SeedSequence([work.seed, round, client]).generate_state(1, np.uint64)[0] >> 1))
    shard = Shard(work, work.part("train", config["owners"]), generator)
    half: Train = pkgutil.resolve_name(config["train"])
    arrays, metrics = half(work.model, shard, config, State(work.states, client, round))
    record = MetricRecord(dict(metrics))
    record["train_seconds"] = time.perf_counter() - start
    record["peak_memory_bytes"] = peak_memory_bytes()
    return RecordDict({"arrays": ArrayRecord(arrays), "metrics": record})


def _evaluate(content: RecordDict, config: Config) -> RecordDict:
    start = time.perf_counter()
    work, client = job(config["job"]), config["client"]
    _load(work, content)
    if config["evaluate"]:
        pkgutil.resolve_name(config["evaluate"])(work.model, State(work.states, client, config["round"] + 1))
    parts = {"validation": work.part("validation", [client]), "test": work.part("test", [client])}
    if config["pooled"]:
        parts["pooled"] = work.part("test", list(range(len(work.owners))))
    record, predictions = MetricRecord(), {}
    for name, indices in parts.items():
        predictions[name] = predict(work.model, work, indices)
        scores = score(predictions[name], work.photos.labels[indices])
        record[f"{name}_confusion"] = [int(count) for count in scores.confusion.ravel()]
        record[f"{name}_loss_sum"] = scores.loss_sum
    record["evaluate_seconds"] = time.perf_counter() - start
    reply = RecordDict({"metrics": record})
    if config["predictions"]:  # of simulations alone: a deployment sends counts
        reply["predictions"] = ArrayRecord([predictions["test"]])
    return reply


def _load(work: Job, content: RecordDict) -> None:
    """Sets the model to the arrays of a message; a message without any means the model at its start."""
    if "arrays" in content.array_records:
        received = {name: torch.from_numpy(array.numpy()) for name, array in content.array_records["arrays"].items()}
        work.model.load_state_dict(received)
    else:
        work.model.load_state_dict(work.initial)


def peak_memory_bytes() -> int:
    """The largest resident memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@functools.cache
def _keep_memory() -> None:
    """Tells glibc to keep freed memory: giving it back between batches costs page faults."""
    if sys.platform == "linux":
        libc: Any = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            m_trim_threshold, m_mmap_max = -1, -4
            libc.mallopt(m_trim_threshold, 2**31 - 1)
            libc.mallopt(m_mmap_max, 0)


def proximal_gradient(parameters: Iterable[nn.Parameter], anchors: Iterable[Tensor], mu: float) -> None:
    """Adds the gradient of ``mu / 2 * |w - anchor|^2`` to the parameters' gradients, in place."""
    with torch.no_grad():
        for parameter, anchor in zip(parameters, anchors, strict=True):
            assert parameter.grad is not None
            parameter.grad.add_(parameter - anchor, alpha=mu)
