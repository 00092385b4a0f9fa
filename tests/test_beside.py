"""The runs of a sweep side by side: the bytes of one by one, a death costs one run, Ctrl-C ends all."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from places import SMALL, command, told


def info(folder: Path) -> dict[str, object]:
    try:
        return dict(json.loads((folder / "run.json").read_text()))
    except FileNotFoundError:
        return {}


def test_side_by_side_they_are_the_runs_of_one_by_one(tmp_path: Path) -> None:
    words = [*SMALL, "-m", "strategy=fedavg,local", "lr=0.05,1e9"]
    alone = command(tmp_path, *words, "hydra.sweep.dir=alone")
    beside = command(tmp_path, *words, "hydra.sweep.dir=beside", "jobs=3")
    assert (alone.returncode, beside.returncode) == (1, 1) and "Traceback" not in beside.stderr, beside.stderr
    for path in sorted((tmp_path / "alone").rglob("*")):
        if path.suffix in (".safetensors", ".csv") or path.name in ("rounds.jsonl", "clients.jsonl"):
            assert (tmp_path / "beside" / path.relative_to(tmp_path / "alone")).read_bytes() == path.read_bytes()
    for job in "0123":
        one, other = (info(tmp_path / home / job) for home in ("alone", "beside"))
        assert [one[key] for key in ("config", "status", "reason")] == [
            other[key] for key in ("config", "status", "reason")
        ]
        assert "jobs=3" in str(other["command"])
    lines = [line for line in beside.stderr.splitlines() if "HYDRA" not in line]
    ended = [line for line in lines if line.startswith(("beside/", "fedsky: beside/"))]
    assert len(ended) == 4 and lines[len(ended)].startswith("to compare: "), beside.stderr
    assert lines[-3] == "fedsky: 2 job(s) failed:" and not (tmp_path / "beside" / ".lock").exists()


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


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_they_end_with_the_command(tmp_path: Path, number: signal.Signals) -> None:
    process, at = begun(tmp_path, "seed=0,1")
    process.send_signal(number)
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(at, timeout=30)
    assert not alive
