"""python -m benchmarks.report: how long the report of 500 runs of 100 rounds and 20 clients takes, and how large it is.

The run folders are made by a seed, in the schema of fedsky.history: 10 strategies x 5 partitions x 10 seeds, every
owner in every round, 200 test images. Each report is a process of its own, whose peak memory the system tells. Aims:
below 60 s and a page below 5 MB; memory that hardly grows from 100 runs to 500.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from fedsky.history.columns import CLIENTS, ROUNDS, TABLES, TIMING

STRATEGIES = ("local", "centralized", "fedavg", "fedprox", "scaffold", "fednova", "feddyn", "moon", "ditto", "fedbn")
ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0)
CLASSES = ("cloudy", "sunny")
NUM_ROUNDS, NUM_CLIENTS, NUM_TEST = 100, 20, 10  # NUM_TEST: of each client
NUM_BYTES = 1_251_280


def write_runs(root: Path, count: int) -> None:
    """Writes run folders; of fewer than 500, all strategies and partitions with fewer seeds."""
    for number in range(count):
        strategy = STRATEGIES[number % len(STRATEGIES)]
        alpha = ALPHAS[number // len(STRATEGIES) % len(ALPHAS)]
        write_run(root / f"{number:04}", strategy, alpha, seed=number // (len(STRATEGIES) * len(ALPHAS)))


def write_run(folder: Path, strategy: str, alpha: float, seed: int) -> None:
    """Writes one run folder whose files agree with each other."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng([STRATEGIES.index(strategy), ALPHAS.index(alpha), seed])
    sends = strategy not in ("local", "centralized")
    config = {
        "name": "benchmark", "num_clients": NUM_CLIENTS, "num_rounds": NUM_ROUNDS, "local_epochs": 1, "lr": 0.05,
        "seed": seed, "data_seed": 0, "client_names": None, "data": {"_target_": "fedsky.data.rendered", "fold": None},
        "partition": {"_target_": "fedsky.partition.dirichlet", "alpha": alpha},
        "strategy": {"_target_": f"strategies.{strategy}.X"}, "engine": {"kind": "ray", "num_actors": 2},
    }  # fmt: skip
    choices = {"strategy": strategy, "partition": "dirichlet", "model": "resnet8", "data": "rendered", "engine": "ray"}
    info = {
        "name": folder.name, "status": "done", "reason": None, "started": "2026-01-01T00:00:00+00:00",
        "command": f"python -m fedsky strategy={strategy}", "commit": "0" * 40, "config": config, "choices": choices,
        "versions": {"flwr": "1.41.0"}, "machine": {"num_cores": 2}, "result": {"round": NUM_ROUNDS},
        "data": {"fingerprint": "f", "classes": list(CLASSES), "image_size": 64},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(info))
    labels = np.tile(np.repeat(np.arange(2), NUM_TEST // 2), NUM_CLIENTS)
    right = generator.random(len(labels)) < 0.9
    last = right.reshape(NUM_CLIENTS, NUM_TEST).mean(axis=1)
    rise = 1 - np.exp(-np.arange(NUM_ROUNDS + 1) / 20)
    rise /= rise[-1]
    rounds, clients, timing = [], [], []
    for number in range(NUM_ROUNDS + 1):
        accuracy = 0.5 + (float(right.mean()) - 0.5) * float(rise[number])
        sent = NUM_BYTES * NUM_CLIENTS if sends and number else 0
        values = {"round": number, "loss": 1 - accuracy, "accuracy": accuracy, "balanced_accuracy": accuracy,
                  "validation_loss": 1 - accuracy, "validation_accuracy": accuracy, "train_loss": 0.3,
                  "num_trained": NUM_CLIENTS, "num_failures": 0, "num_steps": 80 if number else 0,
                  "bytes_up": sent, "bytes_down": sent}  # fmt: skip
        rounds.append(_line(values, TABLES[ROUNDS]))
        seconds = generator.random(NUM_CLIENTS)
        for client in range(NUM_CLIENTS):
            own = {"round": number, "client": client, "status": "ok", "num_examples": 40, "num_steps": 4,
                   "train_loss": 0.3, "num_test": NUM_TEST, "loss": 1 - accuracy,
                   "accuracy": 0.5 + (float(last[client]) - 0.5) * float(rise[number]),
                   "balanced_accuracy": accuracy, "validation_loss": 0.5, "validation_accuracy": accuracy,
                   "bytes_up": sent // NUM_CLIENTS, "bytes_down": sent // NUM_CLIENTS}  # fmt: skip
            clients.append(_line(own, TABLES[CLIENTS]))
            timing.append(_line({"round": number, "client": client, "train_seconds": float(seconds[client]),
                                 "peak_memory_bytes": 10**9}, TABLES[TIMING]))  # fmt: skip
        timing.append(_line({"round": number, "client": None, "round_seconds": float(seconds.sum())}, TABLES[TIMING]))
    for name, lines in (("rounds", rounds), ("clients", clients), ("timing", timing)):
        (folder / f"{name}.jsonl").write_text("".join(lines))
    half = [NUM_TEST // 2] * 2
    parts = [
        {"client": client, "name": str(client), "train": [20, 20], "validation": [2, 2], "test": half}
        for client in range(NUM_CLIENTS)
    ]
    (folder / "partition.json").write_text(json.dumps({"classes": CLASSES, "clients": parts}))
    rows = ["image,client,label,predicted,probability_cloudy,probability_sunny\n"]
    for image, (label, good) in enumerate(zip(labels, right, strict=True)):
        predicted = label if good else 1 - label
        sure = 0.5 + 0.5 * generator.random()
        shares = (sure, 1 - sure) if predicted == 0 else (1 - sure, sure)
        rows.append(
            f"{image:04},{image // NUM_TEST},{CLASSES[label]},{CLASSES[predicted]},{shares[0]:.6f},{shares[1]:.6f}\n"
        )
    (folder / "predictions.csv").write_text("".join(rows))


def _line(values: dict[str, Any], keys: tuple[str, ...]) -> str:
    return json.dumps({key: values.get(key) for key in keys}) + "\n"


def measure(folder: Path, out: Path) -> dict[str, float]:
    """Wall and processor seconds of the report of a folder in a process of its own, its peak memory and its page."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "fedsky.report", str(folder), "--out", str(out)], stdout=subprocess.DEVNULL
    )
    _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"the report of {folder} ended with {os.waitstatus_to_exitcode(status)}")
    return {
        "wall": seconds,
        "processor": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / 1024,
        "page": (out / "index.html").stat().st_size / 1e6,
        "all": sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6,
    }


def main() -> None:
    """Makes the folders, measures, prints a line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 500], help="how many runs a report has")
    counts = parser.parse_args().runs
    print(f"{'runs':>6}{'wall s':>10}{'cpu s':>10}{'peak MB':>10}{'page MB':>10}{'all MB':>10}")
    for count in counts:
        with tempfile.TemporaryDirectory() as place:
            write_runs(Path(place) / "runs", count)
            found = measure(Path(place) / "runs", Path(place) / "out")
        cells = [found[name] for name in ("wall", "processor", "memory", "page", "all")]
        print(f"{count:>6}" + "".join(f"{cell:>10.1f}" if math.isfinite(cell) else f"{'':>10}" for cell in cells))


if __name__ == "__main__":
    main()
