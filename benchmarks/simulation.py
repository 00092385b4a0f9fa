"""``python -m benchmarks.simulation``: what fedsky's engines take beside the bare steps of the same training.

One after the other, the bare steps before and after: ResNet-18 at 64 px with 10 clients x 100 images, which a plain
flwr app does too, and with 100 x 20; the default run; 10 to 1000 clients of some five images, where the bare steps
are the clients' own seconds, shared by the cores; and 200 rounds, for the memory. A round is the median of all but the
first; the figure to quote is the ratio to the bare steps, of processor seconds where the machine has other work, too.
``--cases 10x100 default`` names some; ``--write docs/speed.json`` keeps all, for ``python -m docs`` to tell.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from fedsky.config import compose, resolve
from fedsky.data import Photos
from fedsky.engine import close, prepare
from fedsky.history import write_json
from fedsky.machine import num_cores

FOLDS = 9  # of which, by fedsky's split, 5/6 train, 1/18 validates and 1/9 tests
LARGE = ["model=resnet18", "lr=0.01", "lr_schedule=constant", "weight_decay=0"]
TINY = ["data.size=32", "partition.min_examples=1"]
# clients, images to train on, images to judge, rounds, more of the configuration, the model of the bare steps if any
CASES: dict[str, tuple[int, int, int, int, list[str], str | None]] = {
    "10x100": (10, 100, 20, 3, LARGE, "resnet18"),
    "100x20": (100, 20, 5, 2, LARGE, "resnet18"),
    "default": (5, 84, 36, 20, [], "resnet8"),
    **{f"{n}x5": (n, 5, 2, 3, [*TINY, f"data.count={8 * n}"], None) for n in (10, 30, 100, 300, 1000)},
    "rounds": (5, 5, 2, 200, [*TINY, "data.count=40"], None),
}
PLAIN = ("10x100",)  # which a plain flwr app does, too
INLINE = ("default", "10x5", "100x5")  # all cases within ten minutes


def processor_seconds() -> float:
    """What this process and those below it have taken of the processors until now; ended ones do not count."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            taken = process.cpu_times()
            total += taken.user + taken.system
    return total


