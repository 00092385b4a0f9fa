"""How well a run's time is told beforehand: twenty commands, each estimated and then run, in turn.

    python -m benchmarks.estimates [--only NUMBER,NUMBER] [--out FOLDER]

The estimates are those of ``dry_run=true`` and of the site's launch page, from the runs that this program has made
before, of which the first has none; the truth is the time on the wall of the whole command. The load is the mean
number of other processes that wanted a core, before and after the run: what changes between is in no estimate.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

from fedsky.machine import num_cores
from fedsky.machine.load import Look, looks
from fedsky.web.jobs.command import Launch
from fedsky.web.jobs.plan import make_plan
from fedsky.web.runs.index import Index

SMALL = ["data.count=200", "data.size=32"]
POINTS = ["data=synthetic", "partition=natural", "model=softmax", "model.num_features=60"]
CONFIGURATIONS = [
    "engine=inline num_rounds=6",
    "engine=ray num_rounds=6",
    "engine=inline num_rounds=12 data.count=200 data.size=32",
    "engine=ray num_rounds=12 data.count=200 data.size=32",
    "engine=inline num_rounds=4 strategy=scaffold",
    "engine=ray num_rounds=10 strategy=fedprox partition=dirichlet",
    "engine=inline num_rounds=6 strategy=centralized",
    "engine=ray num_rounds=5 strategy=local",
    "engine=inline num_rounds=3 local_epochs=3",
    "engine=ray num_rounds=6 num_clients=10 participation=0.5",
    "engine=inline num_rounds=8 model=simple_cnn data.size=32",
    "engine=ray num_rounds=8 model=simple_cnn data.size=32",
    "engine=inline num_rounds=2 model=resnet10",
    "engine=ray num_rounds=2 model=resnet10",
    "engine=inline num_rounds=4 batch_size=64",
    "engine=inline num_rounds=3 -m data.fold=1/5,2/5,3/5 data.count=300",
    "engine=ray num_rounds=3 -m data.fold=1/5,2/5,3/5 data.count=300",
    "engine=ray num_rounds=3 -m strategy=fedavg,centralized,local data.count=300",
    "engine=inline num_rounds=6 -m seed=0,1,2,3 data.count=200 data.size=32",
    "engine=ray num_rounds=15 evaluate=clients data.count=300",
]
TOTAL = re.compile(r"(?:take|other:) about ([\d.]+) (s|min|h)")
UNITS = {"s": 1, "min": 60, "h": 3600}


def runs_of(words: list[str]) -> tuple[tuple[str, ...], ...]:
    """The overrides of each run of a command."""
    runs: list[tuple[str, ...]] = [()]
    for word in words:
        key, _, value = word.partition("=")
        runs = [(*run, f"{key}={each}") for run in runs for each in value.split(",")]
    return tuple(runs)


def command(words: list[str], place: Path) -> str:
    """Runs fedsky in a folder; what it printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "fedsky", *words], cwd=place, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(ended.stdout + ended.stderr)
    return " ".join(ended.stdout.split())


def others(load: list[Look]) -> float:
    """The mean number of other processes that wanted a core."""
    return mean(each.others for each in load)


def main() -> None:
    """Prints a line a configuration, and how many estimates were within a third."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(map(str, range(1, 1 + len(CONFIGURATIONS)))), help="their numbers")
    parser.add_argument("--out", type=Path, default=None, help="folder of the runs; without it one that is removed")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure([int(each) for each in asked.only.split(",")], asked.out or Path(folder))


def measure(numbers: list[int], place: Path) -> None:
    """Estimates and runs each configuration in a folder."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "outputs").mkdir(exist_ok=True)
    index = Index([place / "outputs"])
    near: dict[str, list[bool]] = {"dry_run": [], "site": []}
    print("| command | load | dry_run | site | measured | dry_run / measured | site / measured | load after |")
    print("|---|---|---|---|---|---|---|---|")
    for number in numbers:
        words = CONFIGURATIONS[number - 1].split()
        overrides = [word for word in words if word != "-m"]
        told = TOTAL.findall(command([*words, "dry_run=true"], place))[-1]
        load = looks(1)
        index.refresh(0)
        found: dict[str, float | None] = {
            "dry_run": float(told[0]) * UNITS[told[1]],
            "site": make_plan(Launch((), runs_of(overrides)), index.rows(), load).seconds,
        }
        began = time.perf_counter()
        command(words, place)
        truth = time.perf_counter() - began
        ratios = {name: None if value is None else value / truth for name, value in found.items()}
        for name, ratio in ratios.items():
            near[name] += [] if ratio is None else [2 / 3 <= ratio <= 4 / 3]
        cells = [
            *(f"{each:.0f} s" if each is not None else "" for each in (*found.values(), truth)),
            *(f"{each:.2f}" if each is not None else "" for each in ratios.values()),
        ]
        print(
            f"| `{' '.join(words)}` | {others(load):.1f} | {' | '.join(cells)} | {others(looks(1)):.1f} |", flush=True
        )
    for name, each in near.items():
        print(f"{name}: within a third in {sum(each)} of {len(each)}, on {num_cores()} cores")


if __name__ == "__main__":
    main()
