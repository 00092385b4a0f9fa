"""The command: what it writes, prints and refuses."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from fedsky.report import __main__ as command

pytestmark = pytest.mark.usefixtures("no_pixels")

WriteRun = Callable[..., Path]


@pytest.fixture
def runs(tmp_path: Path, write_run: WriteRun) -> Path:
    for strategy, value in (("local", 0.7), ("fedavg", 0.8), ("fedprox", 0.9)):
        for seed in range(3):
            write_run(tmp_path / "runs" / f"{strategy}{seed}", strategy, seed, curve=(0.5, 0.5, value + seed**2 / 100))
    return tmp_path / "runs"


def ask(*words: str | Path) -> Result:
    app = typer.Typer()
    app.command()(command.main)
    return CliRunner().invoke(app, [str(word) for word in words])


def pairs(out: Path) -> set[tuple[str, str]]:
    with (out / "tables" / "comparisons.csv").open(newline="") as file:
        return {(row["first"], row["second"]) for row in csv.DictReader(file)}


def test_the_path_of_the_page_is_the_last_line_below_the_table(runs: Path) -> None:
    done = ask(runs)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[-1] == str(runs / "report" / "index.html")
    assert any(line.startswith(" fedprox  ") for line in lines[:-1])
    assert done.stderr == ""


def test_every_file_stands_in_the_manifest_with_its_hash(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert ask(runs, "--out", out, "--where", "strategy=fedavg,fedprox", "--baseline", "fedavg").exit_code == 0
    manifest = json.loads((out / "manifest.json").read_text())
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == set(files) - {"manifest.json"}
    assert {"index.html", "tables/final.csv", "tables/result.tex", "tables/tidy.csv.gz"} <= set(files)
    for name, told in manifest["files"].items():
        assert told == {"bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}
    assert set(manifest["inputs"]) == {f"{name}{seed}" for name in ("fedavg", "fedprox") for seed in range(3)}
    assert manifest["asked_for"] == {
        "lang": "en",
        "group_by": [],
        "where": ["strategy=fedavg,fedprox"],
        "baseline": "fedavg",
        "margin": 0.02,
    }
    assert str(tmp_path) not in (out / "manifest.json").read_text()


def test_a_baseline_is_what_all_others_are_compared_with(runs: Path, tmp_path: Path) -> None:
    assert ask(runs, "--out", tmp_path / "all").exit_code == 0
    assert pairs(tmp_path / "all") == {("fedavg", "local"), ("fedprox", "local"), ("fedprox", "fedavg")}
    assert ask(runs, "--out", tmp_path / "one", "--baseline", "fedavg").exit_code == 0
    assert pairs(tmp_path / "one") == {("fedavg", "local"), ("fedprox", "fedavg")}


def test_chinese_with_the_same_numbers(runs: Path, tmp_path: Path) -> None:
    done = ask(runs, "--out", tmp_path / "zh", "--lang", "zh")
    assert done.exit_code == 0, done.output
    assert "平衡准确率" in done.stdout
    page = (tmp_path / "zh" / "index.html").read_text()
    assert '<html lang="zh' in page
    assert "fedprox 比 local 高 20.0 个百分点" in page
    assert ask(runs, "--out", tmp_path / "en").exit_code == 0
    for name in ("comparisons", "final", "runs"):
        english, chinese = ((tmp_path / lang / "tables" / f"{name}.csv").read_text() for lang in ("en", "zh"))
        for lang, text in (("en", english), ("zh", chinese)):
            assert text.splitlines()[0] == english.splitlines()[0], lang
        assert [line.split(",")[-1] for line in english.splitlines()] == [
            line.split(",")[-1] for line in chinese.splitlines()
        ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--where", "stratgy=fedavg"], "where=stratgy: no run has a setting of that name; did you mean strategy?"),
        (["--where", "strategy=fedavgx"], "where strategy=fedavgx: no run has that; strategy is fedavg, "),
        (["--group-by", "nothing"], "group-by=nothing: no run has a setting of that name, such as num_clients or"),
        (["--baseline", "fedav"], "baseline=fedav is not a group's label: choose fedavg"),
        (["--lang", "fr"], "lang=fr: choose en or zh"),
    ],
)
def test_a_mistake_costs_one_line_and_writes_nothing(runs: Path, tmp_path: Path, words: list[str], told: str) -> None:
    done = ask(runs, "--out", tmp_path / "out", *words)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(told)
    assert not (tmp_path / "out").exists()
