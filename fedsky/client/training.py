"""The one shared training loop: a client's images in batches, SGD on them, and what strategies add to it."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.sgd import sgd as torch_sgd

from fedsky.client.state import State
from fedsky.client.task import Task
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

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the images in a new order."""
        for part in np.split(self.order(), self.ends(batch_size)[:-1]):
            images = self.task.images(self.indices[part])
            if images.ndim == 4:
                images = self.task.augment(images, self.generator)
            yield normalise(images), self.labels[part]

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """One pass over the images as they are: in their order, not varied, drawing no random number."""
        for start in range(0, len(self), batch_size):
            images = self.task.images(self.indices[start : start + batch_size])
            yield normalise(images), self.labels[start : start + batch_size]


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
    model: nn.Module,
    shard: Shard,
    config: Config,
    correct: Correct | None = None,
    objective: Objective | None = None,
) -> Metrics:
    """Trains for ``config["local_epochs"]`` passes by SGD and returns train_loss, num_examples and num_steps.

    Reads lr, momentum, weight_decay, batch_size and local_epochs from the config; the optimizer starts anew each time.
    Only parameters that require a gradient are trained. ``correct`` gets them after every backward pass and changes
    their gradients in place. ``objective(model, images, labels)`` is what is minimised; without one it is the model's
    own ``loss(outputs, labels)``, or cross-entropy. train_loss is its mean over all images seen.

    A model may bring its own ``solve(shard, config, correct)``, which does the same faster on the CPU and returns the
    sum of the losses and the numbers of steps and of images seen; an ``objective`` is not for it.
    """
    solve: Solve | None = getattr(model, "solve", None)
    if solve is not None and objective is None and shard.labels.device.type == "cpu":
        total, num_steps, num_seen = solve(shard, config, correct)
    else:
        total, num_steps, num_seen = _descend(model, shard, config, correct, objective)
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
    lr, momentum, decay = (float(config[key]) for key in ("lr", "momentum", "weight_decay"))
    velocities: list[Tensor | None] = [None] * len(parameters)
    loss_of = criterion(model)
    training_mode(model)
    num_steps, num_seen, total = 0, 0, torch.zeros((), dtype=torch.float64)
    for _ in range(int(config["local_epochs"])):
        for images, labels in shard.batches(int(config["batch_size"])):
            model.zero_grad()
            loss = loss_of(model(images), labels) if objective is None else objective(model, images, labels)
            torch.autograd.backward(loss)
            if correct is not None:
                correct(parameters)
            _step(parameters, velocities, lr, momentum, decay)
            num_steps += 1
            num_seen += len(labels)
            total += loss.detach().cpu() * len(labels)
    return float(total), num_steps, num_seen


@torch.no_grad()
def _step(
    parameters: list[nn.Parameter], velocities: list[Tensor | None], lr: float, momentum: float, decay: float
) -> None:
    """One step of torch.optim.SGD, by the function that it calls: the class itself imports torch's compiler first."""
    moving = [place for place, parameter in enumerate(parameters) if parameter.grad is not None]
    buffers = [velocities[place] for place in moving]
    torch_sgd(
        [parameters[place] for place in moving],
        [gradient for place in moving if (gradient := parameters[place].grad) is not None],
        buffers,
        foreach=False,
        weight_decay=decay,
        momentum=momentum,
        lr=lr,
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
