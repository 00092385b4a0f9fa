"""Judges models: the global one by the server on all owners' images, or every client's by itself."""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from flwr.app import ArrayRecord, Message
from numpy.typing import NDArray

from fedsky.client.metrics import Scores, score
from fedsky.client.task import Task
from fedsky.client.training import evaluation_batches, predict
from fedsky.machine import num_cores

LogProbabilities = NDArray[np.float64]


@dataclass
class Evaluation:
    """Scores per client on its own images, training images where asked for; test predictions where asked for.

    pooled holds each client's own model on the whole test set, in the last round of models of their own.
    """

    validation: list[Scores] = field(default_factory=list)
    test: list[Scores] = field(default_factory=list)
    train: list[Scores] = field(default_factory=list)
    pooled: list[Scores] = field(default_factory=list)
    predictions: list[LogProbabilities] = field(default_factory=list)
    seconds: list[float | None] = field(default_factory=list)

    def skip(self, client: int, num_classes: int) -> None:
        """Leaves the clients before ``client`` that have nothing yet without scores."""
        while len(self.test) < client:
            nothing = Scores(np.zeros((num_classes, num_classes), dtype=np.int64), 0.0)
            self.validation.append(nothing)
            self.test.append(nothing)
            if self.pooled:
                self.pooled.append(nothing)
            if self.predictions:
                self.predictions.append(np.zeros((0, num_classes)))
            self.seconds.append(None)

    def not_finite(self) -> str | None:
        """Whose loss is not finite, and what it is; None where all are, or where there are no images."""
        for name in ("validation", "test", "train", "pooled"):
            for client, scores in enumerate(getattr(self, name)):
                if not math.isfinite(scores.loss_sum):
                    return f"the {name} loss of client {client}'s images is {scores.loss}"
        return None


def by_server(task: Task, arrays: ArrayRecord, train: bool = False) -> Evaluation:
    """The global model on every owner's validation and test images, and on those to ``train`` with.

    Batches go to as many threads as cores, each of which works with one torch thread: no number of threads can
    change a batch's bits.
    """
    task.model.load_state_dict({name: torch.from_numpy(array.numpy()) for name, array in arrays.items()})
    clients = list(range(len(task.owners)))
    names = ("validation", "test", "train") if train else ("validation", "test")
    parts = {name: [task.part(name, [client]) for client in clients] for name in names}
    everything = np.concatenate([indices for name in names for indices in parts[name]])
    with ThreadPoolExecutor(num_cores(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        judged = np.concatenate(
            list(pool.map(lambda batch: predict(task.model, task, batch), evaluation_batches(task, everything)))
        )
    result, place = Evaluation(), 0
    for name in names:
        for indices in parts[name]:
            predictions = judged[place : place + len(indices)]
            place += len(indices)
            getattr(result, name).append(score(predictions, task.photos.labels[indices]))
            if name == "test":
                result.predictions.append(predictions)
    return result


def by_clients(replies: Iterable[tuple[int, Message]], num_classes: int, num_clients: int) -> Evaluation:
    """What the clients answered, in their order: counts and, where asked for, predictions.

    A client that did not answer has no scores, as one without images.
    """
    result = Evaluation()
    for client, reply in replies:
        result.skip(client, num_classes)
        metrics = reply.content.metric_records["metrics"]
        for name in ("validation", "test", "pooled"):
            if f"{name}_confusion" in metrics:
                counts = np.array(metrics[f"{name}_confusion"], dtype=np.int64).reshape(num_classes, num_classes)
                loss_sum = metrics[f"{name}_loss_sum"]
                assert isinstance(loss_sum, float)
                getattr(result, name).append(Scores(counts, loss_sum))
        if "predictions" in reply.content.array_records:
            result.predictions += reply.content.array_records["predictions"].to_numpy_ndarrays()
        seconds = metrics["evaluate_seconds"]
        assert isinstance(seconds, float)
        result.seconds.append(seconds)
    result.skip(num_clients, num_classes)
    return result
