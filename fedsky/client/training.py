"""The one shared training loop: a client's images in batches, SGD on them, and what strategies add to it."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.sgd import sgd as torch_sgd

from fedsky.client.state import State
from fedsky.client.task import Task
from fedsky.client.turns import current
from fedsky.config import PRECISIONS
from fedsky.data.split import Indices
from fedsky.model.divergence import diverged
from fedsky.model.freeze import training_mode
from fedsky.model.pixels import normalise
from fedsky.model.solver import Config, Correct

Arrays = dict[str, Tensor]
Metrics = dict[str, float]
Criterion = Callable[[Tensor, Tensor], Tensor]
Objective = Callable[[nn.Module, Tensor, Tensor], Tensor]
Solve = Callable[["Shard", Config, Correct | None], tuple[float, int, int]]
Train = Callable[[nn.Module, "Shard", Config, State], tuple[Arrays, Metrics]]
Evaluate = Callable[[nn.Module, "Shard", Config, State], None]

EVALUATION_BATCH = 64
FLOAT32, BFLOAT16 = PRECISIONS


class Shard:
    """The training images of one client, in batches that its own generator shuffles and varies.

    num_classes: of the whole task; relabel: what each class is taken for in training, of a client that lies.
    """

    def __init__(
        self, task: Task, indices: Indices, generator: torch.Generator, relabel: Sequence[int] | None = None
    ) -> None:
        self.task, self.indices, self.generator = task, indices, generator
        self.num_classes = len(task.photos.classes)
        labels = task.photos.labels[indices]
        self.labels = torch.from_numpy(labels if relabel is None else np.asarray(relabel)[labels]).to(task.device)

    def __len__(self) -> int:
        return len(self.indices)

    def order(self) -> Indices:
        """The images of one pass, in a new order, as numbers from 0."""
        return torch.randperm(len(self), generator=self.generator).numpy()

    def ends(self, batch_size: int) -> list[int]:
        """Where in a pass each batch ends; a last batch of one joins the one before (BatchNorm needs two)."""
        ends = [*range(batch_size, len(self), batch_size), len(self)]
        return [end for end in ends if end != len(self) - 1]

    def drawn(self, batch_size: int) -> Iterator[tuple[Indices, Tensor, Tensor]]:
        """One pass over the images in a new order: of each batch the indices, labels, and numbers to vary them by."""
        for part in np.split(self.order(), self.ends(batch_size)[:-1]):
            yield self.indices[part], self.labels[part], self.task.augment.draw(len(part), self.generator)

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the images in a new order."""
        for indices, labels, drawn in self.drawn(batch_size):
            yield varied(self.task, indices, drawn), labels

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the images as they are: in their order, not varied, drawing no random number."""
        for start in range(0, len(self), batch_size):
            images = self.task.images(self.indices[start : start + batch_size])
            yield normalise(images), self.labels[start : start + batch_size]


def varied(task: Task, indices: Indices, drawn: Tensor) -> Tensor:
    """Images to train with: varied as the drawn numbers say, and normalised."""
    images = task.images(indices)
    return normalise(task.augment(images, drawn) if images.ndim == 4 else images)


@dataclass
class Work:
    """The training of a client's model that others' may be done together with."""

    model: nn.Module
    shard: Shard
    config: Config
    correct: Correct | None

    @property
    def num_steps(self) -> int:
        """Of all its passes."""
        return int(self.config["local_epochs"]) * len(self.shard.ends(int(self.config["batch_size"])))


def criterion(model: nn.Module) -> Criterion:
    """The loss that a model is trained by: its own ``loss(outputs, labels)`` if it brings one, else cross-entropy."""
    loss: Criterion = getattr(model, "loss", F.cross_entropy)
    return loss


@torch.no_grad()
def mean_loss(model: nn.Module, shard: Shard, batch_size: int = EVALUATION_BATCH) -> float:
    """The mean loss of a model, in evaluation mode, over all of a client's training images as they are."""
    model.eval()
    loss_of = criterion(model)
    total = sum(loss_of(model(images), labels).double() * len(labels) for images, labels in shard.in_order(batch_size))
    return float(total) / len(shard)


