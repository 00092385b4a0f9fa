"""``python -m benchmarks.simulation``: seconds per round of fedsky's engines, a plain flwr app and the bare steps.

One after the other in one run, the bare steps before and after: 10 clients x 100 images and 20 to judge, ResNet-18 at
64 px. Steady state: the median of all rounds but the first. The figure to quote is the ratio to the bare steps.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from fedsky.config import compose, resolve
from fedsky.data import Photos

FOLDS = 9  # of which, by fedsky's split, 5/6 train, 1/18 validates and 1/9 tests


def noise(count: int, size: int) -> Photos:
    """Random images, as the other programs have them."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    return Photos(pixels, np.arange(count) % 2, [str(i) for i in range(count)], ("a", "b"), f"noise-{count}-{size}")


def run_engine(engine: str, asked: argparse.Namespace) -> None:
    """Runs fedsky in this process and prints its seconds per round as the other programs do."""
    from fedsky.engine import close
    from fedsky.run import run

    overrides = [f"engine={engine}", "model=resnet18", "lr=0.01", "lr_schedule=constant", "weight_decay=0"]
    config = resolve(compose([*overrides, f"num_clients={asked.clients}", f"num_rounds={asked.rounds}"]))
    count = asked.clients * round(asked.images * 6 / 5 + 2)  # a little more than asked for, never less
    config["data"] = {"_target_": "benchmarks.simulation.noise", "count": count, "size": asked.size}
    config["data"]["fold"] = f"1/{FOLDS}"
    if asked.workers and engine == "ray":
        config["engine"]["num_actors"] = asked.workers
    with tempfile.TemporaryDirectory() as folder:
        info = run(config, Path(folder) / "run")
        lines = (Path(folder) / "run" / "timing.jsonl").read_text().splitlines()
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        partition = json.loads((Path(folder) / "run" / "partition.json").read_text())
    close()
    seconds = [row["round_seconds"] for row in rows if row["client"] is None and row["round"] > 1]
    parts = {part: sum(sum(c[part]) for c in partition["clients"]) for part in ("train", "validation", "test")}
    figures = {"what": f"fedsky engine={engine}", "round_seconds": float(np.median(seconds)), **parts}
    print(json.dumps(figures | {"rounds": info["result"]["round"]}))


def main() -> None:
    """Runs all programs and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (
        ("clients", 10),
        ("images", 100),
        ("judged", 20),
        ("rounds", 4),
        ("size", 64),
        ("workers", 2),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--engine", choices=["ray", "inline"], help="run this engine alone, in this process")
    asked = parser.parse_args()
    if asked.engine:
        run_engine(asked.engine, asked)
        return
    sizes = [f"--{name}={getattr(asked, name)}" for name in ("clients", "images", "judged", "rounds", "size")]
    workers = [f"--workers={asked.workers}"]
    programs = [
        ["benchmarks.bare", *sizes, *workers],
        ["benchmarks.simulation", *sizes, *workers, "--engine=ray"],
        ["benchmarks.plain_flower", *sizes],
        ["benchmarks.simulation", *sizes, "--engine=inline"],
        ["benchmarks.bare", *sizes, *workers],
    ]
    results = []
    for program in programs:
        done = subprocess.run([sys.executable, "-m", *program], capture_output=True, text=True, timeout=900)
        if done.returncode:
            sys.exit(f"{' '.join(program)} failed:\n{done.stderr}")
        results.append(json.loads(done.stdout.strip().splitlines()[-1]))
        print(f"{results[-1]['what']:22} {results[-1]['round_seconds']:8.2f} s a round", flush=True)
    bare = (results[0]["round_seconds"] + results[-1]["round_seconds"]) / 2
    print("\nratio to the bare steps (the mean of before and after; below 1 is faster)")
    for result in results[1:-1]:
        print(f"{result['what']:22} {result['round_seconds'] / bare:8.2f}")
    print("\n" + "\n".join(json.dumps(result) for result in results))


if __name__ == "__main__":
    main()
