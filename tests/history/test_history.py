"""A run folder's files are written whole and read without trust."""

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from run_files import rows_of

from fedsky.history import Table, find_runs, finite, keep_rounds, read_lines, read_run, write_json, write_whole
from fedsky.history.columns import ROUNDS, TABLES

NAN, INF = float("nan"), float("inf")
DEEP = "[" * 200_000


def add(folder: Path, name: str, *rows: Mapping[str, Any]) -> None:
    table = Table(folder, name)
    table.append(rows)
    table.close()


def test_a_row_has_the_schemas_keys_in_its_order_and_null_where_nothing_is_known(tmp_path: Path) -> None:
    add(tmp_path, "rounds.jsonl", {"accuracy": 0.5, "round": 1, "loss": NAN})
    row = json.loads((tmp_path / "rounds.jsonl").read_text())
    assert tuple(row) == TABLES[ROUNDS]
    assert {key: value for key, value in row.items() if value is not None} == {"round": 1, "accuracy": 0.5}


def test_a_row_is_on_disk_before_the_table_is_closed(tmp_path: Path) -> None:
    table = Table(tmp_path, "timing.jsonl")
    table.append([{"round": 0}, {"round": 1}])
    assert [row["round"] for row in read_lines(table.path)[0]] == [0, 1]
    table.close()


def test_a_key_outside_the_schema_is_a_programmers_error(tmp_path: Path) -> None:
    table = Table(tmp_path, "rounds.jsonl")
    with pytest.raises(AssertionError, match="accuracies"):
        table.append([{"round": 0, "accuracies": 1.0}])
    table.close()


def test_nan_and_infinities_become_null_at_any_depth(tmp_path: Path) -> None:
    value = {"a": [1, NAN, (INF, 0.5)], 2: {"b": -INF, "c": "nan", "d": True, "e": None}}
    wanted = {"a": [1, None, [None, 0.5]], "2": {"b": None, "c": "nan", "d": True, "e": None}}
    assert finite(value) == wanted
    write_json(tmp_path / "x.json", value)
    assert json.loads((tmp_path / "x.json").read_text(), parse_constant=pytest.fail) == wanted


def test_a_json_file_is_the_same_bytes_for_the_same_value(tmp_path: Path) -> None:
    for name in "ab":
        write_json(tmp_path / name, {"name": "Wölkchen", "x": 0.1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert "Wölkchen" in (tmp_path / "a").read_text(encoding="utf-8")


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "run.json"
    write_whole(path, b"old")
    monkeypatch.setattr(os, broken, full)
    with pytest.raises(OSError, match=r"No space left.*run\.json"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_a_new_file_can_be_read_by_others_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "x"
    write_whole(path, b"content")
    assert path.read_bytes() == b"content" and path.stat().st_mode & 0o777 == 0o644


def test_a_cut_off_last_line_is_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "rounds.jsonl").write_text('{"round": 0}\n{"round": 1}\n{"round": 2, "lo')
    rows, problems = read_lines(tmp_path / "rounds.jsonl")
    assert [row["round"] for row in rows] == [0, 1]
    assert problems == ["rounds.jsonl line 3: not a row"]


@pytest.mark.parametrize(
    "line",
    ["", "null", "[1]", "7", '"round"', "{}", '{"round": null}', '{"round": "1"}', '{"round": 1.0}', '{"round": true}',
     '{"round": -1}', '{"round": [0]}', "<html>", "\x00", '{"round": 1', "9" * 5000, DEEP, '{"round":' + DEEP],
    ids=lambda line: str(line)[:16],
)  # fmt: skip
def test_a_foreign_line_is_no_row(tmp_path: Path, line: str) -> None:
    (tmp_path / "x.jsonl").write_text('{"round": 0}\n' + line + '\n{"round": 2}\n')
    rows, problems = read_lines(tmp_path / "x.jsonl")
    assert [row["round"] for row in rows] == [0, 2]
    assert problems == ["x.jsonl line 2: not a row"]


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'\xff\xfe\n{"round": 1}\n')
    assert read_lines(tmp_path / "x.jsonl") == ([{"round": 1}], ["x.jsonl line 1: not a row"])


def test_missing_files_are_problems_and_never_raised(tmp_path: Path) -> None:
    run = read_run(tmp_path)
    assert (run.rounds, run.clients, run.timing, run.partition, run.config, run.predictions()) == (
        [],
        [],
        [],
        {},
        {},
        [],
    )
    assert run.status == "unknown"
    assert {problem.split(":")[0] for problem in run.problems} == {"run.json", "partition.json", *TABLES}


@pytest.mark.parametrize("content", ["", "[]", "null", '{"status": ', DEEP, "NaN"], ids=lambda text: str(text)[:8])
def test_a_run_json_that_is_none_is_a_problem(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    run = read_run(tmp_path)
    assert run.info == {}
    assert any(problem.startswith("run.json: ") for problem in run.problems)


def test_a_whole_run_is_read_without_problems(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"status": "done", "config": {"seed": 1}})
    write_json(tmp_path / "partition.json", {"classes": ["a", "b"]})
    for name in TABLES:
        add(tmp_path, name, {"round": 0}, {"round": 1})
    (tmp_path / "predictions.csv").write_text("image,client\nx,0\n")
    run = read_run(tmp_path)
    assert run.problems == []
    assert (run.status, run.config, run.partition) == ("done", {"seed": 1}, {"classes": ["a", "b"]})
    assert len(run.rounds) == len(run.clients) == len(run.timing) == 2
    assert run.predictions() == [{"image": "x", "client": "0"}]


def test_predictions_that_are_no_table_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "predictions.csv").write_bytes(b'a,b\n"' + b"x" * 200_000 + b"\xff")
    run = read_run(tmp_path)
    assert run.predictions() == []
    assert run.problems[-1].startswith("predictions.csv: ")


