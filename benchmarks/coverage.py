"""``python -m benchmarks.coverage``: how often the report's interval holds the truth, by simulation.

Data sets of points whose truth is known are cut, learned from and judged as a sweep of runs would, by small real
learners; the judgements go through the report's own functions, as groups of results. Of each design are told:

coverage: the share of data sets whose interval of the first federation against training alone holds the truth (95 %
asked for); error: in how many at least one planned comparison is called shown though nothing differs (5 % at most);
power: in how many the first comparison is shown; before: the same by the report of before 0.2.0 (corrected resampled t
over runs, p after Holm). The truth is the difference of what the learners reach on average over data sets; where all
is one split, it is that of the very models that were trained.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from fedsky.history import Run
from fedsky.report.comparisons import Comparison, compare, planned
from fedsky.report.groups import ComparableGroups, Group
from fedsky.report.results import Result

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Learned = Callable[[Floats], NDArray[np.bool_]]
POINTS, TESTED, FEATURES, FOLDS = 373, 2000, 10, 5
HIDDEN = {"bag": 15, "stump": 6}
LABELS = np.array(["cloudy", "sunny"])


@dataclass(frozen=True)
class Design:
    """unlike: whether alone, federations and pooled see features of their own; gain: of the federations' signal."""

    learner: str = "bag"
    unlike: bool = True
    federated: int = 2
    seeds: int = 3
    folds: int = FOLDS
    data_seeds: int = 1
    copies: int = 1
    gain: float = 0.0

    @property
    def text(self) -> str:
        """The design in a table's cells."""
        like = "unlike" if self.unlike else "alike"
        return (
            f"{self.learner} {like} | {self.federated} | {self.folds} x {self.data_seeds} x {self.seeds} | "
            f"{self.copies}"
        )


# The gains make about 2, 5 and 10 points.
DESIGNS = [
    *(Design(unlike=unlike, seeds=seeds) for unlike in (True, False) for seeds in (1, 2, 3, 5)),
    *(Design(unlike=unlike, data_seeds=3) for unlike in (True, False)),
    *(Design(copies=copies) for copies in (2, 4)),
    *(Design(gain=gain) for gain in (0.12, 0.32, 0.75)),
    Design(gain=0.32, data_seeds=3),
    *(Design(federated=11, unlike=unlike) for unlike in (True, False)),
    *(Design("stump", unlike) for unlike in (True, False)),
    *(Design("nearest", unlike) for unlike in (True, False)),
    *(Design(folds=1, unlike=unlike) for unlike in (True, False)),
    Design(folds=1, gain=0.32),
]


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
    return points[group] + (0.001 if copies > 1 else 0.0) * generator.standard_normal((count, points.shape[1])), \
        labels[group], group  # fmt: skip


def cut(labels: Numbers, group: Numbers, seed: int) -> tuple[Numbers, Numbers]:
    """The fold of each point and its turn within it, groups whole and classes even."""
    generator = np.random.default_rng([seed, 1])
    unit = labels[np.unique(group, return_index=True)[1]]
    order = np.concatenate([generator.permutation(np.flatnonzero(unit == each)) for each in (0, 1)])
    fold, turn = np.empty(len(unit), np.int64), np.empty(len(unit), np.int64)
    fold[order], turn[order] = np.arange(len(order)) % FOLDS, np.arange(len(order)) // FOLDS
    return fold[group], turn[group]


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


def simulate(design: Design, seed: int) -> tuple[ComparableGroups, float]:
    """The groups of a data set as the report reads them, and how far the first federation's models are from alone's."""
    generator = np.random.default_rng(seed)
    signals = (1.0, 1.0 + design.gain, 1.0)
    points, labels, group = draw(generator, POINTS, signals, design.copies)
    others, truth, _ = draw(generator, TESTED, signals, 1)
    names = ["local", *(f"federated{number}" for number in range(design.federated)), "centralized"]
    blocks = [0, *[1 if design.unlike or design.gain else 0] * design.federated, 2 if design.unlike else 0]
    groups = [Group(name, {}, {}, {}, name) for name in names]
    reached: dict[str, list[float]] = {name: [] for name in names}
    for data_seed in range(design.data_seeds):
        fold_of, turn = cut(labels, group, 1000 * seed + data_seed)
        for fold in range(design.folds):
            test = np.flatnonzero(fold_of == fold)
            train = np.flatnonzero((fold_of != fold) & ~((fold_of == (fold + 1) % FOLDS) & (turn % 2 == 0)))
            for place, (each, block) in enumerate(zip(groups, blocks, strict=True)):
                part = slice(block * FEATURES, (block + 1) * FEATURES)
                for run in range(design.seeds):
                    chance = np.random.default_rng([seed, data_seed, fold, run, place])
                    judge = learn(design.learner, points[train, part], labels[train], chance)
                    predicted = judge(points[test, part]).astype(np.int64)
                    key = (str(run), str(data_seed), f"{fold + 1}/{FOLDS}")
                    each.results[key] = result(
                        each.strategy, key, test, labels[test], predicted, group[test], len(train)
                    )
                    if place < 2 and (design.folds == 1 or (design.gain and run == 0)):
                        reached[each.strategy].append(balanced(judge(others[:, part]) == truth, truth))
    return ComparableGroups("simulated", groups), float(
        np.mean(reached["federated0"] or 0) - np.mean(reached["local"] or 0)
    )


