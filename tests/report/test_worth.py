"""What each owner is worth, from runs: the numbers by hand, what is missing, and what is never compared."""

import csv
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedsky.config import compose, resolve
from fedsky.report import coalitions, shapley
from fedsky.report.coalitions import Found, Game, Worth
from fedsky.report.groups import Group
from fedsky.report.page import write_report
from fedsky.report.selection import select
from fedsky.report.statistics import Estimate
from fedsky.report.views import worth
from fedsky.run import run

WriteRun = Callable[..., Path]
# Points that owners 0 to 2 add to what is right of 40 photographs, 20 a class; the last one does harm.
OWN = (9, 5, -4)


def write_coalition(write_run: WriteRun, root: Path, number: int, fold: int = 1, **more: Any) -> None:
    """A coalition's run: 20 photographs of each fold, 24 + OWN of 40 right, the wrong ones drawn anew for each."""
    right = 24 + sum(own for owner, own in enumerate(OWN) if number >> owner & 1)
    wrong = set(np.random.default_rng([number, fold]).permutation(40)[: 40 - right].tolist())
    rows = []
    for image in range(40):
        label, other = ("cloudy", "sunny") if image % 2 else ("sunny", "cloudy")
        rows.append((f"{fold}-{image:02}", label, other if image in wrong else label, image % 3))
    config = {"num_clients": 3, "strategy.owners": number, "data.fold": f"{fold}/2", **more.pop("config", {})}
    counts = (([30, 10], [7, 7]), ([10, 5], [7, 6]), ([6, 4], [6, 7]))
    write_run(
        root / f"{number}-{fold}",
        predictions=rows,
        curve=(0.5, right / 40),
        owners=(0.5, 0.5, 0.5),
        counts=counts,
        config={"num_rounds": 1, **config},
        **more,
    )


def found_in(root: Path) -> list[Found]:
    [kind] = select([root]).kinds
    return [coalitions.find(game) for game in coalitions.games(kind)]


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def accuracies(root: Path, clients: set[str] | None = None) -> dict[frozenset[int], float]:
    """Balanced accuracy of each coalition over its runs' photographs, from the files alone."""
    found: dict[frozenset[int], list[tuple[str, bool]]] = {}
    for path in root.rglob("predictions.csv"):
        number = int(path.parent.name.split("-")[0])
        rows = read(path)
        found.setdefault(frozenset(o for o in range(3) if number >> o & 1), []).extend(
            (row["label"], row["label"] == row["predicted"])
            for row in rows
            if clients is None or row["client"] in clients
        )
    return {
        each: float(
            np.mean([np.mean([r for label, r in rows if label == c]) for c in {label for label, _right in rows}])
        )
        for each, rows in found.items()
    }


def by_hand(reached: dict[frozenset[int], float]) -> np.ndarray:
    values = np.zeros(3)
    for order in permutations(range(3)):
        for place, owner in enumerate(order):
            before = frozenset(order[:place])
            values[owner] += (reached[before | {owner}] - (reached[before] if before else 0.5)) / 6
    return values


def check(root: Path, found: Found) -> None:
    """The values of real or written runs are those of the definition."""
    reached = accuracies(root)
    values = by_hand(reached)
    told = sorted(found.worths, key=lambda each: each.owner)
    assert [each.shapley.value for each in told if each.shapley] == pytest.approx(list(values), abs=1e-12)
    assert found.total == pytest.approx(reached[frozenset({0, 1, 2})] - 0.5) == pytest.approx(values.sum())
    for each in told:
        assert each.loss is not None and each.gain is not None
        others = accuracies(root, {str(owner) for owner in range(3) if owner != each.owner})
        everyone = frozenset({0, 1, 2})
        assert each.loss.value == pytest.approx(others[everyone] - others[everyone - {each.owner}], abs=1e-12)
    assert np.diff(values[[each.owner for each in found.worths]]).max() < 1e-9, "the highest first"


def test_values_are_those_of_the_definition(tmp_path: Path, write_run: WriteRun) -> None:
    for number in range(1, 8):
        for fold in (1, 2):
            write_coalition(write_run, tmp_path, number, fold)
    [found] = found_in(tmp_path)
    check(tmp_path, found)
    assert not found.missing and found.runs == 2 and found.photographs == 80 and not found.orders
    first = found.worths[0]
    assert (first.owner, first.photographs, found.worths[-1].owner) == (0, 40.0, 2)
    for each in found.worths:
        assert each.shapley and each.shapley.low is not None and each.shapley.high is not None
        assert each.shapley.low < each.shapley.value < each.shapley.high
        assert each.shapley.high - each.shapley.low < 0.6


@pytest.mark.usefixtures("no_pixels")
def test_the_page_tells_them_and_compares_no_coalition(tmp_path: Path, write_run: WriteRun) -> None:
    for number in range(1, 8):
        write_coalition(write_run, tmp_path / "runs", number)
    page = write_report([tmp_path / "runs"], tmp_path / "out").read_text()
    assert "What each owner is worth" in page and "fedavg: all 3 owners together reach 85.0 %." in page
    rows = read(tmp_path / "out/tables/worth.csv")
    assert [row["client"] for row in rows] == ["0", "1", "2"]
    assert not (tmp_path / "out/tables/comparisons.csv").exists()
    assert len(read(tmp_path / "out/tables/runs.csv")) == 7, "all are counted"
    [final] = read(tmp_path / "out/tables/final.csv")
    assert final["group"] == "fedavg"


