"""A sweep's failures are read from its folders, whoever ran its jobs; one that was cut off goes on as it was begun."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.core.utils import setup_globals
from interrupted import writer
from omegaconf import OmegaConf
from places import SMALL, command, told
from run_files import info_of

from fedsky.config.claim import Claim


def statuses(folder: Path) -> dict[str, str]:
    return {path.parent.name: json.loads(path.read_text())["status"] for path in folder.rglob("run.json")}


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]])
def test_what_failed_in_whatever_process_is_listed(tmp_path: Path, launcher: list[str]) -> None:
    words = [*launcher, "lr=-1,0.05,1e9", "hydra.sweep.dir=sweep"]
    ended = command(tmp_path, *SMALL, "-m", *words)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr, ended.stderr
    head, *failed = ended.stderr.splitlines()[-3:]
    assert head == "fedsky: 2 job(s) failed:"
    assert " lr=-1" in failed[0] and failed[0].endswith(": lr=-1: a number above 0 is needed")
    assert " lr=1" in failed[1] and "diverged" in failed[1]
    assert statuses(tmp_path) == {"1": "done", "2": "failed"}


def test_a_sweep_with_other_folders_is_judged_too(tmp_path: Path) -> None:
    ended = command(tmp_path, *SMALL, "-m", "lr=-1,0.05", "hydra.sweep.subdir=${hydra.job.num}-${lr}")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-2] == "fedsky: 1 job(s) failed:"


@pytest.mark.parametrize("launcher", [[], ["hydra/launcher=joblib"]])
def test_a_dry_run_of_a_sweep_leaves_nothing_to_judge(tmp_path: Path, launcher: list[str]) -> None:
    ended = command(tmp_path, *SMALL, "-m", *launcher, "lr=0.1,0.05", "dry_run=true")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Nothing was trained.") == 2
    ended = command(tmp_path, *SMALL, "-m", *launcher, "lr=-1,0.05", "dry_run=true")
    assert ended.returncode == 1 and ended.stderr.splitlines()[-2] == "fedsky: 1 job(s) failed:"


def test_one_bad_job_costs_itself_alone_when_a_sweep_goes_on(tmp_path: Path) -> None:
    assert command(tmp_path, *SMALL, "-m", "strategy=fedavg,fedprox", "hydra.sweep.dir=sweep").returncode == 0
    sweep = tmp_path / "sweep"
    asked = (sweep / "multirun.yaml").read_text()
    (sweep / "multirun.yaml").write_text(asked.replace("strategy=fedavg,fedprox", "strategy=fedavgg,fedprox"))
    for name in ("0", "1"):
        shutil.rmtree(sweep / name)
    ended = command(tmp_path, "sweep", program="fedsky.resume")
    assert ended.returncode == 1 and "Traceback" not in ended.stderr, ended.stderr
    assert ended.stderr.splitlines()[-2] == "fedsky.resume: 1 job(s) failed:"
    assert ended.stderr.splitlines()[-1].startswith("sweep/0: unknown strategy 'fedavgg'; choose ")
    assert statuses(tmp_path) == {"1": "done"}


def test_a_sweep_with_a_folder_of_configurations_goes_on_when_its_user_says_so(tmp_path: Path) -> None:
    """The folder says what is called, and a sweep's folder may be somebody else's."""
    mine = tmp_path / "mine" / "experiment"
    mine.mkdir(parents=True)
    (mine / "own.yaml").write_text("# @package _global_\nlr: 0.03\n")
    words = [*SMALL, "-m", "--config-dir", "mine", "experiment=own", "seed=0,1", "hydra.sweep.dir=sweep"]
    ended = command(tmp_path, *words)
    assert ended.returncode == 0, ended.stderr
    shutil.rmtree(tmp_path / "sweep" / "1")
    line = told(command(tmp_path, "sweep", program="fedsky.resume"))
    again = f"python -m fedsky.resume sweep --config-dir {tmp_path}/mine"
    assert line == f"fedsky.resume: sweep was begun with --config-dir: if you trust what is in there, {again}"
    ended = command(tmp_path, "sweep", "--config-dir", "mine", program="fedsky.resume")
    assert ended.returncode == 0, ended.stderr
    assert statuses(tmp_path) == {"0": "done", "1": "done"}
    assert info_of(tmp_path / "sweep" / "1")["config"]["lr"] == 0.03


def test_the_same_sweep_again_does_only_what_is_missing(tmp_path: Path) -> None:
    words = [*SMALL, "-m", "seed=0,1,2", "name=demo"]
    assert command(tmp_path, *words).returncode == 0
    [sweep] = (tmp_path / "outputs" / "demo").iterdir()
    shutil.rmtree(sweep / "1")
    kept = {path: path.read_bytes() for path in sweep.rglob("*") if path.is_file() and path.name != ".lock"}
    ended = command(tmp_path, *words)
    assert ended.returncode == 0 and "begun by the same command, which does what is left" in ended.stderr
    assert "2 of 3 jobs are done" in ended.stderr and "Traceback" not in ended.stderr
    assert statuses(tmp_path) == {"0": "done", "1": "done", "2": "done"}
    assert {path: path.read_bytes() for path in kept} == kept, "what is done is not touched"
    assert [*(tmp_path / "outputs" / "demo").iterdir()] == [sweep]
    assert command(tmp_path, *SMALL, "-m", "seed=0,1", "name=demo").returncode == 0
    assert len([*(tmp_path / "outputs" / "demo").iterdir()]) == 2, "another sweep has a folder of its own"
    again = command(tmp_path, *SMALL, "-m", "seed=0,1", "hydra.sweep.dir=here")
    assert again.returncode == 0 and "begun by" not in again.stderr
    again = command(tmp_path, *SMALL, "-m", "seed=0,1", "hydra.sweep.dir=here")
    assert again.returncode == 0 and "here: 2 of 2 jobs are done" in again.stderr


@pytest.mark.parametrize("kind", ["run", "sweep"])
def test_of_two_commands_of_the_same_microsecond_one_takes_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Where nobody named the folder, the one that comes second begins again; else it is told who writes there."""
    begun: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda program, words: begun.append(words))
    (tmp_path / "now").mkdir()
    setup_globals()  # Hydra's ${now:}
    hydra: Any = {kind: {"dir": str(tmp_path / "${now:now}")}}
    start = Claim().on_run_start if kind == "run" else Claim().on_multirun_start
    with writer(tmp_path / "now"):
        with pytest.raises(SystemExit):
            start(OmegaConf.create({"hydra": hydra}))
        assert begun == [[sys.executable, *sys.orig_argv[1:]]]
        hydra[kind]["dir"] = str(tmp_path / "now")
        with pytest.raises(SystemExit, match="writes there: wait for its end"):
            start(OmegaConf.create({"hydra": hydra}))
    assert len(begun) == 1