def test_keep_rounds_cuts_every_table_back_to_the_same_bytes(tmp_path: Path) -> None:
    for name in TABLES:
        add(tmp_path, name, {"round": 0}, {"round": 1})
    before = {name: (tmp_path / name).read_bytes() for name in TABLES}
    for name in TABLES:
        add(tmp_path, name, {"round": 2}, {"round": 3})
        with (tmp_path / name).open("a") as file:
            file.write('{"round": 4, "clie')
    keep_rounds(tmp_path, 1)
    assert {name: (tmp_path / name).read_bytes() for name in TABLES} == before
    keep_rounds(tmp_path, -1)
    assert all((tmp_path / name).read_bytes() == b"" for name in TABLES)


def test_every_run_is_found_once_in_the_order_of_its_path(tmp_path: Path) -> None:
    for name in ("b/2", "b/10", "a"):
        write_json(tmp_path / name / "run.json", {})
    (tmp_path / "b" / "empty").mkdir()
    found = list(find_runs([tmp_path, tmp_path / "b"]))
    assert found == [tmp_path / "a", tmp_path / "b" / "10", tmp_path / "b" / "2"]


def test_a_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere is not a folder: name one or more folders"):
        list(find_runs([tmp_path / "nowhere"]))


@pytest.mark.parametrize(
    ("lines", "rounds", "bad"),
    [
        (['{"round": 0}', '{"round": 1}'], [0, 1], []),
        (['{"round": 0}', '{"round": 1'], [0], [2]),
        (['{"round": 0} , {"round": 1}', '{"x": [{"y": 1}', '{"z": 2}]}'], [], [1, 2, 3]),
        (['{"round": 0, "x": "}', '{", "round": 1}', '{"round": 2}'], [2], [1, 2]),
        (['{"round": 0, "x": {"y": 1}}', '{"round": 1}'], [0, 1], []),
        (['{"round": 0, "x": "{"}', "", '{"round": 1}'], [0, 1], [2]),
    ],
)
def test_lines_that_only_together_are_json_are_no_rows(
    tmp_path: Path, lines: list[str], rounds: list[int], bad: list[int]
) -> None:
    (tmp_path / "rounds.jsonl").write_text("\n".join(lines))
    rows, problems = read_lines(tmp_path / "rounds.jsonl")
    assert [row["round"] for row in rows] == rounds
    assert problems == [f"rounds.jsonl line {number}: not a row" for number in bad]


@pytest.mark.parametrize(
    ("info", "role"),
    [
        ({"role": "pooled", "config": {"strategy": {"_target_": "mine.Everything"}}}, "pooled"),
        ({"role": "alone"}, "alone"),
        ({"role": "none of these", "config": {"strategy": {"_target_": "baselines.local.Local"}}}, "alone"),
        ({"config": {"strategy": {"_target_": "baselines.local.Local"}}}, "alone"),
        ({"config": {"strategy": {"_target_": "baselines.centralized.Centralized"}}}, "pooled"),
        ({"config": {"strategy": {"_target_": "strategies.fedprox.FedProx"}}}, "federated"),
        ({"config": {"strategy": 3}}, "federated"),
        ({"role": ["alone"]}, "federated"),
    ],
)
def test_the_role_of_a_run_and_of_one_before_it_was_written(tmp_path: Path, info: dict[str, Any], role: str) -> None:
    write_json(tmp_path / "run.json", info)
    assert read_run(tmp_path).role == role


def test_a_column_of_an_earlier_version_is_read_by_its_name_of_today(tmp_path: Path) -> None:
    (tmp_path / "rounds.jsonl").write_text(
        '{"round": 0, "loss": 0.5, "num_clients": 0, "num_steps": 1}\n{"round": 1, "num_trained": 3, "num_steps": {}}\n'
    )
    first, second = read_lines(tmp_path / "rounds.jsonl")[0]
    assert list(first.items()) == [("round", 0), ("loss", 0.5), ("num_trained", 0), ("num_steps", 1)]
    assert second["num_trained"] == 3
    for name in ("clients.jsonl", "timing.jsonl"):
        (tmp_path / name).touch()
    keep_rounds(tmp_path, 0)  # a run of an earlier version that is resumed goes on under the new name
    add(tmp_path, "rounds.jsonl", {"round": 1, "num_trained": 2})
    rows = rows_of(tmp_path, "rounds")
    assert [row["num_trained"] for row in rows] == [0, 2]
    assert not any("num_clients" in row for row in rows)
