"""Settings that cut the photographs anew: one kind of data, and differences pair where photographs are the same."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from fedsky.report import verdict, words
from fedsky.report.comparisons import Comparison, compare_all
from fedsky.report.selection import select

WriteRun = Callable[..., Path]

IMAGES, FOLD = 40, 20
# Two ways to cut: in both, each fold has ten cloudy (even) and ten sunny (odd) images, half of a fold's in common.
PLAIN, MIXED = list(range(40)), [*range(10), *range(20, 30), *range(10, 20), *range(30, 40)]


def write_cut(
    folder: Path, write_run: WriteRun, clients: int, wrong: set[int], order: Sequence[int], folds: int
) -> None:
    """A run a fold; the images of a fold are those at its places of the order."""
    for fold in range(folds):
        mine = order[fold * FOLD : (fold + 1) * FOLD]
        rows: list[tuple[Any, ...]] = []
        for number in mine:
            label, other = ("cloudy", "sunny") if number % 2 == 0 else ("sunny", "cloudy")
            rows.append((f"{number:03}", label, other if number in wrong else label))
        score = 1 - len(wrong & set(mine)) / FOLD
        write_run(
            folder / f"{clients}-{fold}",
            predictions=rows,
            curve=(0.5, 0.5, score),
            owners=(score,),
            counts=(([30, 30], [10, 10]),),
            config={"num_clients": clients, "data.fold": f"{fold + 1}/2"},
        )


def only(folder: Path) -> Comparison:
    selection = select([folder])
    assert not any("Not comparable" in note for note in selection.notes)
    [kind] = selection.kinds
    assert [group.label for group in kind.groups] == ["fedavg, num_clients=2", "fedavg, num_clients=5"]
    [comparison] = compare_all(kind)
    assert comparison.first.label == "fedavg, num_clients=5"
    return comparison


def shares(wrong: set[int], images: Sequence[int]) -> NDArray[np.float64]:
    """[IMAGES]: what each image puts into a balanced accuracy, about its class's mean; 0 for images not tested."""
    found: NDArray[np.float64] = np.zeros(IMAGES)
    for side in (0, 1):
        mine = [number for number in images if number % 2 == side]
        right = np.array([number not in wrong for number in mine], dtype=float)
        found[mine] = (right - right.mean()) / len(mine) / 2
    return np.asarray(found * np.sqrt(len(images) / (len(images) - 1)))


def half(comparison: Comparison) -> float:
    assert comparison.difference is not None and comparison.difference.high is not None
    return comparison.difference.high - comparison.difference.value


# In each fold of each cut two, or five, of either class are wrong, so that runs differ by no more than photographs.
FEW, MANY = {0, 1, 10, 11, 20, 21, 30, 31}, {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33}


def test_where_folds_cover_the_same_photographs_they_pair(tmp_path: Path, write_run: WriteRun) -> None:
    write_cut(tmp_path, write_run, 2, FEW, PLAIN, 2)
    write_cut(tmp_path, write_run, 5, MANY, MIXED, 2)
    found = only(tmp_path)
    assert found.difference is not None and found.difference.value == pytest.approx(-8 / 40)
    assert (found.pairing, found.splits, found.difference.photographs) == ("over folds", 2, 40)
    variance = ((shares(MANY, PLAIN) - shares(FEW, PLAIN)) ** 2).sum() * (1 + 20 / 60)
    assert half(found) == pytest.approx(stats.t.ppf(0.975, 38) * np.sqrt(variance))
    apart = np.sqrt((shares(MANY, PLAIN) ** 2).sum() + (shares(FEW, PLAIN) ** 2).sum())
    assert apart > 1.2 * np.sqrt(variance / (1 + 20 / 60)), "unpaired it would be wider"


@pytest.mark.parametrize(("other", "pairing"), [(MIXED, "partly"), ([*range(20, 40)], "unpaired"), (PLAIN, "paired")])
def test_one_fold_pairs_what_both_have_tested(
    tmp_path: Path, write_run: WriteRun, other: list[int], pairing: str
) -> None:
    write_cut(tmp_path, write_run, 2, FEW, PLAIN, 1)
    write_cut(tmp_path, write_run, 5, MANY, other, 1)
    found = only(tmp_path)
    assert (found.pairing, found.splits) == (pairing, 1)
    first, second = shares(MANY, other[:FOLD]), shares(FEW, PLAIN[:FOLD])
    tested = len(set(other[:FOLD]) | set(PLAIN[:FOLD]))
    freedom = tested - (1 if pairing == "paired" else 2)
    assert half(found) == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(((first - second) ** 2).sum()))
    marked = {
        "partly": "paired where both tested a photograph",
        "paired": "20.0 points worse",
        "unpaired": "unpaired, as each tested other photographs",
    }
    assert marked[pairing] in words.sentence(found)
    about = " ".join(verdict.scope(select([tmp_path]).kinds[0]))
    assert ("each tested on one split of their own" in about) == (pairing != "paired")


def test_a_sweep_of_how_many_are_drawn_is_one_kind(tmp_path: Path, write_run: WriteRun) -> None:
    for count in (100, 200):
        write_run(tmp_path / str(count), config={"data.count": count}, info={"data.fingerprint": f"f{count}"})
    selection = select([tmp_path])
    assert [[group.label for group in kind.groups] for kind in selection.kinds] == [
        ["fedavg, count=100", "fedavg, count=200"]
    ]
    assert selection.notes == []


def test_the_same_settings_on_other_photographs_are_not_compared(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a", config={"data.count": 100}, info={"data.fingerprint": "f1"})
    write_run(tmp_path / "b", "fedprox", config={"data.count": 100}, info={"data.fingerprint": "f2"})
    selection = select([tmp_path])
    assert len(selection.kinds) == 2
    assert selection.notes[0].startswith("Not comparable: 2 kinds of data")


def test_a_kind_is_called_by_what_its_runs_share(tmp_path: Path, write_run: WriteRun) -> None:
    alpha = {"partition._target_": "fedsky.partition.dirichlet", "num_clients": 5, "num_rounds": 2}
    for seed in range(3):
        for value in (0.1, 10):
            write_run(
                tmp_path / f"{seed}{value}",
                seed=seed,
                config={**alpha, "partition.alpha": value},
                choices={"partition": "dirichlet"},
            )
    [kind] = select([tmp_path]).kinds
    assert kind.title == (
        "rendered: cloudy and sunny, 32 pixels; 5 owners, dirichlet alpha 0.1 and 10, 2 rounds, 3 seeds, 40 test images"
    )
