"""An owner that comes late: what that changes for the others and for itself, by hand; what is not compared."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedsky.report import late
from fedsky.report.page import write_report
from fedsky.report.selection import select
from fedsky.report.swept import sweeps

WriteRun = Callable[..., Path]


def write(write_run: WriteRun, root: Path, num_wrong: int, fold: int, **config: Any) -> None:
    """40 photographs of a fold, by owner in turn, of which so many are judged wrongly."""
    wrong = set(np.random.default_rng([num_wrong, fold]).permutation(40)[:num_wrong].tolist())
    rows = []
    for image in range(40):
        label, other = ("cloudy", "sunny") if image % 2 else ("sunny", "cloudy")
        rows.append((f"{fold}-{image:02}", label, other if image in wrong else label, image % 3))
    counts = (([30, 10], [7, 7]), ([10, 5], [7, 6]), ([6, 4], [6, 7]))
    more = {"num_rounds": 20, "num_clients": 3, "data.fold": f"{fold}/2", **config}
    write_run(
        root / f"{num_wrong}-{fold}",
        predictions=rows,
        curve=(0.5,) * 20 + (1 - num_wrong / 40,),
        owners=(0.5, 0.5, 0.5),
        counts=counts,
        config=more,
    )


def accuracy(root: Path, num_wrong: int, clients: set[str], balanced: bool) -> float:
    """Of the photographs of both folds, from the files alone."""
    files = ((root / f"{num_wrong}-{fold}/predictions.csv").read_text() for fold in (1, 2))
    rows = [row for file in files for row in csv.DictReader(file.splitlines())]
    right = [(row["label"], row["label"] == row["predicted"]) for row in rows if row["client"] in clients]
    classes = ("cloudy", "sunny") if balanced else ("",)
    return float(np.mean([np.mean([is_right for label, is_right in right if label.endswith(c)]) for c in classes]))


@pytest.fixture
def late_runs(tmp_path: Path, write_run: WriteRun) -> Path:
    """Owner 2 is there from the start (4 of 40 wrong), from round 5 on (6), from 12 on (11) and never (15)."""
    for num_wrong, joins in ((4, None), (6, 5), (11, 12), (15, 21)):
        for fold in (1, 2):
            own = {"clients.join": None} if joins is None else {"clients.join.2": joins}
            write(write_run, tmp_path / "runs", num_wrong, fold, **own)
    return tmp_path / "runs"


def test_what_it_changes_is_that_of_the_files(late_runs: Path) -> None:
    [kind] = select([late_runs]).kinds
    found = late.find(kind)
    assert [(each.owner, each.joins, each.num_rounds) for each in found] == [(2, 5, 20), (2, 12, 20), (2, 21, 20)]
    for each, num_wrong in zip(found, (6, 11, 15), strict=True):
        for told, clients, balanced in ((each.others, {"0", "1"}, True), (each.own, {"2"}, False)):
            right = [accuracy(late_runs, wrong, clients, balanced) for wrong in (num_wrong, 4)]
            assert told is not None and told.value == pytest.approx(right[0] - right[1], abs=1e-12)
            if told.low is not None and told.high is not None:
                assert told.low < told.value < told.high
        assert each.others is not None and each.others.low is not None
    [sweep] = sweeps(kind)
    assert (sweep.name, sweep.values) == ("clients.join", ["{2: 5}", "{2: 12}", "{2: 21}", "null"])


@pytest.mark.usefixtures("no_pixels")
def test_the_page_has_its_sentences_and_its_table(late_runs: Path, tmp_path: Path) -> None:
    page = write_report([late_runs], tmp_path / "out").read_text()
    assert "What changes when an owner comes late" in page
    assert "owner 2 joins fedavg in round 5 of 20 instead of round 1: the others -" in page
    assert "owner 2 never joins fedavg, which ends after round 20: the others -" in page
    with (tmp_path / "out/tables/late.csv").open() as file:
        rows = list(csv.DictReader(file))
    [kind] = select([late_runs]).kinds
    told = [each.others.value for each in late.find(kind) if each.others]
    assert [float(row["others"]) for row in rows] == pytest.approx(told) and [row["joins"] for row in rows] == [
        "5",
        "12",
        "21",
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"clients.join.2": 5, "lr": 0.3},
        {"clients.join.0": 5, "clients.join.2": 5},
        {"clients.join.nobody": 5},
    ],
)
def test_other_settings_several_owners_or_none_are_not_compared(
    tmp_path: Path, write_run: WriteRun, other: dict[str, Any]
) -> None:
    for fold in (1, 2):
        write(write_run, tmp_path, 4, fold, **{"clients.join": None, "lr": 0.1})
        write(write_run, tmp_path, 6, fold, **{"lr": 0.1, **other})
    [kind] = select([tmp_path]).kinds
    assert late.find(kind) == []
