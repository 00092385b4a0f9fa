"""The linear model, and a solver that makes its SGD steps by numpy: some 10 microseconds each, autograd's take 100."""

import numpy as np
import torch
from torch import Tensor, nn

from fedsky import checks
from fedsky.model.pixels import normalise
from fedsky.model.solver import Config, Correct, Points


class Softmax(nn.Module):
    """Multinomial logistic regression on points [n, num_features].

    One parameter, weight [num_features + 1, num_classes], whose last row holds the biases; drawn as torch draws a
    linear layer's, uniform up to 1 / sqrt(num_features) around 0.
    """

    def __init__(self, num_features: int, num_classes: int) -> None:
        super().__init__()
        checks.whole("model.num_features", num_features, 1)
        bound = num_features**-0.5
        self.weight = nn.Parameter(torch.empty(num_features + 1, num_classes).uniform_(-bound, bound))

    def forward(self, points: Tensor) -> Tensor:
        """Logits [n, num_classes]."""
        num_features = len(self.weight) - 1
        if points.shape[1:] != (num_features,):
            raise ValueError(f"model.num_features={num_features}: the data's points have {list(points.shape[1:])}")
        return torch.addmm(self.weight[-1], points, self.weight[:-1])

    def solve(self, shard: Points, config: Config, correct: Correct | None) -> tuple[float, int, int]:
        """What ``fedsky.client.training.sgd`` asks of a solver: its very steps, to rounding.

        The points of a pass are gathered once, in the order of its batches, which are slices of them then. The
        parameter that ``correct`` gets, and its gradient, are the arrays that are worked on.
        """
        lr, momentum, decay = (float(config[key]) for key in ("lr", "momentum", "weight_decay"))
        weight = self.weight.detach().numpy()
        gradient, velocity = np.zeros_like(weight), np.zeros_like(weight)
        self.weight.grad = torch.from_numpy(gradient)
        points = normalise(shard.task.images(shard.indices)).numpy()
        points = np.concatenate([points, np.ones_like(points[:, :1])], axis=1)
        classes = np.eye(weight.shape[1], dtype=weight.dtype)[shard.labels.numpy()]
        rows, targets, logits = np.empty_like(points), np.empty_like(classes), np.empty_like(classes)
        sums, ones = np.empty_like(classes[:, :1]), np.ones_like(weight[:1].T)
        ends, batches = shard.ends(int(config["batch_size"])), []
        for start, end in zip([0, *ends], ends, strict=False):
            own = (array[start:end] for array in (rows, targets, logits, sums))
            batches.append((*own, np.empty_like(targets[start:end]), np.empty_like(sums[start:end]), 1 / (end - start)))
        epochs, total = int(config["local_epochs"]), 0.0
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # sgd tells of a training that diverged
            for _ in range(epochs):
                order = shard.order()
                points.take(order, axis=0, out=rows, mode="clip")
                classes.take(order, axis=0, out=targets, mode="clip")
                for x, y, z, total_exp, p, top, share in batches:
                    x.dot(weight, z)
                    np.maximum.reduce(z, axis=1, out=top, keepdims=True)
                    z -= top
                    np.exp(z, p)
                    p.dot(ones, total_exp)
                    p /= total_exp
                    p -= y
                    p *= share
                    x.T.dot(p, gradient)
                    if correct is not None:
                        correct([self.weight])
                    if decay:
                        gradient += decay * weight
                    if momentum:
                        velocity *= momentum
                        velocity += gradient
                        weight -= lr * velocity
                    else:
                        weight -= lr * gradient
                total += float(np.log(sums).sum(dtype=np.float64) - (logits * targets).sum(dtype=np.float64))
        return total, epochs * len(ends), epochs * len(shard)
