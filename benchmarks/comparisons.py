"""``python -m benchmarks.comparisons``: what one comparison of many runs costs the site.

Copies of the reference runs are compared as the site does it, in a process of their own: as they are (repetitions of a
few settings), with a step size of its own for each run (as many groups as runs), and with as many rounds as the site's
form allows. Told are seconds, the process's memory, an answer's size, a figure's cost, and those of the first's report.
"""

import argparse
import gzip
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fedsky.history import find_runs
from fedsky.web.runs import tasks
from fedsky.web.runs.comparing import MOST_RUNS, REPORT_SECONDS, SECONDS
from fedsky.web.runs.tasks import Asked

from .site_copy import copy_runs, quiet

ROUNDS = 200  # as many as the form takes


def own_settings(folder: Path, number: int) -> None:
    """Makes a run the only one of its settings."""
    path = folder / "run.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    info["config"]["lr"] = 0.05 + number / 100_000
    path.write_text(json.dumps(info), encoding="utf-8")


def long_course(folder: Path, number: int) -> None:
    """Stretches a run to ``ROUNDS`` rounds: each of its rounds is told again and again."""
    path = folder / "run.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    info["config"] |= {"num_rounds": ROUNDS, "patience": None}
    info.setdefault("result", {})["round"] = ROUNDS
    path.write_text(json.dumps(info), encoding="utf-8")
    for name in ("rounds.jsonl", "clients.jsonl", "timing.jsonl"):
        rows = [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        by_round: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            by_round.setdefault(row["round"], []).append(row)
        last = max(by_round)
        lines = [
            json.dumps(row | {"round": current}) + "\n"
            for current in range(ROUNDS + 1)
            for row in by_round[current * last // ROUNDS]
        ]
        (folder / name).write_text("".join(lines), encoding="utf-8")


CASES: dict[str, Callable[[Path, int], None] | None] = {
    "as they are": None,
    "each of its own settings": own_settings,
    f"{ROUNDS} rounds each": long_course,
}


def _measured(pipe: Connection, task: str, arguments: tuple[Any, ...]) -> None:
    begin = time.monotonic()
    answer = getattr(tasks, task)(*arguments)
    pipe.send((answer, time.monotonic() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


def measure(task: str, *arguments: Any) -> tuple[Any, float, float]:
    """A task's answer, its seconds and its process's largest memory in bytes."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_measured, args=(theirs, task, arguments))
    process.start()
    theirs.close()
    try:
        found: tuple[Any, float, float] = mine.recv()
    finally:
        process.join()
    return found


def main() -> int:
    """Measures; 1 where a task takes longer than the site gives it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=MOST_RUNS)
    parser.add_argument("--no-report", action="store_true", help="leave out the whole report, which takes minutes")
    args = parser.parse_args()
    print(f"{args.runs} runs; {quiet()}", flush=True)
    slowest = 0.0
    with tempfile.TemporaryDirectory(prefix="fedsky-comparisons-") as place:
        for case, change in CASES.items():
            outputs = Path(place) / case.replace(" ", "-")
            copy_runs(outputs, args.runs)
            folders = sorted(find_runs([outputs]))[: args.runs]
            for number, folder in enumerate(folders):
                if change is not None:
                    change(folder, number)
            asked = Asked(tuple(folders))
            answer, seconds, memory = measure("compare", asked)
            body = json.dumps(answer, separators=(",", ":")).encode()
            groups = sum(len(kind["groups"]) for kind in answer["kinds"])
            print(
                f"{case}: {groups} groups, {seconds:.1f} s, {memory / 1e6:.0f} MB of memory, an answer of "
                f"{len(body) / 1e6:.2f} MB ({len(gzip.compress(body, 5)) / 1e6:.2f} packed)",
                flush=True,
            )
            largest = max(range(len(answer["kinds"])), key=lambda kind: len(answer["kinds"][kind]["groups"]))
            _, drawing, memory = measure("draw", asked, "curves", largest, "svg")
            print(f"  its figure: {drawing:.1f} s, {memory / 1e6:.0f} MB", flush=True)
            slowest = max(slowest, seconds, drawing)
            if change is None and not args.no_report:
                packed = Path(place) / "report.zip"
                _, seconds, memory = measure("report", asked, packed)
                print(
                    f"  its report: {seconds:.0f} s of the {REPORT_SECONDS:.0f} that it may take, "
                    f"{memory / 1e6:.0f} MB, packed {packed.stat().st_size / 1e6:.1f} MB",
                    flush=True,
                )
    print(f"a comparison may take {SECONDS:.0f} s")
    return 1 if slowest > SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
