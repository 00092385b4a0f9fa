"""fedsky as it is installed from a wheel, outside the checkout: its command, and a shelf of one's own in any folder."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

import forked
import pytest
from own_shelf import ALL, SMALL, write_shelf
from PIL import Image
from ports import free_port

from fedsky.command.installed import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
TINY = ["engine=inline", "data.count=40", "data.size=16", "num_rounds=1"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run([sys.executable, "-m", "pip", *build], check=True, timeout=120)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def fedsky(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, in an environment of its own that has what fedsky needs, but not the checkout."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True, timeout=120)
    [packages] = home.glob("lib/*/site-packages")
    # A path that a .pth file names is not searched for further .pth files: the editable install stays out.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin" / "fedsky"


def environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def ask(fedsky: Path, folder: Path, *words: str, code: int = 0) -> str:
    command = [str(fedsky), *words]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=240)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def ask_quickly(fedsky: Path, folder: Path, *words: str, code: int = 0) -> str:
    """As ``ask``, of the installed modules, in a process that has the libraries."""
    [packages] = fedsky.parents[1].glob("lib/*/site-packages")
    program, *rest = (f"fedsky.{words[0]}", *words[1:]) if words[0] in COMMANDS else ("fedsky", *words)
    done = forked.command(program, *rest, cwd=folder, env=environment() | {"PYTHONPATH": str(packages)})
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code else done.stdout


def infos(folder: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("run.json"))]


def models(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("model.safetensors")}


def test_the_wheel_holds_what_a_run_needs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    asked = ["git", "ls-files", "conf", "fedsky", "strategies", "baselines", "constraints.txt"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    wanted = {re.sub(r"^(conf/|constraints\.txt)", r"fedsky/\1", name) for name in listed if (ROOT / name).exists()}
    assert held >= {name for name in wanted if not name.startswith("fedsky/web/frontend/")}
    assert {name.split("/")[0] for name in held} == {"fedsky", "strategies", "baselines"}
    assert not [name for name in held if "node_modules" in name or name.startswith("fedsky/web/frontend/")]
    assert wheel.stat().st_size < 3_000_000


def test_the_main_job_in_an_empty_folder(fedsky: Path, tmp_path: Path) -> None:
    where = "import fedsky, strategies, baselines; print(*(m.__path__[0] for m in (fedsky, strategies, baselines)))"
    python = fedsky.with_name("python")
    found = subprocess.run([python, "-c", where], cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert [Path(path).is_relative_to(fedsky.parents[1]) for path in found.stdout.split()] == [True] * 3, found

    ask(fedsky, tmp_path, "strategy=fedavg", "num_clients=2", *TINY, "name=job")
    [info] = infos(tmp_path)
    assert info["status"] == "done" and "commit" not in info
    ask(fedsky, tmp_path, "-m", "strategy=fedavg,local", "seed=0,1", "num_clients=2", *TINY, "name=sweep")
    page = ask(fedsky, tmp_path, "report", "outputs/sweep").splitlines()[-1]
    assert page == "outputs/sweep/report/index.html" and "fedavg" in (tmp_path / page).read_text()
    assert "label heterogeneity" in ask(fedsky, tmp_path, "data", "partition", "num_clients=2", "data.count=40").lower()
    assert "nowhere" in ask(fedsky, tmp_path, "report", "nowhere", code=1)


def test_a_shelf_of_ones_own(fedsky: Path, tmp_path: Path) -> None:
    """Trained on both engines to the same bytes, swept, reported, and offered where a name is wrong."""
    write_shelf(tmp_path)
    ask_quickly(fedsky, tmp_path, "-m", *ALL, "strategy.max_norm=0.01,1e9", "hydra.sweep.dir=outputs/own")
    ask_quickly(fedsky, tmp_path, *ALL, "strategy=fedavg", "hydra.run.dir=fedavg")
    ask_quickly(
        fedsky, tmp_path, *ALL, "strategy.max_norm=0.01", "engine=ray", "engine.num_actors=2", "hydra.run.dir=ray"
    )
    clipped, plain = (models(tmp_path / "outputs" / "own" / number) for number in "01")
    assert models(tmp_path / "ray") == clipped != plain == models(tmp_path / "fedavg")
    page = ask_quickly(fedsky, tmp_path, "report", "outputs/own").splitlines()[-1]
    assert "fedavgclip" in (tmp_path / page).read_text()
    assert "fedavgclip" in ask_quickly(fedsky, tmp_path, "strategy=fedavgclap", code=2)
    table = ask_quickly(fedsky, tmp_path, "data", "partition", *SMALL, "partition=largest", "partition.share=0.7")
    assert "standing" in table and "sizes: 12 to 28 images" in table


def test_a_model_of_ones_own_judges_where_its_shelf_stands_alone(fedsky: Path, tmp_path: Path) -> None:
    write_shelf(tmp_path)
    ask(fedsky, tmp_path, *ALL, "hydra.run.dir=run")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "photo.png")
    assert re.match(r"photo\.png: (lying|standing) \d\.\d+\n", ask(fedsky, tmp_path, "predict", "run", "photo.png"))
    (tmp_path / "run" / "elsewhere").mkdir()
    told = ask(fedsky, tmp_path / "run" / "elsewhere", "predict", "..", "../../photo.png", code=1)
    assert "names model._target_=mine.small, which conf/ does not" in told and told.count("\n") == 1


def test_runs_of_ones_own_go_on_where_they_stopped(fedsky: Path, tmp_path: Path) -> None:
    write_shelf(tmp_path)
    words = [str(fedsky), "-m", *ALL, "strategy=fedavg,fedavgclip", "seed=0,1", "num_rounds=4"]
    ask(fedsky, tmp_path, *words[1:], "hydra.sweep.dir=whole")
    process = subprocess.Popen(
        [*words, "hydra.sweep.dir=cut"], cwd=tmp_path, env=environment(), stdout=subprocess.DEVNULL
    )
    rounds, end = tmp_path / "cut" / "2" / "rounds.jsonl", time.monotonic() + 120
    while not (rounds.is_file() and rounds.read_text().count("\n") >= 2):
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert [info["status"] for info in infos(tmp_path / "cut")] == ["done", "done", "running"]
    ask(fedsky, tmp_path, "resume", "cut")
    assert models(tmp_path / "cut") == models(tmp_path / "whole")
    assert [info["status"] for info in infos(tmp_path / "cut")] == ["done"] * 4


def test_the_site_starts_and_shows_a_run(fedsky: Path, tmp_path: Path) -> None:
    ask(fedsky, tmp_path, "num_clients=2", *TINY, "name=job")
    port = free_port()
    words = [str(fedsky), "web", "--port", str(port), "--no-worker"]
    process = subprocess.Popen(words, cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/runs", timeout=10) as answer:
                    [run] = json.load(answer)["runs"]
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < end
                time.sleep(0.2)
        assert run["strategy"] == "fedavg"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert b'<div id="app"' in answer.read()
    finally:
        process.terminate()
        process.wait(timeout=30)
