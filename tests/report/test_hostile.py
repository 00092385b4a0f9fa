"""Run folders of any content: told, escaped, never a traceback, never a number that no file has."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from run_files import info_of

from fedsky.history.columns import ROUNDS, TABLES
from fedsky.report import exports, terminal
from fedsky.report.page import write_report
from fedsky.report.selection import select
from fedsky.report.summary import compare

pytestmark = pytest.mark.usefixtures("no_pixels")

WriteRun = Callable[..., Path]
EVIL = [
    "<script>alert(1)</script>", "=HYPERLINK(\"x\")", "a,b\"c", "\\input{x} 50 % & $x_1$", "[red]x[/red]", "{first}",
    "\x1b[31m\x00\r\n", "\ud800", "名 字", "x" * 5000, "%s %(n)s", "../../etc", "",
]  # fmt: skip
TEXT = st.sampled_from(EVIL) | st.text(max_size=20)
NUMBER = st.sampled_from([0, -1, 10**400, 1e308, -1e308, 5e-324, math.nan, math.inf, True, 0.5]) | st.floats()
LEAF = st.none() | TEXT | NUMBER
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
# Where a value is put: run.json's key, or a column of a table.
PLACES = [
    "status", "started", "commit", "versions", "machine", "choices", "config", "data", "result", "choices.strategy",
    "choices.data", "config.seed", "config.data_seed", "config.num_rounds", "config.num_clients", "config.client_names",
    "config.data", "config.data.fold", "config.strategy", "config.strategy.mu", "config.engine", "data.classes",
    "data.image_size", "data.fingerprint", "result.round",
]  # fmt: skip
COLUMNS = (
    [("rounds", key) for key in TABLES[ROUNDS]]
    + [("clients", key) for key in ("round", "client", "num_test", "accuracy", "pooled_accuracy", "status")]
    + [("timing", key) for key in ("round", "client", "round_seconds", "train_seconds")]
)


def put(folder: Path, place: str, value: Any) -> None:
    info = info_of(folder)
    *path, last = place.split(".")
    target = info
    for name in path:
        target = target[name] if isinstance(target.get(name), dict) else target.setdefault(name, {})
    target[last] = value
    (folder / "run.json").write_text(json.dumps(info))


def put_column(folder: Path, table: str, column: str, number: int, value: Any) -> None:
    path = folder / f"{table}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[number % len(rows)][column] = value
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def whole_runs(write_run: WriteRun, folder: Path) -> None:
    for seed, value in enumerate((0.7, 0.75)):
        write_run(folder / f"good{seed}", "fedprox", seed, curve=(0.5, 0.6, value))


def check(folder: Path) -> None:
    """All products of a folder: the good runs' numbers are right, the rest is text and finite."""
    result = compare([folder])
    json.dumps(result, allow_nan=False)
    good = [group for kind in result["kinds"] for group in kind["groups"] if "good0" in group["runs"]]
    assert len(good) == 1
    finals = [each["value"] for each, run in zip(good[0]["seeds"], good[0]["runs"], strict=True) if run[:4] == "good"]
    assert finals == [0.7, 0.75]
    for kind in result["kinds"]:
        for group in kind["groups"]:
            for name in ("balanced_accuracy", "accuracy"):
                value = group["final"][name]["value"]
                assert value is None or 0 <= value <= 1
    selection = select([folder])
    assert exports.tidy_bytes(selection.kinds)
    with (folder / "terminal.txt").open("w", encoding="utf-8", errors="replace") as file:
        terminal.show(selection, console=Console(file=file))
    assert "\x1b" not in (folder / "terminal.txt").read_text(encoding="utf-8")


FUZZ = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.mark.slow
@FUZZ
@given(place=st.sampled_from(PLACES), value=VALUE)
def test_any_value_in_run_json(
    tmp_path_factory: pytest.TempPathFactory, write_run: WriteRun, place: str, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    whole_runs(write_run, folder)
    put(write_run(folder / "evil"), place, value)
    check(folder)


@pytest.mark.slow
@FUZZ
@given(place=st.sampled_from(COLUMNS), number=st.integers(0, 5), value=VALUE)
def test_any_value_in_a_table(
    tmp_path_factory: pytest.TempPathFactory, write_run: WriteRun, place: tuple[str, str], number: int, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    whole_runs(write_run, folder)
    put_column(write_run(folder / "evil"), *place, number, value)
    check(folder)


@pytest.mark.slow
@settings(FUZZ, max_examples=40)
@given(
    name=st.sampled_from(exports.INPUTS),
    content=st.binary(max_size=60)
    | st.sampled_from([b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"null", b'{"round": 0}'])
    | TEXT.map(lambda text: json.dumps({"clients": text, "classes": [text], "round": 1}).encode()),
)
def test_any_content_of_a_file(
    tmp_path_factory: pytest.TempPathFactory, write_run: WriteRun, name: str, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    whole_runs(write_run, folder)
    (write_run(folder / "evil") / name).write_bytes(content)
    check(folder)


@pytest.mark.parametrize("cut", [1, 10, 40, 120, 200])
@pytest.mark.parametrize("name", ["run.json", "rounds.jsonl", "clients.jsonl", "timing.jsonl", "partition.json"])
def test_a_file_cut_anywhere(tmp_path: Path, write_run: WriteRun, name: str, cut: int) -> None:
    whole_runs(write_run, tmp_path)
    path = write_run(tmp_path / "evil") / name
    path.write_bytes(path.read_bytes()[:-cut])
    check(tmp_path)


@pytest.mark.parametrize("name", ["run.json", "rounds.jsonl", "partition.json", "predictions.csv"])
def test_a_folder_in_place_of_a_file(tmp_path: Path, write_run: WriteRun, name: str) -> None:
    whole_runs(write_run, tmp_path)
    path = write_run(tmp_path / "evil") / name
    path.unlink(missing_ok=True)
    path.mkdir()
    check(tmp_path)


def test_a_page_of_evil_names_is_text_in_every_file(tmp_path: Path, write_run: WriteRun) -> None:
    """Every name that a folder can choose, at once: none is markup, a formula or a LaTeX command anywhere."""
    for number, evil in enumerate(text for text in EVIL if text != "\ud800"):
        write_run(
            tmp_path / "runs" / str(number),
            "local" if number == 0 else "fedavg",
            choices={"data": evil, "partition": evil},
            config={"strategy.mu": evil, "client_names": [evil, evil]},
            info={"commit": evil, "command": evil},
        )
    out = tmp_path / "out"
    page = write_report([tmp_path / "runs"], out).read_text(encoding="utf-8")
    assert "<script" not in page.lower()
    assert "&lt;script&gt;" in page
    for path in (out / "tables").glob("*.csv"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.match(r'"?[=@]', line), path.name
    for path in (out / "tables").glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        body = "".join(line for line in text.splitlines() if not line.startswith("%"))
        assert "\\input" not in body, path.name
        assert not re.search(r"(?<!\\)[%$#_]", body), path.name
