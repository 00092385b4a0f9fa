"""``python -m benchmarks.reference --sky FOLDER``: computes outputs/reference/ anew, the committed runs.

The main job (every strategy, three seeds) and every recipe, on rendered skies and on the photographs in FOLDER. There
the main job has five folds, so that every photograph is tested, and two more cuts (data seeds) of one seed. What is
there and done is left alone, so that an interrupted computation goes on; what a reader does not need is removed. The
models of one repetition stay, for a fresh clone to predict with: that whose fedavg run is the middle one of all on
validation images. The best would be the luckiest, and the best on test images chosen by them.
"""

import argparse
import json
import shutil
import subprocess
import sys
from datetime import datetime
from itertools import product
from pathlib import Path

from fedsky.history import DONE, choosing, read_lines, write_json

REFERENCE = Path("outputs") / "reference"
STRATEGIES = ("fedavg", "fedprox", "centralized", "local")
KEPT_MODELS = ("fedavg", "centralized", "local")  # of one repetition, on the photographs
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


def repetitions() -> list[str]:
    """How the names of all runs of a strategy on the photographs end."""
    cuts = [(0, cut) for cut in range(1, NUM_CUTS)]
    return [
        ending(seed, cut, fold)
        for seed, cut in [*((seed, 0) for seed in range(NUM_SEEDS)), *cuts]
        for fold in range(1, NUM_FOLDS + 1)
    ]


def middle(home: Path = REFERENCE / "sky") -> str:
    """How the names of the runs end whose models stay: those of median validation accuracy, then loss, of fedavg."""

    def score(last: str) -> tuple[float, float]:
        return choosing.validation(read_lines(home / f"fedavg{last}" / "rounds.jsonl")[0][-1])

    return choosing.middle(repetitions(), score)


def prune(folder: Path, keep_models: bool) -> None:
    """Removes what only the running needed, and the models where they are not kept."""
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


def compute(sweep: tuple[str, list[str], list[str]], engine: str) -> list[str]:
    """Runs a sweep and tells what each job reached; returns those that failed. Models of the photographs stay."""
    name, overrides, jobs = sweep
    home = REFERENCE / name
    for job in jobs:
        shutil.rmtree(home / job, ignore_errors=True)
    asked = [*overrides, f"engine={engine}", f"hydra.sweep.dir={home.as_posix()}"]
    done = subprocess.run([sys.executable, "-m", "fedsky", "-m", *asked], capture_output=True, text=True)
    (home / "multirun.yaml").unlink(missing_ok=True)
    failed = []
    for job in jobs:
        if not is_done(home / job):
            failed.append(f"{name}/{job}")
            print(f"{name}/{job}: failed\n{done.stderr}", flush=True)
            continue
        prune(home / job, name == "sky" and job.partition("-")[0] in KEPT_MODELS)
        info = json.loads((home / job / "run.json").read_text(encoding="utf-8"))
        result, seconds = info["result"], (_time(info["ended"]) - _time(info["started"])).total_seconds()
        figures = f"accuracy {result['accuracy']:.4f}, balanced {result['balanced_accuracy']:.4f}"
        print(f"{name}/{job}: {figures}, n {result['num_test']}, {seconds:.0f} s", flush=True)
    return failed


def main() -> None:
    """Runs what is missing, one sweep after the other, and keeps the models of the middle repetition."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sky", default="../shared/sky", help="the folder of photographs, one folder a class")
    parser.add_argument("--engine", default="ray", help="ray, or inline on a machine with other work")
    asked = parser.parse_args()
    every = sweeps(asked.sky)
    failed = []
    for sweep in every:
        if not all(is_done(REFERENCE / sweep[0] / job) for job in sweep[2]):
            failed += compute(sweep, asked.engine)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
    kept = [f"{strategy}{middle()}" for strategy in KEPT_MODELS]
    for sweep in every:
        if sweep[0] == "sky" and kept[0] in sweep[2] and not all(_has_models(job) for job in kept):
            failed += compute(sweep, asked.engine)
    for folder in (REFERENCE / "sky").iterdir():
        if not failed and folder.name not in kept:
            prune(folder, keep_models=False)
    print(f"models of {', '.join(kept)}")


def _has_models(job: str) -> bool:
    folder = REFERENCE / "sky" / job
    return (folder / "model.safetensors").exists() or (folder / "models").exists()


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
