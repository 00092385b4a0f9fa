"""The page says the numbers of hand-made histories, and nothing that a file does not tell."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from written import report

from fedsky.report import style
from fedsky.report.page import write_report

pytestmark = pytest.mark.usefixtures("no_pixels")

WriteRun = Callable[..., Path]
Judge = Callable[..., list[tuple[str, str, str]]]


def test_final_numbers(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "runs" / "a", curve=(0.5, 0.9, 0.8))
    write_run(tmp_path / "runs" / "b", seed=1, curve=(0.5, 0.9, 0.9))
    text, table = report(tmp_path / "runs", tmp_path / "out")
    row = table("final").iloc[0]
    # the last round's, not the best round's; half width t(0.975, 1) * 0.05 = 12.7062 * 0.05
    assert row["balanced_accuracy"] == pytest.approx(0.85)
    assert pd.isna(row["balanced_accuracy_low"]), "of two runs their results say more than an interval"
    assert (row["runs"], row["rounds"], row["megabytes_up"], row["wall_seconds"]) == (2, 2, 1.0, 3.0)
    assert "85.0 % (runs: 80.0 to 90.0)" in text


def test_one_run_has_no_interval(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "runs" / "a", owners=(0.8,), counts=(([5, 5], [20, 20]),), config={"num_clients": 1})
    text, table = report(tmp_path / "runs", tmp_path / "out")
    assert "one run: no interval" in text
    assert pd.isna(table("final")["accuracy_low"].iloc[0])


def test_verdict_with_paired_images(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    """40 images, 20 a class: alone 16 wrong, federated 8, pooled 4, half of them in each class, for two seeds."""
    wrong = {"local": 8, "fedavg": 4, "centralized": 2}
    for name, count in wrong.items():
        for seed in range(2):
            accuracy = 1 - 2 * count / 40
            rows = judge(*range(count), *range(20, 20 + count))
            write_run(tmp_path / "runs" / f"{name}{seed}", name, seed, curve=(0.5, 0.5, accuracy), predictions=rows)
    text, table = report(tmp_path / "runs", tmp_path / "out")
    assert "fedavg: +20.0 points by joining, -10.0 points against pooling (not shown), 67 % of the gap closed." in text
    pairs = table("comparisons").set_index(["first", "second"])
    row: Any = pairs.loc[("fedavg", "local")]
    assert (row["difference"], row["photographs"], row["runs"], row["family"]) == (pytest.approx(0.2), 40, 2, "planned")
    who = re.search(r'<p class="who">(.*?)</p>', text)
    assert who and who[1].startswith("Owners gain by joining: together (fedavg) they are 20.0 points better than alone")
    assert "Balanced accuracy is 80.0 % together, 60.0 % alone, 90.0 % with all photographs pooled; between" in text
    assert "The models of fedavg are 20.0 points better than those of local (95 % interval " in text
    assert f"{100 * row['difference_low']:.1f} to {100 * row['difference_high']:.1f}" in text


def test_a_tie_is_called_a_tie(tmp_path: Path, write_run: WriteRun, judge: Judge) -> None:
    for name in ("fedavg", "fedprox"):
        write_run(tmp_path / "runs" / name, name, predictions=judge(*range(8)))
    text, _ = report(tmp_path / "runs", tmp_path / "out")
    assert "fedprox and fedavg judge every photograph alike." in text


def test_unequal_seeds_are_told_and_only_shared_ones_paired(tmp_path: Path, write_run: WriteRun) -> None:
    for seed in range(3):
        write_run(tmp_path / "runs" / f"a{seed}", seed=seed, curve=(0.5, 0.5, 0.6 + 0.1 * seed))
    write_run(tmp_path / "runs" / "b1", "fedprox", 1, curve=(0.5, 0.5, 0.75))
    text, table = report(tmp_path / "runs", tmp_path / "out")
    assert "groups do not have the same seeds and folds" in text
    row = table("comparisons").iloc[0]
    assert (row["runs"], row["difference"]) == (1, pytest.approx(0.05))


def test_a_round_without_a_number_is_a_gap(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "runs" / "a", curve=(0.5, None, 0.8))
    write_run(tmp_path / "runs" / "b", seed=1, curve=(0.5, 0.6, None))
    text, table = report(tmp_path / "runs", tmp_path / "out")
    curve = table("accuracy")
    assert list(curve["accuracy"].isna()) == [False, True, True]
    assert list(curve["highest"]) == [0.5, 0.6, 0.8]
    assert "80.0 % [1 of 2 runs]" in text


def test_runs_that_are_not_done_are_listed_not_counted(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "runs" / "a")
    write_run(tmp_path / "runs" / "b", seed=1, curve=(0.5, 0.1), info={"status": "failed", "reason": "out of memory"})
    write_run(tmp_path / "runs" / "c", seed=2, curve=(0.5, 0.1))
    text, table = report(tmp_path / "runs", tmp_path / "out")
    assert table("final")["runs"].iloc[0] == 1
    assert list(table("not_counted")["run"]) == ["b", "c"]
    assert "out of memory" in text
    assert "rounds.jsonl ends at round 1 of 2" in text


def test_nothing_finished_is_a_plain_error(tmp_path: Path, write_run: WriteRun) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no finished run under "):
        write_report([tmp_path / "empty"], tmp_path / "out")
    write_run(tmp_path / "runs" / "a", info={"status": "running"})
    with pytest.raises(ValueError, match="a is running"):
        write_report([tmp_path / "runs"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_hostile_names_are_text(tmp_path: Path, write_run: WriteRun, figures: None) -> None:
    evil = "<script>alert('x')</script> $\\frac$ \x00 & \"'"
    write_run(
        tmp_path / "runs" / "a",
        choices={"strategy": evil, "data": evil},
        info={"command": evil, "commit": "=1+1"},
        config={"client_names": [evil, None]},
    )
    text, _ = report(tmp_path / "runs", tmp_path / "out")
    assert "<script" not in text.lower()
    assert "&lt;script&gt;" in text
    assert "\x00" not in text
    for svg in (tmp_path / "out" / "plots").glob("*.svg"):
        ElementTree.parse(svg)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory, write_run: WriteRun, judge: Judge) -> Path:
    """The folder of a report with all its pictures, beside the runs."""
    place = tmp_path_factory.mktemp("drawn")
    for name in ("local", "fedavg", "centralized", "newcomer"):
        write_run(place / "runs" / name, name, predictions=judge(*range(8)))
    return write_report([place / "runs"], place / "out").parent


def test_the_page_needs_nothing_else(drawn: Path) -> None:
    text = (drawn / "index.html").read_text(encoding="utf-8")
    names = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")
    stripped = text
    assert text.startswith("<!DOCTYPE html>")
    for name in names:
        stripped = stripped.replace(name, "")
    for word in ("http://", "https://", "<script", "<link", "<img", " src="):
        assert word not in stripped
    ids = [part.split('"')[0] for part in text.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    assert text.count('role="img"') == text.count("<figure")


def test_every_plot_has_its_files_and_links_to_them(drawn: Path) -> None:
    linked = set(re.findall(r'href="(plots/[^"]+)"', (drawn / "index.html").read_text(encoding="utf-8")))
    written = {f"plots/{path.name}" for path in (drawn / "plots").iterdir()}
    assert linked == written
    assert {path.rpartition(".")[2] for path in written} == {"svg", "png", "pdf"}


def test_the_same_folders_give_the_same_bytes(tmp_path: Path, drawn: Path) -> None:
    """In this process and in one whose sets have another order."""
    command = [sys.executable, "-m", "fedsky.report", str(drawn.parent / "runs"), "--out", str(tmp_path)]
    environment = os.environ | {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == str(tmp_path / "index.html")
    first, second = (
        {path.relative_to(out): path.read_bytes() for path in out.rglob("*.*")} for out in (drawn, tmp_path)
    )
    assert first == second
    assert {path.suffix for path in first} == {".html", ".svg", ".png", ".pdf", ".csv", ".tex", ".json", ".gz"}


@pytest.mark.parametrize("folder", [".", "missing"])
def test_the_command_ends_with_one_line_and_1(tmp_path: Path, folder: str) -> None:
    command = [sys.executable, "-m", "fedsky.report", str(tmp_path / folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def cut_last_line(folder: Path) -> None:
    path = folder / "rounds.jsonl"
    path.write_text(path.read_text()[:-10])


def edit_rounds(folder: Path, **values: Any) -> None:
    path = folder / "rounds.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[-1] |= values
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def replace(name: str, content: bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(content)


HARM: dict[str, tuple[Callable[[Path], Any], str]] = {
    "last round cut": (cut_last_line, "rounds.jsonl ends at round 1 of 2"),
    "rounds missing": (lambda f: (f / "rounds.jsonl").unlink(), "rounds.jsonl has no round"),
    "accuracy is text": (lambda f: edit_rounds(f, accuracy="<b>"), "accuracy is &lt;b&gt;"),
    "accuracy over 1": (lambda f: edit_rounds(f, balanced_accuracy=87.5), "balanced_accuracy is 87.5"),
    "loss infinite": (lambda f: edit_rounds(f, loss=float("inf")), "loss is Infinity"),
    "bytes negative": (lambda f: edit_rounds(f, bytes_up=-1), "bytes_up is -1"),
    "a huge round": (lambda f: edit_rounds(f, round=10**30), "is not a round"),
    "a boolean round": (lambda f: edit_rounds(f, round=True), "not a row"),
    "clients missing": (lambda f: (f / "clients.jsonl").unlink(), "clients.jsonl: No such file"),
    "timing missing": (lambda f: (f / "timing.jsonl").unlink(), "not every round has its seconds"),
    "partition is a list": (replace("partition.json", b"[]"), "partition.json: not an object"),
    "partition is wrong": (
        replace("partition.json", b'{"classes": [1], "clients": [{"client": 0, "train": ["x"]}]}'),
        "partition.json: not as expected",
    ),
    "predictions cut": (replace("predictions.csv", b"image,label,predicted\n1,cloudy"), "a line is cut"),
    "predictions binary": (replace("predictions.csv", b"\xff\xfe\x00"), "missing or empty"),
    "predictions of other columns": (replace("predictions.csv", b"a\n1\n"), "predictions.csv: cannot be read"),
    "predictions too few": (replace("predictions.csv", b"image,label,predicted\n1,a,a\n"), "1 images where"),
    "run.json is empty": (replace("run.json", b""), "run.json:"),
    "config is text": (replace("run.json", b'{"status": "done", "config": "x", "choices": 3}'), "Not comparable"),
}


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory, write_run: WriteRun, judge: Judge) -> tuple[str, pd.DataFrame]:
    """The page of a whole run and one with each harm, and its final results."""
    place = tmp_path_factory.mktemp("harmed")
    write_run(place / "runs" / "whole", "fedprox", predictions=judge(*range(8)))
    for number, (name, (harm, _)) in enumerate(HARM.items()):
        harm(write_run(place / "runs" / name, f"harmed{number}", predictions=judge(*range(8))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "save", lambda figure: style.Drawn("<svg></svg>", b"", b""))
        text, table = report(place / "runs", place / "out")
    return text, table("final")


@pytest.mark.parametrize("name", HARM)
def test_broken_files_are_told(harmed: tuple[str, pd.DataFrame], name: str) -> None:
    text, _ = harmed
    of_run = re.findall(rf'<(?:code|th scope="row")>{name}</.*?</(?:li|tr)>', text)
    assert of_run and HARM[name][1] in "".join([*of_run, *re.findall("Not comparable: 2 kinds", text)])


def test_broken_files_cost_their_run_alone(harmed: tuple[str, pd.DataFrame]) -> None:
    accuracy = harmed[1].set_index("group")["accuracy"]
    assert accuracy["fedprox"] == pytest.approx(0.8)
    assert len(accuracy) > len(HARM) / 2 and list(accuracy.dropna()) == [pytest.approx(0.8)] * accuracy.count()


def test_kinds_have_sections_of_their_own(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "runs" / "a")
    write_run(tmp_path / "runs" / "b", "fedprox", info={"data.fingerprint": "f2"})
    text, table = report(tmp_path / "runs", tmp_path / "out")
    assert text.count(">Final result</h3>") == 2
    assert "Not comparable: 2 kinds of data" in text
    assert table("final")["data"].nunique() == 2
    assert not (tmp_path / "out" / "tables" / "comparisons.csv").exists()
    assert (tmp_path / "out" / "plots" / "data2-accuracy.svg").is_file()


def test_many_owners_and_groups_are_drawn(tmp_path: Path, write_run: WriteRun) -> None:
    many = {"owners": [0.5 + number / 100 for number in range(30)], "counts": [([9, 9], [5, 5])] * 30}
    for name in ("local", "fedavg", "newcomer", "another", "fedprox"):
        for clients in (30, 31):
            folder = tmp_path / "runs" / f"{name}{clients}"
            write_run(folder, name, config={"num_clients": clients}, loss=(0.7, 900, 0.5), **many)
    text, table = report(tmp_path / "runs", tmp_path / "out")
    assert len(table("owners")) == 300
    assert (tmp_path / "out" / "plots" / "owners-2.svg").is_file()
    assert "what pooling would gain is unknown, as no finished run of it has the same settings" in text
