"""Loss, accuracy and balanced accuracy from counts, so that owners' parts add up to the whole exactly."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scores:
    """What a model did on some images: confusion counts (int64 [classes, classes], true by predicted), summed loss."""

    confusion: NDArray[np.int64]
    loss_sum: float

    @property
    def num(self) -> int:
        return int(self.confusion.sum())

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats; NaN without images."""
        return self.loss_sum / self.num if self.num else float("nan")

    @property
    def accuracy(self) -> float:
        """Fraction of images judged rightly, in [0, 1]; NaN without images."""
        return float(np.trace(self.confusion)) / self.num if self.num else float("nan")

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall over the classes that occur, in [0, 1]; NaN without images."""
        totals = self.confusion.sum(axis=1)
        there = totals > 0
        return float(np.mean(np.diag(self.confusion)[there] / totals[there])) if there.any() else float("nan")


def score(log_probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Scores:
    """Scores of predictions: log_probabilities [n, classes], labels [n]."""
    num_classes = log_probabilities.shape[1]
    predicted = log_probabilities.argmax(axis=1)
    confusion = np.bincount(labels * num_classes + predicted, minlength=num_classes**2)
    loss = -log_probabilities[np.arange(len(labels)), labels]
    return Scores(confusion.reshape(num_classes, num_classes), float(loss.sum()))


def pool(scores: Iterable[Scores]) -> Scores:
    """The scores of all images of several owners together, in the owners' order."""
    several = list(scores) or [Scores(np.zeros((0, 0), dtype=np.int64), 0.0)]
    return Scores(np.sum([s.confusion for s in several], axis=0), float(np.sum([s.loss_sum for s in several])))
