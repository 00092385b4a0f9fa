"""Commands of the README and docs/ that start with ``python -m fedsky`` are run, their examples are added and run."""

import json
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import forked
import pytest

from benchmarks.reference import REFERENCE, middle
from fedsky.config import compose, resolve

ROOT = Path(__file__).resolve().parent.parent
ONCE = ["engine=inline", "num_rounds=1", "local_epochs=1"]
QUICK = [*ONCE, "data.count=40", "data.size=32", "partition.min_examples=5"]
FOLDER = [item for item in QUICK if "count" not in item]
POINTS = ["partition=natural", "model=softmax", "model.num_features=4", *ONCE]
TRAINED = REFERENCE / "sky" / f"fedavg{middle(ROOT / REFERENCE / 'sky')}"  # its model comes with the checkout
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = re.compile(r"^`(?P<path>[\w/]+\.(?:py|yaml))`:\n\n```\w+\n(?P<content>.*?)^```$", re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("python -m fedsky")]


def quick(command: list[str]) -> list[str]:
    """What makes a command cheap."""
    if command[2:4] == ["fedsky.data", "render"]:
        return ["--count", "40"]
    if command[2:4] == ["fedsky.data", "partition"]:
        return ["data.count=200", "data.size=32"]
    if command[2] == "fedsky.tune":
        return ["budget=1", "data.fold=1/5", *QUICK]
    if command[2] != "fedsky":
        return []
    return FOLDER if "data=folder" in command else QUICK


def few(command: list[str]) -> list[str]:
    """A command whose sweep has the first and the last value of each setting."""
    if not is_sweep(command):
        return command
    lists = {word: values for word in command if len(values := values_of(word)) > 2}
    return [
        f"{word.partition('=')[0]}={lists[word][0]},{lists[word][-1]}" if word in lists else word for word in command
    ]


def is_sweep(command: list[str]) -> bool:
    return command[2:4] == ["fedsky", "-m"]


def values_of(word: str) -> list[str]:
    """The values of a setting of a sweep."""
    return word.partition("=")[2].split(",")


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_runs(page: Path, tmp_path: Path) -> None:
    """Of sweeps the first and the last value of each setting; the next test composes the others."""
    asked = [few(command) for command in commands(page)]
    shutil.copytree(ROOT / TRAINED, tmp_path / TRAINED)
    for command in asked:
        done = forked.command(*command[2:], *quick(command), cwd=tmp_path, timeout=300)
        assert done.returncode == 0, (command, done.stderr)
        for option, name in pairwise(command):
            assert option not in ("--out", "--sheet") or (tmp_path / name).exists(), command
    runs = [json.loads(path.read_text()) for path in tmp_path.rglob("run.json")]
    trained = [each for each in asked if each[2] == "fedsky" and "dry_run=true" not in each]
    assert len(runs) > len(trained) and {run["status"] for run in runs} <= {"done"}
    reports = [each for each in asked if each[2] == "fedsky.report"]
    assert len(list(tmp_path.rglob("report/index.html"))) == len(reports)


def test_every_value_of_a_sweep_can_be_composed() -> None:
    sweeps = [command for page in PAGES for command in commands(page) if is_sweep(command)]
    assert len(sweeps) > 2
    for command in sweeps:
        words = [word for word in command[3:] if "=" in word]
        first = {word.partition("=")[0]: values_of(word)[0] for word in words}
        for word in words:
            key = word.partition("=")[0]
            for value in values_of(word)[1:-1]:
                resolve(compose([f"{name}={each}" for name, each in (first | {key: value}).items()]))


def test_the_pages_with_commands_are_found() -> None:
    found = {page.name: len(commands(page)) for page in PAGES if commands(page)}
    assert set(found) >= {"README.md", "running.md", "data.md", "strategies.md"} and found["README.md"] == 3


def test_both_languages_have_the_same_commands() -> None:
    assert commands(ROOT / "README.zh.md") == commands(ROOT / "README.md")
    for page in (ROOT / "docs" / "zh").glob("*.md"):
        tested = commands(ROOT / "docs" / page.name)
        assert [command for command in commands(page) if command not in tested] == [], page


def test_every_sweep_that_answers_a_question_can_be_composed() -> None:
    for page in (ROOT / "README.md", ROOT / "README.zh.md"):
        sweeps = re.findall(r"`(?:-m |(?=experiment=))([^`]+)`", page.read_text(encoding="utf-8"))
        assert len(sweeps) == 4, page
        for words in map(str.split, sweeps):
            for end in (0, -1):
                resolve(
                    compose([f"{key}={values.split(',')[end]}" for key, _, values in (w.partition("=") for w in words)])
                )


def with_examples(tmp_path: Path) -> None:
    """A copy of the sources with the files that docs/extending.md shows."""
    for name in ("conf", "fedsky", "strategies", "baselines"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    found = EXAMPLE.findall((ROOT / "docs" / "extending.md").read_text(encoding="utf-8"))
    assert len(found) == 10
    for path, content in found:
        assert not (tmp_path / path).exists()
        (tmp_path / path).write_text(content, encoding="utf-8")


def run(tmp_path: Path, *asked: str) -> Path:
    """The folder of a run of the copy."""
    folder = tmp_path / "run" / "-".join(asked[:3])
    done = forked.command("fedsky", *asked, f"hydra.run.dir='{folder}'", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_strategy_is_one_file_and_one_yaml(tmp_path: Path) -> None:
    with_examples(tmp_path)
    plain = (run(tmp_path, "strategy=fedavg", *QUICK) / "model.safetensors").read_bytes()
    for max_norm in (1e30, 0.5):
        folder = run(tmp_path, "strategy=fedavgclip", f"strategy.max_norm={max_norm}", *QUICK)
        alike = (folder / "model.safetensors").read_bytes() == plain
        assert alike == (max_norm == 1e30), "a norm that no gradient reaches is FedAvg"
    for max_change, server_lr in ((1e30, 1), (0.01, 1), (1e30, 0.5)):
        settings = [f"strategy.max_change={max_change}", f"strategy.server_lr={server_lr}"]
        folder = run(tmp_path, "strategy=fednormclip", *settings, *QUICK)
        alike = (folder / "model.safetensors").read_bytes() == plain
        assert alike == (max_change == 1e30 and server_lr == 1), "a change that is not clipped, taken whole, is FedAvg"


def test_a_source_of_data_is_one_file_and_one_yaml(tmp_path: Path) -> None:
    with_examples(tmp_path)
    info = json.loads((run(tmp_path, "data=irises", *POINTS) / "run.json").read_text(encoding="utf-8"))
    assert len(info["data"]["classes"]) == 3
    assert info["result"]["num_test"] == 30
