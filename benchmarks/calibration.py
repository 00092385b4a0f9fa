"""How right and how sure answers of two classes are: arrays in, numbers out."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from benchmarks.retaken import Floats
from fedsky.report.views import judgement

Labels = NDArray[np.int64]


def probabilities(answers: Floats, temperature: float = 1.0) -> Floats:
    """The probability of the second class [n], of logits [n, 2]."""
    return np.asarray(1 / (1 + np.exp(-np.clip((answers[:, 1] - answers[:, 0]) / temperature, -700, 700))))


def temperature(answers: Floats, labels: Labels) -> float:
    """The temperature of the least cross-entropy (Guo et al. 2017, On Calibration of Modern Neural Networks)."""

    def loss(logarithm: float) -> float:
        right = np.where(labels == 1, 1, -1) * (answers[:, 1] - answers[:, 0]) / np.exp(logarithm)
        return float(np.logaddexp(0, -right).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 5), method="bounded").x))


def balanced_accuracy(chance: Floats, labels: Labels, threshold: float = 0.5) -> float:
    """Balanced accuracy of calling the second class what has more than a threshold."""
    said = chance > threshold
    return float(np.mean([(said[labels == each] == each).mean() for each in (0, 1)]))


def calibration_error(chance: Floats, labels: Labels) -> float:
    """The expected calibration error of the class that is named, as the report computes it."""
    named = pd.DataFrame({"confidence": np.maximum(chance, 1 - chance), "right": (chance > 0.5) == labels})
    return judgement.calibration_error(judgement.reliability(named))


def figures(answers: Floats, labels: Labels, temperature: float) -> list[float]:
    """Balanced accuracy at the best threshold, and the calibration error as it is and with a temperature."""
    chance = probabilities(answers)
    best = max(balanced_accuracy(chance, labels, threshold) for threshold in np.unique(chance))
    return [best, *(calibration_error(probabilities(answers, by), labels) for by in (1.0, temperature))]
