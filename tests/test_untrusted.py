"""What a file of somebody else's may hold, lead to and weigh, wherever a run folder or a model is read."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import unsealed
from safetensors.numpy import save_file
from typer.testing import CliRunner

from benchmarks.reference import middle
from fedsky import predict, untrusted
from fedsky.history import read_run
from fedsky.model.file import read_model
from fedsky.report.page import write_report
from fedsky.resume import resume
from fedsky.web.prediction import registry

REFERENCE = Path(__file__).parents[1] / "outputs" / "reference" / "sky"
ESCAPE = "\x1b]0;owned\x07\x1b[2J"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(REFERENCE / f"fedavg{middle(REFERENCE)}", tmp_path / "runs" / "run"))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    place.mkdir()
    (place / "mine").write_text("mine\n")
    return place


def test_control_characters_are_seen_and_not_obeyed() -> None:
    assert untrusted.visible(f"a{ESCAPE}\n\tб雲") == "a\\x1b]0;owned\\x07\\x1b[2J\n\tб雲"
    assert untrusted.printable(f"a{ESCAPE}") == "a ]0;owned  [2J"
    assert untrusted.visible("\u202egnp.exe\x9b2J") == "\\u202egnp.exe\\x9b2J"


@pytest.mark.parametrize("name", ["run.json", "rounds.jsonl", "timing.jsonl", "partition.json", "predictions.csv"])
def test_no_file_of_a_run_leads_elsewhere(folder: Path, outside: Path, name: str) -> None:
    """A link within the folder is followed, one out of it is not, and a device or a pipe is not opened."""
    (folder / name).rename(folder / "real")
    (folder / name).symlink_to("real")
    run = read_run(folder)
    assert not run.problems and run.predictions()
    (folder / name).unlink()
    for strange in (outside / "mine", Path("/dev/zero"), None):
        if strange is None:
            os.mkfifo(folder / name)
        else:
            (folder / name).symlink_to(strange)
        run = read_run(folder)
        run.predictions()
        [problem] = run.problems
        assert problem.startswith(f"{name}: ")
        assert ("not a plain file" if strange is None else f"leads out of its folder, to {strange}") in problem
        (folder / name).unlink()


def test_a_file_that_is_too_large_is_not_read(folder: Path) -> None:
    with (folder / "timing.jsonl").open("r+b") as file:
        file.truncate(untrusted.LARGEST + 1)
    [problem] = read_run(folder).problems
    assert problem == f"timing.jsonl: {untrusted.LARGEST + 1} bytes, more than the {untrusted.LARGEST} that are read"


def test_a_report_overwrites_nothing_elsewhere(folder: Path, outside: Path) -> None:
    from fedsky.report import __main__ as report

    (folder / "report").symlink_to(outside)
    done = CliRunner().invoke(app(report.main), [str(folder)])
    assert (
        done.exit_code == 1 and done.output == f"{folder / 'report'} is a link: name a place for the report by --out\n"
    )
    (folder / "report").unlink()
    (folder / "report").mkdir()
    (folder / "report" / "plots").symlink_to(outside)
    with pytest.raises(ValueError, match="plots is a link: name another place for the report by --out"):
        write_report([folder], folder / "report")
    assert [path.name for path in outside.iterdir()] == ["mine"]
    assert [path.name for path in (folder / "report").iterdir()] == ["plots"], "no half report"


@pytest.mark.parametrize("name", ["run.log", "rounds.jsonl", "checkpoint", "clients", "models/0.safetensors", ".hydra"])
def test_resume_writes_nothing_elsewhere(folder: Path, outside: Path, name: str) -> None:
    from fedsky import resume as program

    info = unsealed.read(folder)
    (folder / "run.json").write_text(json.dumps(info | {"status": "interrupted"}))
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.symlink_to(outside / "mine" if "." in name[1:] else outside)
    with pytest.raises(ValueError, match=r"is a link out of .*: put the file itself there"):
        resume(folder)
    done = CliRunner().invoke(app(program.main), [str(folder)])
    assert done.exit_code == 1 and "is a link out of" in done.output
    assert (outside / "mine").read_text() == "mine\n" and len(list(outside.iterdir())) == 1


@pytest.mark.parametrize("strange", ["link", "pipe", "device", "folder"])
def test_predict_reads_no_model_that_is_elsewhere(folder: Path, outside: Path, strange: str) -> None:
    path = folder / "model.safetensors"
    path.rename(outside / "model.safetensors")
    if strange == "link":
        path.symlink_to(outside / "model.safetensors")
    elif strange == "device":
        path.symlink_to("/dev/zero")
    elif strange == "pipe":
        os.mkfifo(path)
    else:
        (outside / "model.safetensors").rename(outside / "0.safetensors")
        (folder / "models").symlink_to(outside)
    done = CliRunner().invoke(app(predict.main), [str(folder), "photo.jpg"])
    assert done.exit_code == 1 and done.output.count("\n") == 1, done.output
    assert "leads out of its folder" in done.output or "not a plain file" in done.output
    assert read_model((outside / "mine").with_name("0.safetensors" if strange == "folder" else "model.safetensors"))


def rewrite(path: Path, **about: Any) -> None:
    arrays, known = read_model(path)
    save_file(arrays, path, {"fedsky": json.dumps(known | about)})


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"classes": [f"class {n}" for n in range(100_000)]}, "it has 100000 classes: 1 to 1000 are needed"),
        ({"classes": []}, "it has 0 classes"),
        ({"classes": "ab"}, "a list of names is needed"),
        ({"classes": [["a"], "b"]}, "a list of names is needed"),
        ({"size": 10**6}, "1 to 4096 pixels are needed"),
        ({"size": True}, "1 to 4096 pixels are needed"),
        ({"size": None}, "it judges points, not photographs"),
    ],
)
def test_a_models_header_is_bounded(folder: Path, about: dict[str, Any], told: str) -> None:
    """predict refuses it, and the site offers no such model."""
    path = folder / "model.safetensors"
    assert registry._about(path)["size"]
    rewrite(path, **about)
    with pytest.raises(ValueError, match=told):
        predict.load_model(path)
    assert registry._about(path) == {}


def test_a_header_that_is_too_long_is_not_read(folder: Path) -> None:
    path = folder / "model.safetensors"
    with path.open("r+b") as file:
        file.write((untrusted.LARGEST_HEADER + 1).to_bytes(8, "little"))
        file.truncate(2 * untrusted.LARGEST_HEADER)
    with pytest.raises(ValueError, match=f"its header has {untrusted.LARGEST_HEADER + 1} bytes, more than"):
        read_model(path)
    assert registry._about(path) == {}


def test_no_class_and_no_reason_commands_the_terminal(folder: Path, tmp_path: Path) -> None:
    from PIL import Image

    rewrite(folder / "model.safetensors", classes=[f"cloudy{ESCAPE}", f"sunny{ESCAPE}"])
    photo = tmp_path / f"a{ESCAPE.replace('/', '')}.png"
    Image.new("RGB", (64, 64), "blue").save(photo)
    done = CliRunner().invoke(app(predict.main), [str(folder), str(photo)])
    assert done.exit_code == 0 and "\\x1b[2J" in done.output and "\x1b" not in done.output and "\x07" not in done.output
    info = unsealed.read(folder)
    info |= {"status": "interrupted", "name": ESCAPE}
    info["config"]["strategy"]["_target_"] = f"evil{ESCAPE}"
    (folder / "run.json").write_text(json.dumps(info))
    from fedsky import resume as program

    done = CliRunner().invoke(app(program.main), [str(folder)])
    assert done.exit_code == 1 and "evil" in done.output and "\x1b" not in done.output and "\x07" not in done.output


def test_no_name_of_a_class_or_an_owner_commands_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of rich's, which would take [bold] for a command, too; and the lines of a log."""
    import logging

    from rich.console import Console

    from fedsky.run.dry_run import partition_table
    from fedsky.run.rows import label_lines

    parts = {part: [1, 2] for part in ("train", "validation", "test")}
    owners = [{"name": f"[bold]{ESCAPE}", **parts}]
    told: dict[str, Any] = {"classes": [f"[red]{ESCAPE}", "b"], "clients": owners}
    Console(width=300).print(partition_table(told))
    shown = capsys.readouterr().out
    assert "[bold]" in shown and "[red]" in shown and ", b " in shown and "\x1b" not in shown and "\x07" not in shown
    record = logging.LogRecord("fedsky", logging.INFO, "", 0, "%s", (label_lines(told),), None)
    assert "\x1b" not in untrusted.Visible().format(record) and "\n" in untrusted.Visible().format(record)


def app(command: Any) -> Any:
    import typer

    made = typer.Typer()
    made.command()(command)
    return made
