"""A search from its words to its yamls: budgets, what is looked at, going on after a kill, refusals, recipes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fedsky.config import compose, resolve
from fedsky.history import Run, lock, read_run
from fedsky.tune import asked, course, outcome, running

POINTS = ["data=fcube", "partition=natural", "model=softmax", "model.num_features=3", "num_clients=4"]
QUICK = [*POINTS, "num_rounds=2", "strategy=fedavg,fedprox", "budget=4"]


def tune(folder: Path, *words: str) -> list[outcome.Outcome]:
    return course.tune(asked.read([*words, f"folder={folder}"]))


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "tune.json").read_text())["strategies"]
    return found


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "fedsky.tune", *words, f"folder={folder}"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of four trials for each of two strategies, in this process."""
    folder = tmp_path_factory.mktemp("tune") / "search"
    words = asked.read([*QUICK, "seed=0,1", "jobs=1", f"folder={folder}"])
    outcome.write(words, course.tune(words), "a command")
    return folder


@pytest.mark.slow
def test_every_strategy_has_the_same_budget_of_trials_and_runs(searched: Path) -> None:
    for strategy, found in told(searched).items():
        assert found["trials"] == len(found["all"]) == 4
        assert len(list((searched / strategy).rglob("run.json"))) == 4 * 2
        assert [len(each["accuracies"]) for each in found["all"]] == [2] * 4
    assert set(told(searched)["fedavg"]["ranges"]) == {"lr"}
    assert set(told(searched)["fedprox"]["ranges"]) == {"lr", "strategy.mu"}
    first = told(searched)["fedprox"]["all"][0]
    assert first["settings"] == {"lr": 0.05, "strategy.mu": 0.01}


@pytest.mark.slow
def test_what_stands_of_test_images_changes_nothing(searched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = searched / "fedavg" / "0"
    before = running.read({"lr": 0.05}, folder, 2)

    def otherwise(path: Path) -> Run:
        found = read_run(path)
        found.rounds = [row | {"accuracy": 0.0, "loss": 99.0, "balanced_accuracy": 0.0} for row in found.rounds]
        return found

    monkeypatch.setattr(running, "read_run", otherwise)
    assert running.read({"lr": 0.05}, folder, 2) == before


def test_a_search_that_was_killed_goes_on_to_the_same_choice(searched: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    line = command(folder, *QUICK, "seed=0,1", "jobs=2")
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not (folder / "fedavg" / "1" / "0" / "rounds.jsonl").exists() and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    statuses = [json.loads(path.read_text())["status"] for path in folder.rglob("run.json")]
    assert 0 < len(statuses) < 16
    while any(lock.is_held(path.parent) for path in folder.rglob("run.json")) and time.monotonic() < end:
        time.sleep(0.01)  # its processes end with it
    words = asked.read([*QUICK, "seed=0,1", "jobs=1", f"folder={folder}"])
    outcomes = course.tune(words)
    outcome.write(words, outcomes, "a command")
    assert told(folder) == told(searched)
    rounds = [path.relative_to(searched) for path in sorted(searched.rglob("rounds.jsonl"))]
    assert len(rounds) == 16
    assert all((searched / path).read_bytes() == (folder / path).read_bytes() for path in rounds)
    assert all(line.startswith("fed") and "4 trials of 2 runs" in line for line in outcome.table(outcomes))


@pytest.mark.slow
def test_more_trials_begin_where_fewer_ended(searched: Path, tmp_path: Path) -> None:
    [one] = tune(tmp_path, *QUICK, "seed=0", "strategy=fedprox", "budget=2", "jobs=1")
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("rounds.jsonl")}
    [more] = tune(tmp_path, *QUICK, "seed=0", "strategy=fedprox", "budget=3", "jobs=1")
    assert more.trials[:2] == one.trials and len(more.trials) == 3
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.slow
def test_a_step_size_with_which_training_diverges_is_a_trial_like_others(tmp_path: Path) -> None:
    words = [*POINTS, "strategy=fedavg", "num_rounds=2", "lr=interval(0.01,1e38)", "lr_schedule=constant", "jobs=1"]
    [found] = tune(tmp_path, *words, "budget=3")
    assert [each.accuracy for each in found.trials].count(0.0) >= 1
    assert found.chosen.accuracy > 0.5


@pytest.mark.slow
def test_a_recipe_includes_what_was_chosen(searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = tmp_path / "conf" / "experiment"
    shutil.copytree(searched / "tuned", recipes / "tuned" / "points")
    (recipes / "points.yaml").write_text("# @package _global_\nlr: 0.3\nnum_rounds: 3\n")
    monkeypatch.chdir(tmp_path)
    chosen = {strategy: found["chosen"] for strategy, found in told(searched).items()}

    def config(*words: str) -> dict[str, Any]:
        return resolve(compose(["experiment=points", "name=x", *words]))

    assert config("strategy=fedavg")["lr"] == chosen["fedavg"]["lr"]
    prox = config("strategy=fedprox")
    assert (prox["lr"], prox["strategy"]["mu"]) == (chosen["fedprox"]["lr"], chosen["fedprox"]["strategy.mu"])
    assert prox["tuned"]["trials"] == 4
    assert config("strategy=fedprox", "strategy.mu=0.5")["strategy"]["mu"] == 0.5
    assert config("strategy=fednova")["lr"] == 0.3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name the strategies to tune: strategy=A,B"),
        (["budget=0"], "budget=0: a whole number of 1 to 1000 is needed"),
        (["budget=many"], "budget=many: a whole number"),
        (["strategy=fedavgg"], "unknown strategy 'fedavgg'; choose"),
        (["strategy=fedavg,fedavg"], "each value once"),
        (["strategy="], "each value once"),
        (["quickly"], "quickly is not a setting: write KEY=VALUE"),
        (["lr=interval(1)"], "write lr=interval(LOW,HIGH)"),
        (["lr=interval(0.1,0.01)"], "the lower one first"),
        (["lr=interval(0,0.1)"], "lr: the range of a logarithm begins above 0"),
        (["strategy.mu=interval(0.1,1)"], "strategy.mu is a setting of"),
        (["lr_schedule=interval(0.1,1)"], "is not a number"),
        (["learning_rate=0.1"], "did you mean lr?"),
        (["lr=0.1,0.2"], "for a run with each of these values add -m"),
        (["seed=x"], "a whole number"),
        (["data.fold=9/5", "data=rendered"], "write k/5"),
        (["engine=ray", "jobs=2"], "leave engine out"),
        (["folder="], "name the folder"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(tmp_path: Path, words: list[str], said: str) -> None:
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from fedsky.config.refusals import explain

    usual = ["strategy=fedavg"] if words else []
    own = [] if any(word.startswith("folder=") for word in words) else [f"folder={tmp_path / 'x'}"]
    with pytest.raises((ValueError, HydraException, OmegaConfBaseException)) as raised:
        course.tune(asked.read([*usual, *words, *own]))
    assert said in explain(raised.value)
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_a_folder_of_another_search_is_refused(searched: Path) -> None:
    with pytest.raises(ValueError, match="holds a search of other settings: name another folder"):
        tune(searched, *QUICK, "seed=0,1", "batch_size=8")
    with pytest.raises(ValueError, match="of other repetitions"):
        tune(searched, *QUICK, "seed=0")


def test_the_command_ends_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(command(tmp_path, "strategy=fedavg", "budget=-1"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "fedsky.tune: budget=-1: a whole number of 1 to 1000 is needed\n"
