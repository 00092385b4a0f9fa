"""``python -m fedsky.resume`` goes on with a run or a whole sweep to the same bytes, whenever it was cut off."""

import hashlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from interrupted import start, wait_until_it_heeds
from run_files import info_of

from fedsky.command.sweep import read_sweep

SMALL = ["engine=inline", "num_rounds=4", "num_clients=2", "data.count=60", "data.size=16"]
FILES = ("rounds.jsonl", "clients.jsonl", "predictions.csv", "model.safetensors", "best.safetensors", "partition.json")


def digests(folder: Path) -> dict[str, str]:
    paths = [path for path in sorted(folder.rglob("*")) if path.name in FILES]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def statuses(folder: Path) -> list[str]:
    return [json.loads(path.read_text())["status"] for path in sorted(folder.rglob("run.json"))]


def finished(place: Path, *arguments: str, code: int = 0) -> str:
    process = start("-m", *arguments, cwd=place)
    told = process.communicate(timeout=240)[0]
    assert process.returncode == code, told
    assert "Traceback" not in told, told
    return told


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of three runs that nobody interrupted."""
    place = tmp_path_factory.mktemp("whole")
    told = finished(place, "fedsky", "-m", *SMALL, "seed=0,1,2", "hydra.sweep.dir=sweep")
    assert told.endswith("to compare: python -m fedsky.report sweep\n")
    assert f"sweep{os.sep}2: accuracy" in told and str(place) not in told, "folders are told as seen from here"
    return place / "sweep"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_sweep_that_was_cut_off_comes_to_the_same_bytes(tmp_path: Path, whole: Path, number: signal.Signals) -> None:
    """The first run done, the second between its rounds, the third not begun."""
    process = start("-m", "fedsky", "-m", *SMALL, "seed=0,1,2", "hydra.sweep.dir=sweep", cwd=tmp_path)
    rounds, end = tmp_path / "sweep" / "1" / "rounds.jsonl", time.monotonic() + 120
    while not (rounds.is_file() and rounds.read_text().count("\n") >= 2):
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(number)
    ending = process.communicate(timeout=60)[0].rstrip().splitlines()[-1]
    if number == signal.SIGTERM:
        assert ending == "fedsky: stopped by the user; python -m fedsky.resume sweep goes on"
    at = json.loads(rounds.read_text().splitlines()[-1])["round"]
    left = statuses(tmp_path)
    assert len(left) == 2 and left[0] == "done" and left[1] != "done"
    kept = (tmp_path / "sweep" / "0" / "run.json").read_bytes()
    refused = finished(tmp_path, "fedsky.resume", ".", code=1)
    assert refused.endswith("holds no run to go on with; below it: python -m fedsky.resume sweep\n")
    told = finished(tmp_path, "fedsky.resume", "sweep")
    assert told.startswith("sweep: 1 of 3 jobs are done\n")
    assert any(f"sweep/1: goes on after round {round} of 4" in told for round in (at - 1, at)), (
        "the last row may be cut"
    )
    assert statuses(tmp_path) == ["done"] * 3
    assert digests(tmp_path / "sweep") == digests(whole) and len(digests(whole)) == 3 * len(FILES)
    assert (tmp_path / "sweep" / "0" / "run.json").read_bytes() == kept, "a run that is done is not touched"
    commands = [info_of(tmp_path / "sweep" / n)["command"] for n in "012"]
    assert commands[0] == commands[1], "a run's command is the one that began it"
    assert commands[2] == f"python -m fedsky {' '.join(SMALL)} seed=2 hydra.run.dir=sweep/2"
    assert (tmp_path / "sweep" / "2" / ".hydra" / "overrides.yaml").is_file()
    assert finished(tmp_path, "fedsky.resume", "sweep") == "sweep: 3 of 3 jobs are done\n"


def test_a_run_that_cannot_go_on_costs_itself_alone(tmp_path: Path, whole: Path) -> None:
    shutil.copytree(whole, tmp_path / "sweep")
    (tmp_path / "sweep" / "0" / "run.json").write_text('{"status": "failed"}')
    shutil.rmtree(tmp_path / "sweep" / "2")
    told = finished(tmp_path, "fedsky.resume", "sweep", code=1)
    assert told.count("sweep/0/run.json was not written by fedsky") == 2
    assert "fedsky.resume: 1 job(s) failed:" in told
    assert digests(tmp_path / "sweep" / "2") == digests(whole / "2")


@pytest.mark.parametrize("content", ["", "hydra: {", "hydra:\n  overrides: 5\n", "- 1\n", "hydra: {sweep: null}"])
def test_a_sweep_that_does_not_tell_what_it_was_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "multirun.yaml").write_text(content)
    with pytest.raises(ValueError, match="start another"):
        read_sweep(tmp_path)


def test_the_jobs_of_a_sweep_are_hydras_own(tmp_path: Path, whole: Path) -> None:
    text = (whole / "multirun.yaml").read_text()
    (tmp_path / "multirun.yaml").write_text(
        text.replace("- seed=0,1,2", "- 'strategy=glob(fedav*,exclude=fedavgm)'\n    - 'client_names=[a b,c],[d,e]'")
    )
    jobs = read_sweep(tmp_path)
    assert [job.folder for job in jobs] == [tmp_path / "0", tmp_path / "1"]
    assert [job.overrides[-2:] for job in jobs] == [
        ("strategy=fedavg", "client_names=[a\\ b,c]"),
        ("strategy=fedavg", "client_names=[d,e]"),
    ]
    (tmp_path / "multirun.yaml").write_text(text.replace("${hydra.job.num}", "${hydra.job.override_dirname}"))
    with pytest.raises(ValueError, match="go on with each run by itself"):
        read_sweep(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to see when a process handles its signals")
@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 2.0, 3.0, 4.0])
def test_ctrl_c_ends_it_in_one_line(tmp_path: Path, whole: Path, seconds: float) -> None:
    """At whatever moment: its imports, Hydra's, a run's first rounds."""
    shutil.copytree(whole, tmp_path / "sweep")
    for name in ("1", "2"):
        shutil.rmtree(tmp_path / "sweep" / name)
    path = tmp_path / "sweep" / "multirun.yaml"
    path.write_text(path.read_text().replace("num_rounds=4", "num_rounds=100000"))
    process = start("-m", "fedsky.resume", "sweep", cwd=tmp_path)
    wait_until_it_heeds(process)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[0]
    assert process.returncode == 130, told
    plain = "fedsky.resume: stopped by the user"
    assert told.splitlines()[-1] in (plain, f"{plain}; python -m fedsky.resume sweep goes on"), (
        "not with one of its runs"
    )
    assert "Traceback" not in told, told
    assert "running" not in statuses(tmp_path)


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "nowhere is not a folder of a run" in finished(tmp_path, "fedsky.resume", "nowhere", code=1)
    assert "empty holds no run to go on with" in finished(tmp_path, "fedsky.resume", "empty", code=1)
