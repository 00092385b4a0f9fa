"""Every command of the README that starts with ``python -m fedsky`` is run, and its example of a strategy is added."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICK = ["engine=inline", "num_rounds=1", "local_epochs=1", "data.count=40", "data.size=32", "partition.min_examples=5"]


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands(text: str) -> list[list[str]]:
    lines = [line for block in blocks("sh", text) for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("python -m fedsky")]


def test_every_command_runs(tmp_path: Path) -> None:
    asked = commands(README)
    assert len(asked) >= 6
    for command in asked:
        quick = QUICK if command[2] == "fedsky" else []
        done = subprocess.run(
            [sys.executable, *command[1:], *quick], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, (command, done.stderr)
    runs = [json.loads(path.read_text()) for path in tmp_path.rglob("run.json")]
    assert len(runs) > 20
    assert {run["status"] for run in runs} == {"done"}
    assert len(list(tmp_path.rglob("report/index.html"))) == 2


def test_both_languages_have_the_same_commands() -> None:
    assert commands((ROOT / "README.zh.md").read_text(encoding="utf-8")) == commands(README)


def test_nothing_is_left_to_be_filled_in() -> None:
    for path in [ROOT / "README.md", ROOT / "README.zh.md", *(ROOT / "conf").rglob("*.yaml")]:
        assert not re.search(r"TBD|REFERENCE_MODEL_PATH", path.read_text(encoding="utf-8")), path


def test_what_the_readme_points_at_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("max_norm", [1e30, 0.5])
def test_a_strategy_is_one_file_and_one_yaml(tmp_path: Path, max_norm: float) -> None:
    for name in ("conf", "fedsky", "strategies", "baselines"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    [code], [settings] = blocks("python"), blocks("yaml")
    (tmp_path / "strategies" / "fedavgclip.py").write_text(code, encoding="utf-8")
    (tmp_path / "conf" / "strategy" / "fedavgclip.yaml").write_text(settings, encoding="utf-8")
    models = []
    for strategy in (["strategy=fedavgclip", f"strategy.max_norm={max_norm}"], ["strategy=fedavg"]):
        folder = tmp_path / strategy[0].partition("=")[2]
        command = [sys.executable, "-m", "fedsky", *strategy, *QUICK, f"hydra.run.dir={folder}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        models.append((folder / "model.safetensors").read_bytes())
    assert (models[0] == models[1]) == (max_norm == 1e30), "a norm that no gradient reaches is FedAvg"
