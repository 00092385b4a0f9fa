"""``python -m benchmarks.reference --sky FOLDER``: computes outputs/reference/ anew, the committed runs.

The main job (every strategy, three seeds) and every recipe, on rendered skies and on the photographs in FOLDER; there
the main job has five folds, so that every photograph is tested. What is there and done is left alone, so that an
interrupted computation goes on; what a reader does not need is removed. The models of one seed and fold stay: a fresh
clone can predict with them.
"""

import argparse
import json
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from fedsky.history import DONE, write_json

REFERENCE = Path("outputs") / "reference"
STRATEGIES = ("fedavg", "fedprox", "centralized", "local")
KEPT_MODELS = ("fedavg", "centralized", "local")  # of seed 0 and fold 1/5, on the photographs
NUM_FOLDS = 5
RECIPES = (["abc", "f5", "centralized1_1", "centralized1_2", "centralized1_3"], ["f10"])


def sweeps(sky: str) -> list[tuple[str, list[str], list[str]]]:
    """The sweeps: the folder that each fills, its overrides and the names of its jobs' folders."""
    data = {"sky": ["data=folder", f"data.root={sky}"], "rendered": ["data=rendered"]}
    main = [f"strategy={','.join(STRATEGIES)}", "seed=0,1,2", "name=main"]
    found = []
    for name, overrides in data.items():
        for fold in range(1, 1 + (NUM_FOLDS if name == "sky" else 1)):
            place = [f"data.fold={fold}/{NUM_FOLDS}"] if fold > 1 else []
            place.append(f"hydra.sweep.subdir=${{hydra.runtime.choices.strategy}}-${{seed}}{ending(fold)}")
            jobs = [f"{strategy}-{seed}{ending(fold)}" for strategy in STRATEGIES for seed in range(3)]
            found.append((name, [*overrides, *main, *place], jobs))
    for recipes in RECIPES:
        for name, overrides in data.items():
            asked = [f"experiment={','.join(recipes)}", *overrides, "hydra.sweep.subdir=${name}"]
            found.append((f"recipes/{name}", asked, recipes))
    return found


def ending(fold: int) -> str:
    """How the names of a fold's folders end."""
    return f"-fold{fold}" if fold > 1 else ""


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
    kept = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    kept.pop("directory", None)  # a place of this machine
    write_json(folder / "run.json", kept)


def main() -> None:
    """Runs what is missing, one sweep after the other, and tells what each job reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sky", default="../shared/sky", help="the folder of photographs, one folder a class")
    failed = []
    for name, overrides, jobs in sweeps(parser.parse_args().sky):
        home = REFERENCE / name
        if all(_is_done(home / job) for job in jobs):
            continue
        for job in jobs:
            shutil.rmtree(home / job, ignore_errors=True)
        command = [sys.executable, "-m", "fedsky", "-m", *overrides, f"hydra.sweep.dir={home.as_posix()}"]
        done = subprocess.run(command, capture_output=True, text=True)
        (home / "multirun.yaml").unlink(missing_ok=True)
        for job in jobs:
            if not _is_done(home / job):
                failed.append(f"{name}/{job}")
                print(f"{name}/{job}: failed\n{done.stderr}", flush=True)
                continue
            strategy, _, seed = job.partition("-")
            prune(home / job, name == "sky" and seed == "0" and strategy in KEPT_MODELS)
            info = json.loads((home / job / "run.json").read_text(encoding="utf-8"))
            result, seconds = info["result"], (_time(info["ended"]) - _time(info["started"])).total_seconds()
            figures = f"accuracy {result['accuracy']:.4f}, balanced {result['balanced_accuracy']:.4f}"
            print(f"{name}/{job}: {figures}, n {result['num_test']}, {seconds:.0f} s", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_done(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"] == DONE)
    except (OSError, ValueError, KeyError):
        return False


if __name__ == "__main__":
    main()