def noise(count: int, size: int) -> Photos:
    """Random images, as the other programs have them."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, 3, size, size), dtype=np.uint8)
    return Photos(pixels, np.arange(count) % 2, [str(i) for i in range(count)], ("a", "b"), f"noise-{count}-{size}")


def run_engine(engine: str, case: str, workers: int) -> None:
    """Runs fedsky in this process and prints what it took, by the rows of its folder."""
    clients, images, _, rounds, more, _ = CASES[case]
    config = resolve(compose([f"engine={engine}", f"num_clients={clients}", f"num_rounds={rounds}", *more]))
    if more is LARGE:  # a little more than asked for, never less
        count = clients * round(images * 6 / 5 + 2)
        config["data"] = {"_target_": "benchmarks.simulation.noise", "count": count, "size": 64, "fold": f"1/{FOLDS}"}
    if engine == "ray":
        config["engine"]["num_actors"] = workers
    prepare(config["engine"], clients)  # as the command does, before it imports the rest
    from fedsky.history import read_run
    from fedsky.run import run
    from fedsky.run.loop import RoundLoop

    loop: Any = RoundLoop
    ends, processor, write = [], [], loop._write

    def noted(*arguments: Any) -> Any:
        ends.append(time.time())
        processor.append(processor_seconds())
        return write(*arguments)

    loop._write = noted
    with tempfile.TemporaryDirectory() as folder:
        run(config, Path(folder) / "run")
        found = read_run(Path(folder) / "run")
    close()
    begun = psutil.Process().create_time()
    server = {row["round"]: row for row in found.timing if row["client"] is None}
    own: dict[int, list[float]] = {number: [] for number in server}
    processors: dict[int, list[float]] = {number: [] for number in server}
    for row in found.timing:
        if row["client"] is not None:
            processors[row["round"]].append(row["train_cpu_seconds"] or 0.0)
            own[row["round"]].append((row["train_seconds"] or 0.0) + (row["evaluate_seconds"] or 0.0))
    at_once = workers if engine == "ray" else 1
    late = [number for number in server if number > 1]
    keys = ("round_seconds", "wait_seconds", "combine_seconds", "evaluate_seconds")
    figures: dict[str, Any] = {key: float(np.median([server[number][key] for number in late])) for key in keys}
    figures |= {
        "clients": clients,
        "cpu_seconds": float(np.median(np.diff(processor)[1:])),
        "own_cpu_seconds": float(np.median([sum(processors[number]) for number in late])),
        "own_seconds": float(np.median([sum(own[number]) for number in late])) / at_once,
        "start_seconds": ends[1] - begun - max(max(own[1]), sum(own[1]) / at_once),
        "whole_seconds": time.time() - begun,
        "driver_mb": max(row["peak_memory_bytes"] for row in server.values()) / 1e6,
        "client_mb": max(row["peak_memory_bytes"] or 0 for row in found.timing if row["client"] is not None) / 1e6,
        "moved_mb": max(row["bytes_up"] + row["bytes_down"] for row in found.rounds) / 1e6,
    }
    if case == "rounds":
        figures["memory_mb"] = [round(row["peak_memory_bytes"] / 1e6, 1) for row in server.values()]
    sys.stdout.write(json.dumps({"what": f"engine={engine}"} | figures) + "\n")


def told(program: list[str]) -> dict[str, Any]:
    """What a program of this folder says in its last line."""
    done = subprocess.run([sys.executable, "-m", *program], capture_output=True, text=True, timeout=3600)
    if done.returncode:
        sys.exit(f"{' '.join(program)} failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def compare(case: str, workers: int) -> list[dict[str, Any]]:
    """The programs of a case, each with its ratio to the bare steps."""
    clients, images, judged, rounds, _, model = CASES[case]
    sizes = [f"--clients={clients}", f"--images={images}", f"--judged={judged}", f"--rounds={rounds}"]
    bare = ["benchmarks.bare", *sizes, f"--workers={workers}", f"--model={model}"]
    programs = [
        ["benchmarks.simulation", f"--cases={case}", f"--workers={workers}", f"--engine={engine}"]
        for engine in (("ray", "inline") if case in INLINE else ("ray",))
    ]
    programs += [["benchmarks.plain_flower", *sizes]] if case in PLAIN else []
    programs = [bare, *programs, bare] if model else programs
    results = [told(program) for program in programs]
    for key, ratio, own in (("round_seconds", "ratio", "own_seconds"), ("cpu_seconds", "cpu_ratio", "own_cpu_seconds")):
        steps = [result[key] for result in results if result["what"] == "bare"]
        limit = sum(steps) / len(steps) if steps else results[0][own]  # of the actors
        for result in results:
            if key in result:
                result |= {"case": case, ratio: result[key] / limit}
    return results


def machine(before: float) -> str:
    """A sentence on where and when it was measured; before: the load as it began."""
    return (
        f"Measured on {num_cores()} cores, Python {platform.python_version()}, torch {version('torch')}, flwr "
        f"{version('flwr')}, Ray {version('ray')}; other processes that wanted a core: {before:.1f} as it began."
    )


COLUMNS = (
    "round_seconds ratio cpu_seconds cpu_ratio own_seconds wait_seconds combine_seconds",
    "evaluate_seconds start_seconds whole_seconds driver_mb client_mb moved_mb",
)


def main() -> None:
    """Prints a line for each program, and all figures as JSON below."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--workers", type=int, default=num_cores())
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep what was measured as JSON")
    parser.add_argument("--engine", choices=["ray", "inline"], help="run this engine alone, in this process")
    asked = parser.parse_args()
    if asked.engine:
        run_engine(asked.engine, asked.cases[0], asked.workers)
        return
    results, load = [], os.getloadavg()[0]
    columns = [name for line in COLUMNS for name in line.split()]
    print(f"{'case':8} {'program':14}" + "".join(f"{name.replace('_seconds', ' s'):>11}" for name in columns))
    for case in asked.cases:
        for result in compare(case, asked.workers):
            results.append(result)
            shown = (f"{result[name]:11.2f}" if name in result else f"{'':11}" for name in columns)
            print(f"{case:8} {result['what']:14}" + "".join(shown), flush=True)
    if asked.write is not None:
        write_json(asked.write, {"machine": machine(load), "results": results})
    else:
        print("\n" + "\n".join(json.dumps(result) for result in results))


if __name__ == "__main__":
    main()
