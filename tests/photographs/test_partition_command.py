"""``python -m fedsky.data partition``: the table, the number, the picture, and what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from fedsky.photographs.__main__ import app

DRAWN = ["data.count=40", "data.size=32", "num_clients=2", "partition.min_examples=5"]


def ask(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["partition", *arguments])
    return done.exit_code, done.stdout, done.stderr


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_the_table_and_the_number() -> None:
    code, out, err = ask(*DRAWN, "partition=label_quantity", 'client_names=["[red]",B]')
    assert (code, err) == (0, "")
    assert [cells(line) for line in out.splitlines() if line.startswith("│")] == [
        ["[red]", "20", "0", "20", "14", "2", "4", "0.558"],
        ["B", "0", "20", "20", "14", "2", "4", "0.558"],
        ["all", "20", "20", "40", "28", "4", "8", "0.558"],
    ]
    assert "label heterogeneity: 0.558" in out
    assert "sizes: 20 to 20 images" in out


def test_chance_alone_is_told_beside_it() -> None:
    code, out, _ = ask(*DRAWN, "partition=iid")
    assert code == 0
    assert "label heterogeneity: 0.000" in out
    by_chance = float(out.rsplit("drawn at random: ", 1)[1][:5])
    assert 0.01 < by_chance < 0.2
    assert "of one class each: 0.558" in out


def test_data_that_come_with_owners_are_shown_as_they_are() -> None:
    code, out, _ = ask("data=fcube", "partition=natural", "num_clients=4")
    assert code == 0
    assert len([line for line in out.splitlines() if line.startswith("│ owner")]) == 4


@pytest.mark.parametrize(("name", "head"), [("p.svg", b"<?xml"), ("p.PNG", b"\x89PNG"), ("new/p.pdf", b"%PDF")])
@pytest.mark.slow
def test_the_picture_is_the_same_bytes_each_time(tmp_path: Path, name: str, head: bytes) -> None:
    drawn = []
    for _ in range(2):
        code, out, _ = ask(*DRAWN, "--out", str(tmp_path / name))
        assert code == 0
        assert str(tmp_path / name) in out
        drawn.append((tmp_path / name).read_bytes())
        (tmp_path / name).unlink()
    assert drawn[0].startswith(head)
    assert drawn[0] == drawn[1]


def test_the_picture_shows_both_classes(tmp_path: Path) -> None:
    assert ask(*DRAWN, "--out", str(tmp_path / "p.png"))[0] == 0
    with Image.open(tmp_path / "p.png") as picture:
        colours = picture.convert("RGB").getcolors(1 << 24) or []
    shown = {colour for _, colour in colours}
    assert {(0x56, 0xB4, 0xE9), (0xE6, 0x9F, 0x00)} <= shown


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--out", "p.jpg"], 1, "fedsky: --out p.jpg: a name that ends in .svg, .png or .pdf is needed"),
        (["partition=dirichlett"], 2, "fedsky: unknown partition 'dirichlett'; choose contiguous, dirichlet, "),
        (["partition.alpha=1"], 2, "fedsky: partition.alpha is a setting of partition=dirichlet, "),
        (["num_clients=0"], 1, "fedsky: num_clients=0: a whole number of 1 or more is needed"),
        (["num_clients=9"], 1, "fedsky: num_clients=9: 40 images with partition.min_examples=5 allow 1 to 8 clients"),
        (["data=folder", "data.root=/nowhere"], 1, "fedsky: data.root=/nowhere does not exist"),
        (["name=${nowhere}"], 1, "fedsky: Interpolation key 'nowhere' not found"),
        (
            ["partition=dirichlet_label", "partition.alpha=0.001", "num_clients=5"],
            1,
            "fedsky: partition.alpha=0.001 leaves some of the clients below min_examples=5 in each of 100 draws: "
            "the smallest feasible alpha is about ",
        ),
    ],
)
def test_what_is_wrong_costs_one_line(tmp_path: Path, arguments: list[str], code: int, line: str) -> None:
    drawn = [] if "data=folder" in arguments else DRAWN
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        ended, out, err = ask(*drawn, *arguments)
    assert ended == code
    assert out == ""
    assert err.startswith(line) and err.count("\n") == 1, err
    assert list(tmp_path.iterdir()) == []


def test_neither_the_help_nor_the_table_loads_what_it_does_not_need() -> None:
    slow = ("torch", "flwr", "ray", "pandas", "matplotlib")
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom fedsky.photographs.__main__ import app\n"
        "def ask(*arguments):\n    assert CliRunner().invoke(app, arguments).exit_code == 0\n"
        "ask('--help')\nassert 'hydra' not in sys.modules and 'PIL' not in sys.modules\n"
        f"ask('partition', *{DRAWN!r})\nprint([name for name in {slow!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=os.environ)
    assert (done.stdout, done.stderr) == ("[]\n", "")
