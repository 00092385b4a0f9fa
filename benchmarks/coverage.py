"""``python -m benchmarks.coverage``: how often the report's interval holds the truth, by simulation.

Data sets of points whose truth is known are cut, learned from and judged as a sweep of runs would, by small real
learners; the judgements go through the report's own functions, as groups of results. Of each design are told:

coverage: the share of data sets whose interval of the first federation against training alone holds the truth (95 %
asked for); error: in how many at least one planned comparison is called shown though nothing differs (5 % at most);
power: in how many the first comparison is shown; before: the same by the report of before 0.2.0 (corrected resampled t
over runs, p after Holm). The truth is the difference of what the learners reach on average over data sets; where all
is one split, it is that of the very models that were trained.

Also of Shapley values (coverage_worth.py) and of differences across cuts, as in a sweep over num_clients
(coverage_cuts.py).
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks import coverage_cuts, coverage_worth
from benchmarks.coverage_cuts import Cuts
from benchmarks.coverage_worth import Worth
from benchmarks.simulated import FEATURES, FOLDS, POINTS, TESTED, balanced, cut, draw, held, learn, parts, result
from fedsky.report.comparisons import Comparison, compare, planned
from fedsky.report.groups import ComparableGroups, Group


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
DESIGNS: list[Design | Worth | Cuts] = [
    *(Design(unlike=unlike, seeds=seeds) for unlike in (True, False) for seeds in (1, 2, 3, 5)),
    *(Design(unlike=unlike, data_seeds=3) for unlike in (True, False)),
    *(Design(copies=copies) for copies in (2, 4)),
    *(Design(gain=gain) for gain in (0.12, 0.32, 0.75)),
    Design(gain=0.32, data_seeds=3),
    *(Design(federated=11, unlike=unlike) for unlike in (True, False)),
    *(Design("stump", unlike) for unlike in (True, False)),
    *(Design("nearest", unlike) for unlike in (True, False)),
    Design("nearest", seeds=1),
    *(Design(folds=1, unlike=unlike) for unlike in (True, False)),
    Design(folds=1, gain=0.32),
    *(Worth(seeds) for seeds in (1, 3)),
    *(Cuts(unlike=unlike, seeds=seeds) for unlike in (True, False) for seeds in (1, 3)),
    Cuts(gain=0.32),
    Cuts(folds=1),
]


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
            train, test = parts(fold_of, turn, fold)
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
    rows, differences, truths = [], [], []
    for seed in range(count):
        kind, truth = simulate(design, seed)
        differences.append(compare(kind.groups[1], kind.groups[0]).difference)
        family = planned(kind)
        old = before(family)
        rows.append((any(each.is_shown for each in family), family[0].is_shown, any(old), old[0]))
        truths.append(truth)
    return Told(*held(differences, truths, design.gain, design.folds), *map(float, np.mean(rows, axis=0)))


def main() -> None:
    """Prints one row a design."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=200, help="data sets of each design")
    parser.add_argument("--designs", type=int, nargs="*", help="which designs, by number from 0; all if not given")
    asked = parser.parse_args()
    heads = {
        Design: "| learners | federated | folds x data seeds x seeds | copies | truth | coverage | width | error | "
        "before | power | before |",
        Worth: "| values | all at once | single | width | liar last | another last |",
        Cuts: "| sweep | truth | coverage | width | error | power |",
    }
    begin, last = time.monotonic(), None
    for number, design in enumerate(DESIGNS):
        if asked.designs is not None and number not in asked.designs:
            continue
        if type(design) is not last:
            last = type(design)
            print(f"\n{heads[last]}\n" + "|---" * (heads[last].count("|") - 1) + "|", flush=True)
        print(f"| {design.text} | {' | '.join(cells(design, asked.datasets))} |", flush=True)
    print(f"\n{asked.datasets} data sets of each design, {time.monotonic() - begin:.0f} s")


def cells(design: Design | Worth | Cuts, count: int) -> list[str]:
    """What a design came to, as a row of its table."""
    if isinstance(design, Worth):
        owners = coverage_worth.tell(design, count)
        return [
            f"{owners.together:.3f}",
            f"{owners.single:.3f}",
            f"{owners.width:.1f}",
            f"{owners.last:.2f}",
            f"{owners.wrong:.3f}",
        ]
    if isinstance(design, Cuts):
        swept = coverage_cuts.tell(design, count)
        error = "" if design.gain else f"{swept.any_shown:.3f}"
        return [f"{swept.truth:.1f}", f"{swept.coverage:.3f}", f"{swept.width:.1f}", error, f"{swept.power:.2f}"]
    told = tell(design, count)
    error, old = ("", "") if design.gain else (f"{told.any_shown:.3f}", f"{told.any_before:.3f}")
    return [
        f"{told.truth:.1f}",
        f"{told.coverage:.3f}",
        f"{told.width:.1f}",
        error,
        old,
        f"{told.power:.2f}",
        f"{told.power_before:.2f}",
    ]


if __name__ == "__main__":
    main()
