"""The runs of a sweep side by side: the bytes of one by one, a death costs one run, Ctrl-C ends all."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from places import SMALL, command, told
from unsealed import unseal

from fedsky.config import permitted
from fedsky.history import lock
from fedsky.resume import num_beside


def info(folder: Path) -> dict[str, object]:
    try:
        return dict(json.loads((folder / "run.json").read_text()))
    except FileNotFoundError:
        return {}


WORDS = [*SMALL, "-m", "strategy=fedavg,local", "lr=0.05,1e9", "hydra.sweep.dir=sweep"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep, one run by one: the first and the third are well, the others diverge."""
    place = tmp_path_factory.mktemp("alone")
    assert command(place, *WORDS).returncode == 1
    return place / "sweep"


def same_bytes(one: Path, other: Path) -> None:
    for path in sorted(one.rglob("*")):
        if path.parent.name == "checkpoint":  # which has the sum of timing.jsonl
            continue
        if path.suffix in (".safetensors", ".csv") or path.name in ("rounds.jsonl", "clients.jsonl"):
            assert (other / path.relative_to(one)).read_bytes() == path.read_bytes(), path


def test_side_by_side_they_are_the_runs_of_one_by_one(tmp_path: Path, alone: Path) -> None:
    beside = command(tmp_path, *WORDS, "jobs=3")
    assert beside.returncode == 1 and "Traceback" not in beside.stderr, beside.stderr
    same_bytes(alone, tmp_path / "sweep")
    for job in "0123":
        one, other = (info(home / job) for home in (alone, tmp_path / "sweep"))
        assert [one[key] for key in ("config", "status", "reason")] == [
            other[key] for key in ("config", "status", "reason")
        ]
        assert "jobs=3" in str(other["command"])
    lines = [line for line in beside.stderr.splitlines() if "HYDRA" not in line]
    ended = [line for line in lines if line.startswith(("sweep/", "fedsky: sweep/"))]
    assert len(ended) == 4 and lines[len(ended)].startswith("to compare: "), beside.stderr
    assert lines[-3] == "fedsky: 2 job(s) failed:" and not (tmp_path / "sweep" / ".lock").exists()


def test_what_is_left_of_a_sweep_is_done_side_by_side_too(tmp_path: Path, alone: Path) -> None:
    sweep = Path(shutil.copytree(alone, tmp_path / "sweep"))
    shutil.rmtree(sweep / "0")
    unseal(sweep / "1", config=None)
    unseal(sweep / "2", status="running")
    again = command(tmp_path, *WORDS, "jobs=2")
    assert again.returncode == 1 and "Traceback" not in again.stderr, again.stderr
    lines = again.stderr.splitlines()
    assert lines[:2] == [
        "sweep: begun by the same command, which does what is left; to do all, name another",
        "sweep: 0 of 4 jobs are done",
    ]
    foreign = "sweep/1/run.json was not written by fedsky: name the folder of a run"
    told = sorted(line.partition(" 0.")[0] for line in lines[2:6])
    assert told[0] == f"fedsky: sweep/1: {foreign}" and told[1].startswith("fedsky: sweep/3: ")
    assert told[2:] == ["sweep/0: accuracy", "sweep/2: accuracy"], "of its rounds each tells its own log"
    assert lines[6:8] == ["fedsky.resume: 2 job(s) failed:", f"sweep/1: {foreign}"]
    assert lines[8].startswith("sweep/3: training diverged in round 1: lower lr=1e+09 (") and len(lines) == 9
    same_bytes(alone, sweep)
    assert [info(sweep / job)["status"] for job in "02"] == ["done"] * 2


@pytest.mark.parametrize(("settings", "size"), [({}, 1), ({"jobs": "3"}, 3)])
def test_how_many_at_a_time_is_said_now_or_as_the_sweep_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], size: int
) -> None:
    """Somebody else's folder cannot have more processes started than there are cores."""
    monkeypatch.setattr("fedsky.machine.num_cores", lambda: 2)
    (tmp_path / "multirun.yaml").write_text("hydra: {}\n")
    given = permitted.Word(settings=settings)
    assert num_beside(tmp_path, given) == size
    (tmp_path / "multirun.yaml").write_text("jobs: 1000\n")
    assert num_beside(tmp_path, given) == max(2, size)
    with pytest.raises(ValueError, match="jobs=0: a whole number of 1 or more is needed"):
        num_beside(tmp_path, permitted.Word(settings={"jobs": "0"}))


def test_no_number_of_jobs_is_refused(tmp_path: Path) -> None:
    assert told(command(tmp_path, *SMALL, "jobs=0")) == "jobs=0: a whole number of 1 or more is needed"


def writer(folder: Path) -> psutil.Process:
    """The process that writes a run's folder."""
    return psutil.Process(json.loads((folder / ".lock").read_text())["pid"])


def begun(folder: Path, *words: str) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A sweep of runs that take long, and the two processes that make them, once both are at a run."""
    long = [*SMALL, "-m", "num_rounds=100000", "hydra.sweep.dir=sweep", "jobs=2", *words]
    process = subprocess.Popen([sys.executable, "-m", "fedsky", *long], cwd=folder, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while not all((folder / "sweep" / job / "rounds.jsonl").exists() for job in "01"):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.1)
    at = [writer(folder / "sweep" / job) for job in "01"]
    return process, at


def test_a_killed_process_costs_its_run_alone_and_ctrl_c_ends_all(tmp_path: Path) -> None:
    process, (first, second) = begun(tmp_path, "seed=0,1,2")
    try:
        first.kill()
        end = time.monotonic() + 120
        while not (tmp_path / "sweep" / "2" / "rounds.jsonl").exists():  # in a new process
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.1)
        assert second.is_running() and info(tmp_path / "sweep" / "0")["reason"] == "its process ended without a word"
        third = writer(tmp_path / "sweep" / "2")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in said, said
    assert said.splitlines()[-1] == "fedsky: stopped by the user; python -m fedsky.resume sweep goes on"
    assert "fedsky: sweep/0: its process ended without a word" in said.splitlines()
    psutil.wait_procs([second, third], timeout=10)
    assert not second.is_running() and not third.is_running()
    assert [info(tmp_path / "sweep" / job)["status"] for job in "012"] == ["interrupted"] * 3
    assert info(tmp_path / "sweep" / "1")["reason"] == "stopped by the user"
    words = [sys.executable, "-m", "fedsky.resume", "sweep"]
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    try:
        at = [tmp_path / "sweep" / job for job in "01"]
        while not all(lock.is_held(folder) for folder in at):
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in said, said
    assert said.splitlines()[-1] == "fedsky.resume: stopped by the user; python -m fedsky.resume sweep goes on"
    assert not any(lock.is_held(folder) for folder in at)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_they_end_with_the_command(tmp_path: Path, number: signal.Signals) -> None:
    process, at = begun(tmp_path, "seed=0,1")
    process.send_signal(number)
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(at, timeout=30)
    assert not alive
