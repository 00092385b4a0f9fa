"""Which class is taken for which: counts of test images by label and prediction, precision and recall."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .reading import Floats


@dataclass(frozen=True)
class Confusion:
    """matrix: [label, predicted] counts of images; precision, recall: of each class, NaN where there is no image."""

    classes: list[str]
    matrix: NDArray[np.int64]
    precision: Floats
    recall: Floats


def confusion(labels: Sequence[str], predicted: Sequence[str], classes: Sequence[str] | None = None) -> Confusion:
    """The confusion of predictions with labels, image by image; of these classes, or of all that occur in their order.

    Images of other classes are left out.
    """
    names = sorted({*labels, *predicted}) if classes is None else list(classes)
    place = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(names), len(names)), dtype=np.int64)
    for label, said in zip(labels, predicted, strict=True):
        if label in place and said in place:
            matrix[place[label], place[said]] += 1
    right = np.diag(matrix).astype(float)
    return Confusion(names, matrix, _shares(right, matrix.sum(axis=0)), _shares(right, matrix.sum(axis=1)))


def _shares(right: Floats, of: NDArray[np.int64]) -> Floats:
    shares: Floats = np.divide(right, of, out=np.full(len(right), np.nan), where=of > 0)
    return shares
