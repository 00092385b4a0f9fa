"""How often intervals of differences across cuts hold the truth, for ``python -m benchmarks.coverage``.

A sweep over the number of owners or over alpha cuts the photographs anew at each value: here two strategies at two
values, each value with folds of its own. What the report compares is one family: a strategy against the other at each
value, and each strategy's second value against its first.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.simulated import FEATURES, FOLDS, POINTS, TESTED, balanced, cut, draw, held, learn, parts, result
from fedsky.report.comparisons import compare, compare_all
from fedsky.report.groups import ComparableGroups, Group

VALUES = (2, 10)


@dataclass(frozen=True)
class Cuts:
    """unlike: whether the values' models see features of their own; gain: of the second value's signal."""

    unlike: bool = False
    seeds: int = 3
    folds: int = FOLDS
    gain: float = 0.0

    @property
    def text(self) -> str:
        """What was simulated."""
        like = "unlike" if self.unlike or self.gain else "alike"
        return f"two values of two strategies, {like}, {self.folds} x 1 x {self.seeds}"


@dataclass(frozen=True)
class Told:
    """Shares of the data sets, truth and width in points: of the first strategy's second value against its first.

    any_shown: where at least one comparison of the family is shown; power: where this one is, in that family.
    """

    coverage: float
    truth: float
    width: float
    any_shown: float
    power: float


def simulate(design: Cuts, seed: int) -> tuple[ComparableGroups, float]:
    """The groups of a data set, and how far the second value's models are from the first's on many other points."""
    generator = np.random.default_rng(seed)
    points, labels, group = draw(generator, POINTS, (1.0, 1.0 + design.gain), 1)
    others, truth, _ = draw(generator, TESTED, (1.0, 1.0 + design.gain), 1)
    groups: list[Group] = []
    reached: tuple[list[float], list[float]] = ([], [])
    for number, value in enumerate(VALUES):
        fold_of, turn = cut(labels, group, 1000 * seed + value)
        block = number if design.unlike or design.gain else 0
        features = slice(block * FEATURES, (block + 1) * FEATURES)
        for strategy in ("fedavg", "fedprox"):
            context = f"num_clients={value}"
            own = Group(strategy, {"num_clients": value}, {}, {}, f"{strategy}, {context}", context)
            for fold in range(design.folds):
                train, test = parts(fold_of, turn, fold)
                for run in range(design.seeds):
                    chance = np.random.default_rng([seed, value, fold, run, len(groups)])
                    judge = learn("bag", points[train, features], labels[train], chance)
                    predicted = judge(points[test, features]).astype(np.int64)
                    key = (str(run), "0", f"{fold + 1}/{FOLDS}")
                    own.results[key] = result(strategy, key, test, labels[test], predicted, group[test], len(train))
                    if strategy == "fedavg" and (design.folds == 1 or design.gain):
                        reached[number].append(balanced(judge(others[:, features]) == truth, truth))
            groups.append(own)
    first, second = (float(np.mean(each or 0)) for each in reached)
    return ComparableGroups("simulated", groups), second - first


def tell(design: Cuts, count: int) -> Told:
    """Simulates ``count`` data sets; on one fold the truth is that of the trained models, else that of the methods."""
    rows, differences, truths = [], [], []
    for seed in range(count):
        kind, truth = simulate(design, seed)
        first, second = kind.groups[0], kind.groups[2]
        differences.append(compare(second, first).difference)
        family = compare_all(kind)
        own = next(each for each in family if {each.first, each.second} == {first, second})
        rows.append((any(each.is_shown for each in family), own.is_shown))
        truths.append(truth)
    return Told(*held(differences, truths, design.gain, design.folds), *map(float, np.mean(rows, axis=0)))
