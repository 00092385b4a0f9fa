"""What is read of a run folder: what was spent by each round, the owners round by round, the probabilities."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_files import rows_of

from fedsky.history import read_run
from fedsky.report.reading import numbers
from fedsky.report.results import Result, read_result
from fedsky.untrusted import number

WriteRun = Callable[..., Path]


def result_of(folder: Path) -> Result:
    result = read_result(read_run(folder), folder.name)
    assert isinstance(result, Result)
    return result


def rewrite(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_what_is_spent_adds_up_over_the_rounds(tmp_path: Path, write_run: WriteRun) -> None:
    folder = write_run(tmp_path / "a", num_bytes=2_000_000, seconds=1.5)
    rows = rows_of(folder, "rounds")
    rewrite(
        folder / "rounds.jsonl",
        [row | {"num_steps": 10 * row["round"], "virtual_seconds": 2.5 * row["round"]} for row in rows],
    )
    result = result_of(folder)
    assert list(result.spent("round")) == [0, 1, 2]
    assert list(result.spent("megabytes")) == [0, 4, 8]
    assert list(result.spent("seconds")) == [0, 1.5, 3]
    assert list(result.spent("steps")) == [0, 10, 30]
    assert list(result.spent("virtual_seconds")) == [0, 2.5, 5]  # the file has sums already
    assert result.seconds == 3


def test_after_a_gap_in_the_count_nothing_is_known(tmp_path: Path, write_run: WriteRun) -> None:
    folder = write_run(tmp_path / "a", curve=(0.5, 0.6, 0.7, 0.8), config={"num_rounds": 3}, num_bytes=1_000_000)
    rows = rows_of(folder, "rounds")
    rows[2]["bytes_up"] = None
    rewrite(folder / "rounds.jsonl", rows)
    assert list(np.isnan(result_of(folder).spent("megabytes"))) == [False, False, True, True]
    rewrite(folder / "rounds.jsonl", [row for row in rows if row["round"] != 1])
    spent = result_of(folder).spent("megabytes")
    assert list(spent.index) == [0, 2, 3]
    assert list(np.isnan(spent)) == [False, True, True]


def test_pooled_training_sends_nothing(tmp_path: Path, write_run: WriteRun) -> None:
    result = result_of(write_run(tmp_path / "a", "centralized", num_bytes=None))
    assert list(result.spent("megabytes")) == [0, 0, 0]


def test_the_seconds_of_clients_are_summed_and_the_longest_kept(tmp_path: Path, write_run: WriteRun) -> None:
    folder = write_run(tmp_path / "a")
    timing: list[dict[str, Any]] = [
        {"round": 1, "client": None, "round_seconds": 5.0},
        {"round": 1, "client": 0, "train_seconds": 1.0, "evaluate_seconds": None},
        {"round": 1, "client": 1, "train_seconds": 3.0, "evaluate_seconds": None},
        {"round": 2, "client": None, "round_seconds": 4.0},
        {"round": 2, "client": 1, "train_seconds": "fast", "evaluate_seconds": 0.5},
    ]
    rewrite(folder / "timing.jsonl", timing)
    rounds = result_of(folder).rounds
    assert rounds.loc[1, "train_seconds"] == 4
    assert rounds.loc[1, "longest_train_seconds"] == 3
    assert rounds["evaluate_seconds"].isna()[1] and rounds["train_seconds"].isna()[2]
    assert rounds.loc[2, "longest_evaluate_seconds"] == 0.5


def test_owners_are_known_in_every_round(tmp_path: Path, write_run: WriteRun) -> None:
    folder = write_run(tmp_path / "a")
    rows: list[dict[str, Any]]
    rows = [
        {"round": number, "client": client, "accuracy": 0.1 * number + 0.2 * client, "num_test": 20}
        for number in range(3)
        for client in range(2)
    ]
    rows += [{"round": 1, "client": "x", "accuracy": 1.0}, {"round": 1, "client": True, "accuracy": 1.0}]
    rewrite(folder / "clients.jsonl", rows)
    table = result_of(folder).owner_rounds
    assert table.shape == (3, 2)
    assert table.loc[2, 1] == pytest.approx(0.4)


def test_probabilities_are_read_and_checked(tmp_path: Path, write_run: WriteRun, judge: Callable[..., Any]) -> None:
    folder = write_run(tmp_path / "a", predictions=judge(*range(8)))
    result = result_of(folder)
    table = result.probabilities()
    assert table is not None
    assert list(table.columns) == ["cloudy", "sunny"]
    assert table.shape == (40, 2)
    text = (folder / "predictions.csv").read_text().replace("0.5,0.5", "0.5,0.7")
    (folder / "predictions.csv").write_text(text)
    assert result.probabilities() is None
    assert result.problems[-1] == "predictions.csv: the probabilities of an image do not add up to 1"


@pytest.mark.parametrize(
    ("config", "machine", "expected"),
    [({"kind": "inline"}, 8, 1), ({"kind": "ray", "num_actors": 3}, 8, 3), ({"kind": "ray", "num_actors": None}, 8, 8)],
)
def test_how_many_clients_train_at_once(
    tmp_path: Path, write_run: WriteRun, config: dict[str, Any], machine: int, expected: int
) -> None:
    folder = write_run(tmp_path / "a", config={"engine": config}, info={"machine": {"num_cores": machine}})
    assert result_of(folder).clients_at_once == expected


def test_many_numbers_are_checked_as_one_is() -> None:
    values = [0.5, None, True, "0.5", 3, 10**400, float("inf"), -1.0]
    assert np.array_equal(numbers(values, 0, 1), [number(value, 0, 1) for value in values], equal_nan=True)
    floats = [0.5, None, float("inf"), -1.0, 2.0]
    assert np.array_equal(numbers(floats, 0, 1), [number(value, 0, 1) for value in floats], equal_nan=True)
    assert list(numbers(floats, 0, 1)[:1]) == [0.5]
