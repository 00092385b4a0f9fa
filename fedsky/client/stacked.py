"""SGD of several clients at once: their models one stack, whose steps torch.func.vmap makes of those of one model.

The steps are those of ``fedsky.client.training`` to rounding, with the same random numbers. Clients stand in the order
of their steps, most first, so that those who still have some are the first rows of the stack. In a step whose batches
are unlike, the smaller ones are filled up with images of no class, which count for nothing; BatchNorm would take them
for images, so that its clients must have as many as each other.
"""

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from fedsky.client.training import Work, criterion, mixed, sgd_step, varied
from fedsky.data.split import Indices
from fedsky.model.freeze import training_mode

NO_CLASS = -100  # of an image that fills up a batch; cross_entropy leaves it out


class Stack:
    """Copies of a model whose tensors are the rows of one tensor each."""

    def __init__(self, model: nn.Module, size: int) -> None:
        self.models = [copy.deepcopy(model) for _ in range(size)]
        self.rows = {name: _rows(tensor, size) for name, tensor in _tensors(model)}
        for place, own in enumerate(self.models):
            for name, tensor in _tensors(own):
                tensor.data = self.rows[name][place]
        self.has_batchnorm = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())

    def like(self, work: Work) -> tuple[object, ...]:
        """What two clients must have in common to be trained together."""
        settings = [work.config[key] for key in ("lr", "momentum", "weight_decay", "batch_size")]
        trained = tuple(name for name, parameter in work.model.named_parameters() if parameter.requires_grad)
        return (*settings, work.config.get("precision"), trained, len(work.shard) if self.has_batchnorm else None)

    def train(self, first: int, works: Sequence[Work]) -> list[tuple[float, int, int]]:
        """Trains the models from row ``first`` on; of each the sum of its losses, its steps and the images it saw."""
        model, config = works[0].model, works[0].config
        for work in works:
            training_mode(work.model)
        trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        own = [[p for p in work.model.parameters() if p.requires_grad] for work in works]
        steps, seen = [work.num_steps for work in works], [0] * len(works)
        batches = [_batches(work) for work in works]
        device = works[0].shard.labels.device
        total = torch.zeros(len(works), dtype=torch.float64, device=device)
        velocities: list[Tensor | None] = [None] * len(trained)
        num = 0
        rows: dict[str, Tensor] = {}
        moved: list[Tensor] = []
        for step in range(steps[0]):
            if step == 0 or steps[num - 1] <= step:
                num = sum(count > step for count in steps)
                rows = {name: whole[first : first + num].detach() for name, whole in self.rows.items()}
                moved = [rows[name].requires_grad_() for name in trained]
                velocities = [None if velocity is None else velocity[:num] for velocity in velocities]
            indices, labels, drawn = zip(*(next(own) for own in batches[:num]), strict=True)
            images = varied(works[0].shard.task, np.concatenate(indices), torch.cat(drawn, dim=1)).contiguous()
            counts = [len(part) for part in indices]
            with mixed(config, device):
                losses = _losses(model, rows, _filled(images, counts, 0), _filled(torch.cat(labels), counts, NO_CLASS))
            torch.autograd.backward(losses.sum())
            total[:num] += losses.detach() * torch.tensor(counts).to(losses)
            for place, work in enumerate(works[:num]):
                seen[place] += counts[place]
                if work.correct is not None:
                    for parameter, row in zip(own[place], moved, strict=True):
                        parameter.grad = None if row.grad is None else row.grad[place]
                    work.correct(own[place])
            sgd_step(moved, velocities, config)
            for row in moved:
                row.grad = None
        for work in works:
            work.model.zero_grad()
        return list(zip(total.tolist(), steps, seen, strict=True))


def _losses(model: nn.Module, rows: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """The mean loss of each row's model on its own batch."""

    def loss(row: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(model, row, (images,)), labels, ignore_index=NO_CLASS)

    losses: Tensor = vmap(loss)(rows, images, labels)
    return losses


def why_not(model: nn.Module) -> str | None:
    """Why models of this kind cannot be trained together; None where they can, but for what only a try tells."""
    if criterion(model) is not F.cross_entropy:
        return f"{type(model).__name__} has a loss of its own"
    if hasattr(model, "solve"):
        return f"{type(model).__name__} has a solver of its own, which is faster"
    return None


def _tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _rows(tensor: Tensor, size: int) -> Tensor:
    """Copies of a tensor, one after the other; not in torch's channels_last, in which such steps take longer."""
    return tensor.detach().expand(size, *tensor.shape).clone(memory_format=torch.contiguous_format)


def _batches(work: Work) -> Iterator[tuple[Indices, Tensor, Tensor]]:
    for _ in range(int(work.config["local_epochs"])):
        yield from work.shard.drawn(int(work.config["batch_size"]))


def _filled(parts: Tensor, counts: Sequence[int], filling: int) -> Tensor:
    """Batches of so many, one after the other, as one tensor [batches, most, ...], the smaller ones filled up."""
    most = max(counts)
    if min(counts) == most:
        return parts.reshape(-1, most, *parts.shape[1:])
    there = (torch.arange(most) < torch.tensor(counts)[:, None]).flatten().to(parts.device)
    whole = parts.new_full((len(there), *parts.shape[1:]), filling)
    whole[there] = parts
    return whole.reshape(-1, most, *parts.shape[1:])