@pytest.mark.usefixtures("no_pixels")
def test_a_sweep_that_has_just_begun_compares_no_coalition_either(tmp_path: Path, write_run: WriteRun) -> None:
    for number in (1, 2, 3):
        write_coalition(write_run, tmp_path / "runs", number)
    page = write_report([tmp_path / "runs"], tmp_path / "out").read_text()
    assert "4 of 7 coalitions have no finished run" in page and "++strategy.owners=4,5,6,7" in page
    assert not (tmp_path / "out/tables/comparisons.csv").exists()


@pytest.mark.parametrize(
    "command",
    [
        "python -m fedsky -m experiment=worth 'strategy.owners=range(1,4)' data.fold=1/2",
        "python -m fedsky experiment=worth strategy.owners=[0,1] hydra.run.dir=/tmp/x data.fold=1/2",
    ],
)
def test_missing_coalitions_are_told_with_the_command_that_adds_them(
    tmp_path: Path, write_run: WriteRun, command: str
) -> None:
    for number in (1, 2, 3, 5, 7):
        write_coalition(write_run, tmp_path, number, info={"command": command})
    [found] = found_in(tmp_path)
    assert all(each.shapley is None for each in found.worths)
    assert found.missing == (
        "2 of 7 coalitions have no finished run on the test photographs of the others. This adds them: "
        "python -m fedsky -m experiment=worth data.fold=1/2 ++strategy.owners=4,6"
    )
    losses = {each.owner: each.loss for each in found.worths}
    assert losses[0] is None and losses[1] is not None and losses[2] is not None, "without owner 0 nothing was run"


def test_a_coalition_on_other_photographs_is_missing(tmp_path: Path, write_run: WriteRun) -> None:
    for number in range(1, 7):
        write_coalition(write_run, tmp_path, number)
    write_coalition(write_run, tmp_path, 7, fold=2)
    [found] = found_in(tmp_path)
    assert "1 of 7 coalitions have no finished run on the test photographs of the others (1 have runs on others)." in (
        found.missing
    )


@pytest.mark.slow
def test_seven_owners_are_told_from_a_sample_of_orders(tmp_path: Path, write_run: WriteRun) -> None:
    own = np.array([5, 4, 3, 3, 2, 1, -2])
    for each in shapley.planned(7):
        right = set(np.random.default_rng(len(each)).permutation(40)[: 20 + own[sorted(each)].sum()].tolist())
        rows = [(f"{image:02}", *("ab" if image % 2 else "ba"), image % 7) for image in range(40)]
        rows = [
            (name, label, label if image in right else other, client)
            for image, (name, label, other, client) in enumerate(rows)
        ]
        number = sum(1 << owner for owner in each)
        write_run(
            tmp_path / str(number),
            predictions=rows,
            curve=(0.5, len(right) / 40),
            owners=(0.5,) * 7,
            counts=[([5, 5], [3, 3])] * 6 + [([5, 5], [2, 2])],
            config={"num_clients": 7, "num_rounds": 1, "strategy.owners": number},
        )
    [found] = found_in(tmp_path)
    assert found.orders == 2 * 2 * 7 and found.photographs == 40
    values = {each.owner: each.shapley.value for each in found.worths if each.shapley}
    assert [values[owner] for owner in range(7)] == pytest.approx(own / 40, abs=1e-12)
    assert found.total == pytest.approx(16 / 40)


def test_small_real_runs_recomputed(tmp_path: Path) -> None:
    asked = ["experiment=worth", "engine=inline", "num_clients=3", "num_rounds=4", "local_epochs=2", "checkpoint=false"]
    points = {"data": {"_target_": "tiny.points", "fold": "1/3"}, "model": {"_target_": "tiny.linear"}}
    for number in range(1, 8):
        config: dict[str, Any] = resolve(compose([*asked, f"strategy.owners={number}"]))
        run(config | points, tmp_path / f"{number}-1", {"strategy": "fedavg"})
    [found] = found_in(tmp_path)
    check(tmp_path, found)
    assert found.worths[0].shapley is not None and found.worths[0].shapley.low is not None


def test_a_bound_that_rounding_makes_is_no_harm() -> None:
    """What lies below 0 by rounding alone is 0."""
    for high, harm in ((-1.1e-16, False), (-1e-6, True)):
        worst = Worth(1, "b", 10.0, Estimate(-0.05, -0.1, high, 5, photographs=50), None, None)
        best = Worth(0, "a", 10.0, Estimate(0.2, 0.1, 0.3, 5, photographs=50), None, None)
        group = Group("fedavg", {}, {}, {}, "fedavg")
        told = worth.sentences(Found(Game(group, {}, 2), [best, worst], 0.15, 0.5, 5, 50))
        assert ("Shown to do harm: b." in told) is harm
