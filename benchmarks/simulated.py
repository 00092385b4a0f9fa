"""Data sets of points whose truth is known, small real learners on them, and their judgements as the report reads runs.

For ``python -m benchmarks.coverage``. Points are cut into five folds, as photographs are: 70 % train, 20 % test.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fedsky.history import Run
from fedsky.report.results import Result
from fedsky.report.statistics import Estimate

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Learned = Callable[[Floats], NDArray[np.bool_]]
POINTS, TESTED, FEATURES, FOLDS = 373, 2000, 10, 5
HIDDEN = {"bag": 15, "stump": 6}
LABELS = np.array(["cloudy", "sunny"])


def draw(
    generator: np.random.Generator, count: int, signals: Sequence[float], copies: int
) -> tuple[Floats, Numbers, Numbers]:
    """Points [count, 3 * FEATURES], a block of features for each signal; their labels and groups of near copies."""
    own = -(-count // copies)
    labels = (generator.random(own) < 0.5).astype(np.int64)
    points = generator.standard_normal((own, len(signals) * FEATURES))
    for block, signal in enumerate(signals):
        part = slice(block * FEATURES, (block + 1) * FEATURES)
        points[:, part] += np.outer(2 * labels - 1, np.full(FEATURES, signal / np.sqrt(FEATURES)))
    group = np.repeat(np.arange(own), copies)[:count]
    return (
        points[group] + (0.001 if copies > 1 else 0.0) * generator.standard_normal((count, points.shape[1])),
        labels[group],
        group,
    )


def cut(labels: Numbers, group: Numbers, seed: int) -> tuple[Numbers, Numbers]:
    """The fold of each point and its turn within it, groups whole and classes even."""
    generator = np.random.default_rng([seed, 1])
    unit = labels[np.unique(group, return_index=True)[1]]
    order = np.concatenate([generator.permutation(np.flatnonzero(unit == each)) for each in (0, 1)])
    fold, turn = np.empty(len(unit), np.int64), np.empty(len(unit), np.int64)
    fold[order], turn[order] = np.arange(len(order)) % FOLDS, np.arange(len(order)) // FOLDS
    return fold[group], turn[group]


def parts(fold_of: Numbers, turn: Numbers, fold: int) -> tuple[Numbers, Numbers]:
    """The training and the test points of a fold; half of the next one is for validation, and nobody learns from it."""
    train = np.flatnonzero((fold_of != fold) & ~((fold_of == (fold + 1) % FOLDS) & (turn % 2 == 0)))
    return train, np.flatnonzero(fold_of == fold)


def learn(kind: str, points: Floats, labels: Numbers, generator: np.random.Generator) -> Learned:
    """Ridge regression on random features, of a bootstrap sample (bag) or few (stump); or the nearest neighbour."""
    if kind == "nearest":
        scale = np.exp(0.3 * generator.standard_normal(points.shape[1]))
        known = points * scale

        def nearest(asked: Floats) -> NDArray[np.bool_]:
            away = (known**2).sum(axis=1)[None] - 2 * (asked * scale) @ known.T
            return np.asarray(labels[away.argmin(axis=1)] > 0)

        return nearest
    hidden = HIDDEN[kind]
    if kind == "bag":
        sample = generator.integers(0, len(points), len(points))
        points, labels = points[sample], labels[sample]
    mix, shift = generator.standard_normal((points.shape[1], hidden)), generator.standard_normal(hidden)

    def features(asked: Floats) -> Floats:
        return np.column_stack([np.maximum(asked @ mix + shift, 0), np.ones(len(asked))])

    made = features(points)
    weights = np.linalg.solve(made.T @ made + np.eye(hidden + 1), made.T @ (2 * labels - 1))
    return lambda asked: features(asked) @ weights > 0


def balanced(right: NDArray[np.bool_], labels: Numbers) -> float:
    """The mean of the classes' shares."""
    return float(np.mean([right[labels == each].mean() for each in (0, 1)]))


def held(
    differences: Sequence[Estimate | None], truths: Sequence[float], gain: float, folds: int
) -> tuple[float, float, float]:
    """Share of the intervals that hold the truth; the truth and the median width, both in points.

    truths: how far apart the trained models of each data set are. On one fold they are the truth, else their mean is,
    the methods' own difference, or nothing where there is no ``gain``.
    """
    ends = [
        (-np.inf, np.inf) if each is None or each.low is None or each.high is None else (each.low, each.high)
        for each in differences
    ]
    bounds, models = np.array(ends), np.array(truths)
    method = float(models.mean()) if gain else 0.0
    at = models if folds == 1 else np.full(len(models), method)
    covered = float(np.mean((bounds[:, 0] <= at) & (at <= bounds[:, 1])))
    return covered, 100 * method, 100 * float(np.median(bounds[:, 1] - bounds[:, 0]))


def result(
    strategy: str,
    key: tuple[str, str, str],
    images: Numbers,
    labels: Numbers,
    predicted: Numbers,
    group: Numbers,
    num_train: int,
    owner: Numbers | None = None,
) -> Result:
    """A run as the report has it once it is read. owner: of each test point; one owner has all if not given."""
    role = {"local": "alone", "centralized": "pooled"}.get(strategy, "federated")
    config = {"seed": key[0], "data_seed": key[1], "data": {"fold": key[2]}}
    run = Run(Path(strategy), {"config": config, "role": role, "data": {"fingerprint": "simulated"}})
    right = predicted == labels
    rounds = pd.DataFrame({"balanced_accuracy": [balanced(right, labels)], "accuracy": [right.mean()]}, index=[1])
    parts = pd.DataFrame(
        {"client": 0, "name": "0", "part": ["train", "test"], "class": "cloudy", "count": [num_train, len(images)]}
    )
    predictions = pd.DataFrame(
        {
            "label": LABELS[labels],
            "predicted": LABELS[predicted],
            "correct": right.astype(float),
            "photograph": group.astype(str),
            "client": "0" if owner is None else owner.astype(str),
        },
        index=images.astype(str),
    )
    names = pd.DataFrame({"name": ["0"] if owner is None else np.unique(owner).astype(str)})
    return Result(run, f"{strategy} {key}", 1, rounds, names, pd.DataFrame(), parts, predictions=predictions)
