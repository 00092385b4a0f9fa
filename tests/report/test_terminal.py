"""The short of a report in a terminal."""

import io
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from fedsky import language
from fedsky.report import terminal
from fedsky.report.selection import select

WriteRun = Callable[..., Path]


def shown(folder: Path, lang: str = "en", baseline: str | None = None) -> str:
    output = io.StringIO()
    with language.use(lang):
        terminal.show(select([folder]), baseline, Console(file=output))
    return output.getvalue()


def test_the_table_and_the_findings(tmp_path: Path, write_run: WriteRun) -> None:
    for seed, (first, second) in enumerate([(0.8, 0.9), (0.82, 0.93), (0.81, 0.91)]):
        write_run(tmp_path / f"a{seed}", "local", seed, curve=(0.5, 0.5, first))
        write_run(tmp_path / f"b{seed}", "fedavg", seed, curve=(0.5, 0.5, second))
    write_run(tmp_path / "c", seed=3, curve=(0.5, 0.6), info={"status": "running"})
    text = shown(tmp_path)
    assert "81.0 % (78.5 to 83.5)" in text
    assert "91.3 % (87.5 to 95.1)" in text
    assert text.index("fedavg  ") < text.index("local  "), "the best first"
    told = "fedavg is 10.3 points better than local (95 % interval 8.9 to 11.8 over seeds alone, on these test images)"
    assert f"{told}: shown." in " ".join(text.split())
    assert "Owners gain by joining: together (fedavg) they are 10.3 points better than alone (95 % interval 8.9" in text
    assert "Not counted: c (strategy fedavg, status running, reason –, rounds 1 of 2)" in text
    assert not any(line != line.rstrip("\n") or len(line) > terminal.WIDTH for line in text.splitlines())


def test_names_are_no_markup(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(
        tmp_path / "[bold]a[/]",
        "[red]evil[/red]\x1b[31m",
        choices={"data": "[link=x]y[/link]"},
        config={"num_rounds": 2},
    )
    text = shown(tmp_path)
    assert "[red]evil" in text
    assert "[link=x]y" in text
    assert "\x1b" not in text


def test_many_groups_refer_to_the_page(tmp_path: Path, write_run: WriteRun) -> None:
    for number in range(15):
        write_run(tmp_path / str(number), config={"num_clients": number + 2})
    text = shown(tmp_path)
    assert "and 3 more, on the page" in text
    assert text.count("fedavg, num_clients=16") == 0


def test_what_a_sweep_was_made_for_comes_before_its_pairs(tmp_path: Path, write_run: WriteRun) -> None:
    for number in (2, 5):
        write_run(tmp_path / f"a{number}", "local", curve=(0.5, 0.5, 0.6), config={"num_clients": number})
        write_run(tmp_path / f"b{number}", curve=(0.5, 0.5, 0.8), config={"num_clients": number})
    text = " ".join(shown(tmp_path).split())
    about = text.index("fedavg minus local: +20.0 points at num_clients 2 (no interval), +20.0 at 5")
    assert about < text.index("local, num_clients=5 and local, num_clients=2 differ by 0.0 points; no interval")


def test_chinese(tmp_path: Path, write_run: WriteRun) -> None:
    write_run(tmp_path / "a")
    assert "平衡准确率" in shown(tmp_path, "zh")
