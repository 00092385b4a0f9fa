"""How often the intervals of owners' Shapley values hold the truth, for ``python -m benchmarks.coverage``.

Five owners of unequal size, of whom the second has false labels. Every coalition learns from the points of its owners;
the truth is the mean over data sets of what the models of a data set are worth on points that nobody has.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.simulated import FOLDS, POINTS, TESTED, Floats, balanced, cut, draw, learn, parts, result
from fedsky.report import coalitions, shapley
from fedsky.report.coalitions import Found
from fedsky.report.groups import ComparableGroups, Group

SHARES = (0.4, 0.25, 0.15, 0.1, 0.1)
LIAR = 1


@dataclass(frozen=True)
class Worth:
    """Seeds of one draw of five folds."""

    seeds: int = 1

    @property
    def text(self) -> str:
        return f"Shapley values of {len(SHARES)} owners, {FOLDS} x 1 x {self.seeds}"


@dataclass(frozen=True)
class Told:
    """Shares of the data sets: in which all intervals hold at once, and of the single ones; width in points.

    last: in how many the owner with false labels is shown to be worth less than each other; wrong: another one.
    """

    together: float
    single: float
    width: float
    last: float
    wrong: float


def simulate(design: Worth, seed: int) -> tuple[Found, Floats]:
    """What the report finds on a data set, and what its models are worth [owners] on many other points."""
    generator = np.random.default_rng(seed)
    points, labels, group = draw(generator, POINTS, (1.0,), 1)
    others, truth, _ = draw(generator, TESTED, (1.0,), 1)
    fold_of, turn = cut(labels, group, 1000 * seed)
    owner = np.searchsorted(np.cumsum(SHARES)[:-1], generator.random(POINTS), side="right")
    told = np.where(owner == LIAR, 1 - labels, labels)
    players = shapley.exact(len(SHARES))
    groups, reached = [], np.zeros(len(players.coalitions))
    for number, coalition in enumerate(players.coalitions):
        own = Group("fedavg", {"num_clients": len(SHARES), "strategy.owners": sorted(coalition)}, {}, {}, "fedavg")
        member = np.isin(owner, sorted(coalition))
        for fold in range(FOLDS):
            train, test = parts(fold_of, turn, fold)
            train = train[member[train]]
            for run in range(design.seeds):
                chance = np.random.default_rng([seed, fold, run, number])
                judge = learn("bag", points[train], told[train], chance)
                key = (str(run), "0", f"{fold + 1}/{FOLDS}")
                predicted = judge(points[test]).astype(np.int64)
                # the report widens by what the training photographs of all owners share
                own.results[key] = result(
                    "fedavg", key, test, labels[test], predicted, group[test], 7 * len(test) // 2, owner[test]
                )
                reached[number] += balanced(judge(others) == truth, truth) / FOLDS / design.seeds
        groups.append(own)
    [game] = coalitions.games(ComparableGroups("simulated", [], parts=groups))
    return coalitions.find(game), players.weights @ reached - 0.5 / len(SHARES)


def tell(design: Worth, count: int) -> Told:
    """Simulates ``count`` data sets."""
    found, values = zip(*(simulate(design, seed) for seed in range(count)), strict=True)
    truth = np.mean(values, axis=0)
    held, widths = [], []
    for each in found:
        ends = {worth.owner: worth.shapley for worth in each.worths}
        own = []
        for owner, estimate in sorted(ends.items()):
            if estimate is None or estimate.low is None or estimate.high is None:
                own.append(True)
                continue
            own.append(estimate.low <= truth[owner] <= estimate.high)
            widths.append(estimate.high - estimate.low)
        held.append(own)
    last = [each.last for each in found]
    return Told(
        float(np.mean(np.all(held, axis=1))),
        float(np.mean(held)),
        100 * float(np.median(widths)),
        float(np.mean([each == LIAR for each in last])),
        float(np.mean([each not in (None, LIAR) for each in last])),
    )