def result(
    strategy: str, key: tuple[str, str, str], images: Numbers, labels: Numbers, predicted: Numbers, group: Numbers,
    num_train: int,
) -> Result:  # fmt: skip
    """A run as the report has it once it is read."""
    role = {"local": "alone", "centralized": "pooled"}.get(strategy, "federated")
    config = {"seed": key[0], "data_seed": key[1], "data": {"fold": key[2]}}
    run = Run(Path(strategy), {"config": config, "role": role, "data": {"fingerprint": "simulated"}})
    right = predicted == labels
    rounds = pd.DataFrame({"balanced_accuracy": [balanced(right, labels)], "accuracy": [right.mean()]}, index=[1])
    parts = pd.DataFrame(
        {"client": 0, "name": "0", "part": ["train", "test"], "class": "cloudy", "count": [num_train, len(images)]}
    )
    predictions = pd.DataFrame({
        "label": LABELS[labels], "predicted": LABELS[predicted], "correct": right.astype(float),
        "photograph": group.astype(str), "client": "0"}, index=images.astype(str))  # fmt: skip
    nothing = pd.DataFrame()
    return Result(run, f"{strategy} {key}", 1, rounds, nothing, nothing, parts, predictions=predictions)


def before(pairs: Sequence[Comparison]) -> list[bool]:
    """What the report of before 0.2.0 called distinguishable: Nadeau and Bengio's t over splits' means, after Holm."""
    chances = []
    for each in pairs:
        first, second = (group.finals("balanced_accuracy") for group in (each.first, each.second))
        table = pd.Series({key: first[key] - second[key] for key in first})
        splits = len({key[1:] for key in first})
        means = table.groupby(level=[1, 2]).mean() if splits > 1 else table
        shared = each.first.repetitions.shared if splits > 1 else 0.0
        error = means.std(ddof=1) * np.sqrt(1 / len(means) + shared)
        chances.append(float(2 * stats.t.sf(abs(means.mean()) / error, len(means) - 1)) if error > 0 else 1.0)
    shown, order = [False] * len(pairs), np.argsort(chances)
    for rank, place in enumerate(order):
        if chances[place] * (len(pairs) - rank) > 0.05:
            break
        shown[place] = True
    return shown


@dataclass(frozen=True)
class Told:
    """What a design came to, as shares of its data sets; truth and width in points."""

    coverage: float
    truth: float
    width: float
    any_shown: float
    power: float
    any_before: float
    power_before: float


def tell(design: Design, count: int) -> Told:
    """Simulates ``count`` data sets."""
    rows, ends, truths = [], [], []
    for seed in range(count):
        kind, truth = simulate(design, seed)
        alone = compare(kind.groups[1], kind.groups[0]).difference
        family = planned(kind)
        old = before(family)
        low, high = (alone.low, alone.high) if alone and alone.low is not None else (None, None)
        rows.append((any(each.is_shown for each in family), family[0].is_shown, any(old), old[0]))
        ends.append((-np.inf if low is None else low, np.inf if high is None else high))
        truths.append(truth)
    bounds, models = np.array(ends), np.array(truths)
    method = float(models.mean()) if design.gain else 0.0
    at = models if design.folds == 1 else np.full(count, method)
    covered = float(np.mean((bounds[:, 0] <= at) & (at <= bounds[:, 1])))
    shares = np.mean(rows, axis=0)
    return Told(covered, 100 * method, 100 * float(np.median(bounds[:, 1] - bounds[:, 0])), *map(float, shares))


def main() -> None:
    """Prints one row a design."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=200, help="data sets of each design")
    parser.add_argument("--designs", type=int, nargs="*", help="which designs, by number from 0; all if not given")
    asked = parser.parse_args()
    print("| learners | federated | folds x data seeds x seeds | copies | truth | coverage | width | error | before | "
          "power | before |\n|---|---|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    begin = time.monotonic()
    for number, design in enumerate(DESIGNS):
        if asked.designs is None or number in asked.designs:
            told = tell(design, asked.datasets)
            error, old = ("", "") if design.gain else (f"{told.any_shown:.3f}", f"{told.any_before:.3f}")
            print(f"| {design.text} | {told.truth:.1f} | {told.coverage:.3f} | {told.width:.1f} | {error} | {old} | "
                  f"{told.power:.2f} | {told.power_before:.2f} |", flush=True)  # fmt: skip
    print(f"{asked.datasets} data sets of each design, {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
