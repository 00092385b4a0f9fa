"""What a person types wrongly costs one clear line and a non-zero exit, never a traceback."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import forked
import pytest
from PIL import Image

SMALL = ["engine=inline", "num_rounds=1", "num_clients=2", "data.size=32"]
WIDE = os.environ | {"COLUMNS": "200"}
LIMIT = 200_000  # bytes a file: less than the model's


def run(folder: Path, *overrides: str, largest_file: int | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with its runs under ``folder``."""

    def limit() -> None:
        assert largest_file is not None
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    return subprocess.run(
        [sys.executable, "-m", "fedsky", *overrides],
        cwd=folder,
        env=WIDE,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=limit if largest_file else None,
    )


def statuses(folder: Path) -> list[str]:
    return [json.loads(path.read_text())["status"] for path in folder.rglob("run.json")]


def one_line(done: subprocess.CompletedProcess[str], folder: Path) -> str:
    """The one line on stderr of a command that failed and left no run that says done."""
    assert done.returncode not in (0, -6, -9, -11)
    assert done.stderr.startswith("fedsky: ") and done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    assert "done" not in statuses(folder)
    return done.stderr.removeprefix("fedsky: ").strip()


@pytest.mark.parametrize(
    ("override", "code", "line"),
    [
        ("strategy=fedavgg", 2, "unknown strategy 'fedavgg'; choose bulyan, centralized, ditto, "),
        ("num_client=3", 2, "unknown key num_client: did you mean num_clients?"),
        ("strategy=null", 2, ""),
        ("lr='", 2, ""),
        ("name=${nowhere}", 2, "Interpolation key 'nowhere' not found"),
        ("num_clients=0", 1, "num_clients=0: a whole number of 1 or more is needed"),
        ("participation=0", 1, "participation=0: a number above 0 and at most 1 is needed"),
        ("lr=nan", 1, "lr=nan: a number above 0 is needed"),
    ],
)
def test_a_wrong_value_is_told_before_anything_slow_is_loaded(
    tmp_path: Path, override: str, code: int, line: str
) -> None:
    done = run(tmp_path, override)
    assert one_line(done, tmp_path).startswith(line)
    assert done.returncode == code


def test_what_is_wrong_with_the_data_is_told_in_one_line_while_ray_starts(tmp_path: Path) -> None:
    done = run(tmp_path, "data=folder", "data.root=nowhere", "engine=ray", "engine.num_actors=1")
    assert one_line(done, tmp_path).startswith("data.root=nowhere does not exist: name a folder")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("module", "slow"),
    [
        ("fedsky.command.shell", ("torch", "flwr", "ray", "PIL", "pandas")),
        ("fedsky.engine.ray", ("torch", "flwr", "ray", "PIL", "pandas")),  # Ray starts before these are imported
    ],
)
def test_nothing_slow_is_loaded_before_it_is_needed(module: str, slow: tuple[str, ...]) -> None:
    code = f"import sys, {module}; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """Folders of photographs, each with one thing wrong."""
    for root in ("one", "empty", "truncated", "text"):
        for name in ("cloudy",) if root == "one" else ("cloudy", "sunny"):
            folder = tmp_path / root / name
            folder.mkdir(parents=True)
            for number in range(12):
                Image.effect_noise((48, 48), 60).save(folder / f"{number}.jpg")
    for path in (tmp_path / "empty" / "sunny").iterdir():
        path.unlink()
    cut_off = tmp_path / "truncated" / "sunny" / "7.jpg"
    cut_off.write_bytes(cut_off.read_bytes()[:700])
    (tmp_path / "text" / "cloudy" / "0.jpg").write_text("no photograph\n")
    return tmp_path


def test_photographs_that_cannot_be_used_are_told_alone_and_in_a_sweep(roots: Path) -> None:
    wrong = {
        "null": "data=folder needs to know where the photographs are: add data.root=FOLDER",
        "nowhere": "data.root=nowhere does not exist: name a folder",
        "one": "data.root=one holds 1 class folder (cloudy): two or more are needed",
        "empty": "the class folder empty/sunny holds no photograph",
        "truncated": "truncated/sunny/7.jpg is not a readable photograph",
        "text": "text/cloudy/0.jpg is not a readable photograph",
    }
    done = forked.command("fedsky", "-m", "data=folder", f"data.root={','.join(wrong)}", *SMALL, cwd=roots, env=WIDE)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert statuses(roots) == ["failed"] * len(wrong)
    lines = done.stderr.splitlines()
    assert lines[len(wrong)] == f"fedsky: {len(wrong)} job(s) failed:"
    assert len(lines) == 2 * len(wrong) + 1
    for (root, told), at_once, summary in zip(wrong.items(), lines, lines[len(wrong) + 1 :], strict=False):
        assert at_once.startswith(f"fedsky: {told}")
        assert summary.startswith("data=folder ") and f"data.root={root} " in summary and f": {told}" in summary

    alone = forked.command("fedsky", "data=folder", "data.root=text", *SMALL, cwd=roots, env=WIDE)
    assert one_line(alone, roots).startswith(wrong["text"])


def test_more_clients_than_images_allow(tmp_path: Path) -> None:
    words = [*SMALL, "data.count=40", "num_clients=10000"]
    line = one_line(forked.command("fedsky", *words, cwd=tmp_path, env=WIDE), tmp_path)
    assert line == "num_clients=10000: 40 images with partition.min_examples=10 allow 1 to 4 clients"


def test_a_full_disk_leaves_no_half_model_and_no_run_that_says_done(tmp_path: Path) -> None:
    done = run(tmp_path, *SMALL, "data.count=40", largest_file=LIMIT)
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]  # after the partition's table
    assert line.startswith("fedsky: ") and "Traceback" not in done.stderr
    assert "File too large" in line and ".safetensors" in line
    assert statuses(tmp_path) == ["failed"]
    assert list(tmp_path.rglob("*safetensors*")) == []
