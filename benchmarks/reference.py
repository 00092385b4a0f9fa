"""``python -m benchmarks.reference --sky FOLDER``: computes outputs/reference/ anew, the committed runs.

The main job (every strategy, three seeds) and every recipe, on rendered skies and on the photographs in FOLDER. There
the main job has five folds, so that every photograph is tested, and two more cuts (data seeds) of one seed. What is
there and done is left alone, so that an interrupted computation goes on; what a reader does not need is removed. The
models of one seed and fold stay: a fresh clone can predict with them.
"""

import argparse
import json
import shutil
import subprocess
import sys
from datetime import datetime
from itertools import product
from pathlib import Path

from fedsky.history import DONE, write_json

REFERENCE = Path("outputs") / "reference"
STRATEGIES = ("fedavg", "fedprox", "centralized", "local")
KEPT_MODELS = ("fedavg", "centralized", "local")  # of seed 0 and fold 1/5, on the photographs
NUM_FOLDS, NUM_CUTS, NUM_SEEDS = 5, 3, 3  # the first cut with three seeds, the others with one
RECIPES = (["abc", "f5", "centralized1_1", "centralized1_2", "centralized1_3"], ["f10"])


def sweeps(sky: str) -> list[tuple[str, list[str], list[str]]]:
    """The sweeps: the folder that each fills, its overrides and the names of its jobs' folders."""
    data = {"sky": ["data=folder", f"data.root={sky}"], "rendered": ["data=rendered"]}
    main = [f"strategy={','.join(STRATEGIES)}", "name=main"]
    found = []
    for name, overrides in data.items():
        cuts, folds = (NUM_CUTS, NUM_FOLDS) if name == "sky" else (1, 1)
        for seed, cut, fold in product(range(NUM_SEEDS), range(cuts), range(1, folds + 1)):
            if cut and seed:
                continue
            last = ending(seed, cut, fold)
            place = [f"seed={seed}", f"data_seed={cut}", f"data.fold={fold}/{NUM_FOLDS}"]
            place.append(f"hydra.sweep.subdir=${{hydra.runtime.choices.strategy}}{last}")
            found.append((name, [*overrides, *main, *place], [f"{strategy}{last}" for strategy in STRATEGIES]))
    for recipes in RECIPES:
        for name, overrides in data.items():
            asked = [f"experiment={','.join(recipes)}", *overrides, "hydra.sweep.subdir=${name}"]
            found.append((f"recipes/{name}", asked, recipes))
    return found


def ending(seed: int, cut: int, fold: int) -> str:
    """How the names of the folders of a repetition end."""
    return f"-{seed}" + (f"-data{cut}" if cut else "") + (f"-fold{fold}" if fold > 1 else "")


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
    parser.add_argument("--engine", default="ray", help="ray, or inline on a machine with other work")
    asked = parser.parse_args()
    failed = []
    for name, overrides, jobs in sweeps(asked.sky):
        home = REFERENCE / name
        if all(is_done(home / job) for job in jobs):
            continue
        for job in jobs:
            shutil.rmtree(home / job, ignore_errors=True)
        command = [
            sys.executable,
            "-m",
            "fedsky",
            "-m",
            *overrides,
            f"engine={asked.engine}",
            f"hydra.sweep.dir={home.as_posix()}",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        (home / "multirun.yaml").unlink(missing_ok=True)
        for job in jobs:
            if not is_done(home / job):
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


def is_done(folder: Path) -> bool:
    """Whether a run stands there that has ended well."""
    try:
        return bool(json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"] == DONE)
    except (OSError, ValueError, KeyError):
        return False


if __name__ == "__main__":
    main()