def sgd(
    model: nn.Module, shard: Shard, config: Config, correct: Correct | None = None, objective: Objective | None = None
) -> Metrics:
    """Trains for ``config["local_epochs"]`` passes by SGD and returns train_loss, num_examples and num_steps.

    Reads lr, momentum, weight_decay, batch_size and local_epochs from the config; the optimizer starts anew each time.
    Only parameters that require a gradient are trained. ``correct`` gets them after every backward pass and changes
    their gradients in place. ``objective(model, images, labels)`` is what is minimised; without one it is the model's
    own ``loss(outputs, labels)``, or cross-entropy. train_loss is its mean over all images seen.

    A model may bring its own ``solve(shard, config, correct)``, which does the same faster on the CPU and returns the
    sum of the losses and the numbers of steps and of images seen; an ``objective`` is not for it. Where several clients
    are trained at once (``engine.batch_clients``), this one waits for the others here.
    """
    solve: Solve | None = getattr(model, "solve", None)
    found: Any = None
    if objective is None and (turn := current()) is not None and turn.model is model:
        found = turn.ask(Work(model, shard, config, correct))
    elif solve is not None and objective is None and shard.labels.device.type == "cpu" and not _is_mixed(config):
        found = solve(shard, config, correct)
    total, num_steps, num_seen = found or _descend(model, shard, config, correct, objective)
    mean = total / num_seen if num_seen else math.nan
    if num_seen and not math.isfinite(mean):
        sign = f"the mean loss of {num_steps} steps is {mean}"
        raise diverged(config.get("round"), f"lr={float(config['lr']):g}", sign)
    return {"train_loss": mean, "num_examples": len(shard), "num_steps": num_steps}


def _descend(
    model: nn.Module, shard: Shard, config: Config, correct: Correct | None, objective: Objective | None
) -> tuple[float, int, int]:
    """SGD by autograd; returns the sum of the losses and the numbers of steps and of images seen."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    velocities: list[Tensor | None] = [None] * len(parameters)
    loss_of, device = criterion(model), shard.labels.device
    training_mode(model)
    num_steps, num_seen, total = 0, 0, torch.zeros((), dtype=torch.float64, device=device)
    for _ in range(int(config["local_epochs"])):
        for images, labels in shard.batches(int(config["batch_size"])):
            model.zero_grad()
            with mixed(config, device):
                loss = loss_of(model(images), labels) if objective is None else objective(model, images, labels)
            torch.autograd.backward(loss)
            if correct is not None:
                correct(parameters)
            sgd_step(parameters, velocities, config)
            num_steps += 1
            num_seen += len(labels)
            total += loss.detach() * len(labels)
    return float(total), num_steps, num_seen


def mixed(config: Config, device: torch.device) -> torch.autocast:
    """Where a loss is computed in the precision that the config asks for: bfloat16 where that does no harm, or not."""
    return torch.autocast(device.type, torch.bfloat16, enabled=_is_mixed(config))


def _is_mixed(config: Config) -> bool:
    return bool(config.get("precision", FLOAT32) == BFLOAT16)


@torch.no_grad()
def sgd_step(parameters: Sequence[Tensor], velocities: list[Tensor | None], config: Config) -> None:
    """One step of torch.optim.SGD, by the function that it calls: the class itself imports torch's compiler first."""
    moving = [place for place, parameter in enumerate(parameters) if parameter.grad is not None]
    buffers = [velocities[place] for place in moving]
    torch_sgd(
        [parameters[place] for place in moving],
        [gradient for place in moving if (gradient := parameters[place].grad) is not None],
        buffers,
        foreach=False,
        weight_decay=float(config["weight_decay"]),
        momentum=float(config["momentum"]),
        lr=float(config["lr"]),
        dampening=0.0,
        nesterov=False,
        maximize=False,
    )
    for place, buffer in zip(moving, buffers, strict=True):
        velocities[place] = buffer


@torch.no_grad()
def predict(model: nn.Module, task: Task, indices: Indices) -> NDArray[np.float64]:
    """Log-probabilities [n, classes] of images, in batches of a fixed size."""
    model.eval()
    parts = [
        F.log_softmax(model(normalise(task.images(batch))).double(), dim=1).cpu().numpy()
        for batch in evaluation_batches(task, indices)
    ]
    return np.concatenate(parts)


def evaluation_batches(task: Task, indices: Indices) -> list[Indices]:
    """Images in batches of a fixed size to be judged; points, small as they are, in larger ones."""
    size = EVALUATION_BATCH if task.photos.image_size else 64 * EVALUATION_BATCH
    return np.array_split(indices, range(size, len(indices), size))


def proximal_gradient(parameters: Iterable[nn.Parameter], anchors: Iterable[Tensor], mu: float) -> None:
    """Adds the gradient of ``mu / 2 * |w - anchor|^2`` to the parameters' gradients, in place."""
    for parameter, anchor in zip(parameters, anchors, strict=True):
        assert parameter.grad is not None
        parameter.grad.add_(parameter.detach() - anchor, alpha=mu)
