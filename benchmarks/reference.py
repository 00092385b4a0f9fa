"""``python -m benchmarks.reference --sky FOLDER``: computes outputs/reference/ anew, the committed runs.

The main job (every strategy, three seeds) and every recipe, on rendered skies and on the photographs in FOLDER. What is
there and done is left alone, so that an interrupted computation goes on; what a reader does not need is removed. The
models of one seed on the photographs stay: a fresh clone can predict with them.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from fedsky.history import DONE

REFERENCE = Path("outputs") / "reference"
STRATEGIES = ("fedavg", "fedprox", "centralized", "local")
KEPT_MODELS = ("fedavg", "centralized", "local")  # of seed 0, on the photographs
RECIPES = ("abc", "f5", "centralized1_1", "centralized1_2", "centralized1_3", "f10")


def commands(sky: str) -> dict[str, list[str]]:
    """The overrides of every reference run by its folder's name, short runs first."""
    data = {"rendered": ["data=rendered"], "sky": ["data=folder", f"data.root={sky}"]}
    found = {}
    for name, overrides in data.items():
        for strategy in STRATEGIES:
            for seed in range(3):
                found[f"{name}/{strategy}-{seed}"] = [*overrides, f"strategy={strategy}", f"seed={seed}", "name=main"]
    for recipe in RECIPES:
        for name, overrides in data.items():
            found[f"recipes/{recipe}-{name}"] = [f"experiment={recipe}", *overrides]
    return found


def prune(folder: Path, keep_models: bool) -> None:
    """Removes what only the running needed, and the models of all but a few runs."""
    for name in ("checkpoint", "clients"):
        shutil.rmtree(folder / name, ignore_errors=True)
    gone = ["run.log", "best.safetensors", ".hydra/hydra.yaml"]
    if not keep_models:
        gone.append("model.safetensors")
        shutil.rmtree(folder / "models", ignore_errors=True)
    for name in gone:
        (folder / name).unlink(missing_ok=True)


def main() -> None:
    """Runs what is missing, one run after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sky", default="../shared/sky", help="the folder of photographs, one folder a class")
    parser.add_argument("--only", default="", help="a part of the names of the runs to compute")
    asked = parser.parse_args()
    failed = []
    for name, overrides in commands(asked.sky).items():
        folder = REFERENCE / name
        if asked.only not in name or _is_done(folder):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        start = time.perf_counter()
        command = [sys.executable, "-m", "fedsky", *overrides, f"hydra.run.dir={folder.as_posix()}"]
        done = subprocess.run(command, capture_output=True, text=True)
        if not _is_done(folder):
            failed.append(name)
            print(f"{name}: failed\n{done.stderr}", flush=True)
            continue
        strategy, _, seed = name.rpartition("/")[2].partition("-")
        prune(folder, name.startswith("sky/") and seed == "0" and strategy in KEPT_MODELS)
        result = json.loads((folder / "run.json").read_text(encoding="utf-8"))["result"]
        figures = (
            f"accuracy {result['accuracy']:.4f}, balanced {result['balanced_accuracy']:.4f}, n {result['num_test']}"
        )
        print(f"{name}: {figures}, {time.perf_counter() - start:.0f} s", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _is_done(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"] == DONE)
    except (OSError, ValueError, KeyError):
        return False


if __name__ == "__main__":
    main()
