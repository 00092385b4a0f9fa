"""The tables of a thesis: LaTeX that compiles, fits a portrait page and says what the report says."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fedsky.report import thesis
from fedsky.report.groups import ComparableGroups
from fedsky.report.selection import select
from fedsky.report.story import stories

WriteRun = Callable[..., Path]
Judge = Callable[..., list[tuple[str, str, str]]]
EVIL = [r"\input{/etc/passwd}", "50 %_&#$^~", "{", "}", "[a]", "a < b > c | d"]
SKY = Path(__file__).resolve().parents[2] / "outputs" / "reference" / "sky"


def write_many(folder: Path, write_run: WriteRun, judge: Judge, count: int) -> ComparableGroups:
    """Training alone, pooled, and so many federated groups with long names."""
    names = ["local", "centralized", *(f"federated_strategy_with_a_long_name_{number}" for number in range(count - 2))]
    for number, name in enumerate(names):
        rows = judge(*range(number % 5), *range(20, 21 + number % 5))
        write_run(folder / f"{number}", name, predictions=rows, config={"client_names": ["Weather & Co_1", "50 % [x]"]})
    [kind] = select([folder]).kinds
    return kind


def compiled(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Compiles a portrait page with every file; what is too wide for it."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / Path(name).name).write_bytes(content)
    body = "".join(f"\\input{{{Path(name).stem}}}\n\n" for name in files)
    head = "\\documentclass[a4paper]{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs,array}"
    (folder / "all.tex").write_text(f"{head}\\begin{{document}}\\sloppy {body}\\end{{document}}")
    done = subprocess.run(["pdflatex", "-halt-on-error", "all.tex"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-800:]
    return [line for line in done.stdout.splitlines() if line.startswith("Overfull \\hbox")]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("count", [3, 12])
def test_latex_compiles(tmp_path: Path, write_run: WriteRun, judge: Judge, count: int) -> None:
    files = thesis.files(write_many(tmp_path / "runs", write_run, judge, count))
    assert sorted(Path(name).stem for name in files) == ["owners", "pairs", "result", "sentence"]
    assert compiled(tmp_path / "tex", files) == []
    rows = [[text, number] for number, text in enumerate(EVIL)]
    evil = {"evil.tex": thesis.table("evil", EVIL[0], EVIL[:2], rows, {0: 0.3})}
    assert compiled(tmp_path / "evil", evil) == []


def test_a_table_has_rules_caption_label_and_true_minus_signs() -> None:
    text = thesis.table("t", "Fewer than 50 %", ["a", "b"], [["x-1_y", "[-2.2, 3.3]"], ["–", "-1.0"]], {}).decode()
    lines = text.splitlines()
    assert lines[0].startswith("% \\usepackage{booktabs,array}")
    assert [line for line in lines if line.endswith("rule")] == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert r"\caption{Fewer than 50~\%}" in lines and r"\label{tab:t}" in lines
    assert r"x-1\_\allowbreak{}y & {[}$-$2.2, 3.3] \\" in lines and r"-- & $-$1.0 \\" in lines


@pytest.mark.slow
def test_the_tables_say_what_the_report_says() -> None:
    [kind] = select([SKY]).kinds
    found = {Path(name).stem: content.decode() for name, content in thesis.files(kind).items()}
    assert r"fedavg & 25 & 92.2 & {[}89.3, 95.1] & 251.9 \\" in found["result"]
    assert r"fedavg & local & 3.8 & {[}1.4, 6.3] & shown \\" in found["pairs"]
    assert found["pairs"].count(r" \\") == 1 + 4, "the planned ones alone"
    assert found["owners"].count(r" \\") == 1 + 5
    assert " ".join(found["sentence"].split()) == thesis.latex(" ".join(stories(kind)[0].sentences))
