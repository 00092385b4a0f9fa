"""``python -m benchmarks.device``: what a round takes on a GPU, where there is one, else on the CPU.

``cifar`` has the shape of pfl-research's CIFAR-10 benchmark: 1,500 rounds of 50 clients x some 50 images of 32 pixels,
the network of two convolutions, batch 10, one epoch; ``resnet18`` is 100 clients x some 20 images of 64 pixels; ``few``
is 100 clients x some five of 32, by which several together gain on a CPU, too. Images are noise, as only the time
counts. Each case one client after the other, several together, and these in bfloat16: seconds a round are the median of
all but the first, with an evaluation in each (pfl-research: in every tenth).
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fedsky.config import compose, resolve
from fedsky.data import Photos
from fedsky.history import read_run, write_json
from fedsky.run import run

# clients, images to train on, pixels, classes, rounds, clients together, more of the configuration
CASES: dict[str, tuple[int, int, int, int, int, int, list[str]]] = {
    "cifar": (50, 50, 32, 10, 1500, 50, ["model=simple_cnn", "model.kind=mcmahan", "batch_size=10", "lr=0.1"]),
    "resnet18": (100, 20, 64, 2, 20, 20, ["model=resnet18", "batch_size=16", "lr=0.01"]),
    "few": (100, 5, 32, 2, 5, 16, ["model=resnet8", "model.norm=group", "lr=0.01", "partition.min_examples=1"]),
}
FIXED = ("engine=inline", "lr_schedule=constant", "weight_decay=0", "momentum=0", "checkpoint=false")
WAYS = {
    "one by one": [],
    "together": ["engine.batch_clients={}"],
    "together, bfloat16": ["engine.batch_clients={}", "precision=bfloat16"],
}


def noise(count: int, size: int, classes: int) -> Photos:
    """Random images."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    names = [str(number) for number in range(count)]
    return Photos(
        pixels, np.arange(count) % classes, names, tuple(map(str, range(classes))), f"noise-{count}-{size}-{classes}"
    )


def measure(case: str, way: str, rounds: int | None, clients: int | None, device: str) -> dict[str, Any]:
    """The figures of one run, by the rows of its folder."""
    num, images, size, classes, most, together, more = CASES[case]
    num = clients or num
    words = [word.format(min(together, num)) for word in WAYS[way]]
    gpus = ["engine.num_gpus=1"] if device == "cuda" else []
    config = resolve(
        compose(
            [f"num_clients={num}", f"num_rounds={rounds or most}", f"data.size={size}", *FIXED, *more, *gpus, *words]
        )
    )
    own = round(images * 6 / 5 + 2)  # of which 5/6 train
    config["data"] = {
        "_target_": "benchmarks.device.noise",
        "count": num * own,
        "size": size,
        "classes": classes,
        "fold": f"1/{min(own, 9)}",
    }
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        info = run(config, Path(folder) / "run")
        found = read_run(Path(folder) / "run")
    server = [row for row in found.timing if row["client"] is None and row["round"] > 1]
    clients_own = [row for row in found.timing if row["client"] is not None and row["round"] > 1]
    told: dict[str, Any] = {
        key: statistics.median(row[key] for row in server)
        for key in ("round_seconds", "wait_seconds", "combine_seconds", "evaluate_seconds")
    }
    return told | {
        "case": case,
        "way": way,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "rounds": rounds or most,
        "train_cpu_seconds": sum(row["train_cpu_seconds"] for row in clients_own) / len(server),
        "rounds_seconds": sum(row["round_seconds"] for row in server),
        "together": info.get("batched", {}).get("together", 0),
        "gpu_mb": torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else None,
    }


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Prints a line for each case and way; the ratio is to the case's first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--rounds", type=int, help="in place of a case's own; 2 or more")
    parser.add_argument("--clients", type=int, help="in place of a case's own")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep what was measured as JSON")
    asked = parser.parse_args(arguments)
    if asked.rounds is not None and asked.rounds < 2:
        sys.exit(f"--rounds {asked.rounds}: 2 or more are needed, as the first does not count")
    results: list[dict[str, Any]] = []
    columns = ("round_seconds", "ratio", "wait_seconds", "combine_seconds", "evaluate_seconds", "train_cpu_seconds")
    print(f"{'case':10} {'way':20}" + "".join(f"{name.replace('_seconds', ' s'):>12}" for name in columns))
    for case in asked.cases:
        first = len(results)
        for way in WAYS:
            result = measure(case, way, asked.rounds, asked.clients, asked.device)
            results.append(result)
            result["ratio"] = result["round_seconds"] / results[first]["round_seconds"]
            print(f"{case:10} {way:20}" + "".join(f"{result[name]:12.3f}" for name in columns), flush=True)
    print("\n" + "\n".join(json.dumps(result) for result in results))
    if asked.write is not None:
        write_json(asked.write, {"torch": torch.__version__, "results": results})
    return results


if __name__ == "__main__":
    main()
