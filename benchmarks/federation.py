"""``python -m benchmarks.federation``: seconds a round of a real federation beside ``engine=inline``, where they go.

Three owners, each with a node of its own, a SuperLink and the gate, all on this machine, over TLS with keys; the same
configuration and photographs inline. Of each round but the first: the clock, the owners' own training and judging, the
processor seconds of each program, and how many requests passed the gate and went from the driver to the SuperLink.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks.simulation import machine
from fedsky.config import compose, resolve
from fedsky.deploy import federation
from fedsky.deploy import serve as serving
from fedsky.deploy.gate import Gate
from fedsky.engine import close
from fedsky.history import read_run
from fedsky.run import run
from fedsky.run.loop import RoundLoop

OWNERS, CLASSES = ("A", "B", "C"), ("cloudy", "sunny")
SAME = ("rounds.jsonl", "clients.jsonl", "partition.json", "model.safetensors")
PATIENCE_SECONDS = 600.0
Asked = tuple[float, float, str]  # when a request ended, its seconds, and what was asked


def draw(root: Path, count: int, size: int) -> None:
    """Photographs of each owner, of both classes."""
    rng = np.random.default_rng(0)
    for owner in OWNERS:
        for label, name in enumerate(CLASSES):
            (root / owner / name).mkdir(parents=True)
            for number in range(count // 2):
                pixels = rng.integers(0, 120, (size, size, 3)) + 120 * label
                Image.fromarray(pixels.astype(np.uint8)).save(root / owner / name / f"{number}.png")


class Counting(Gate):
    """A gate that writes a line for every request: when it ended, seconds, and what was asked."""

    file: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        start = time.time()
        await super().__call__(scope, receive, send)
        if scope["type"] == "http":
            print(time.time(), time.time() - start, scope["path"].rpartition("/")[2], file=self.file, flush=True)


def serve(folder: Path) -> None:
    """Serves as ``python -m fedsky.deploy serve`` does, with a gate that counts."""
    Counting.file = (folder / "requests").open("w")
    serving.serve(federation.read(folder), "127.0.0.1", Counting)


def wait_for(what: Callable[[], bool]) -> None:
    """Returns as soon as something is so."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not what():
        if time.monotonic() > end:
            sys.exit("the federation did not come about")
        time.sleep(0.2)


def connected(home: federation.Home) -> bool:
    """Whether all owners are."""
    try:
        return [owner.status for owner in federation.status(home)] == ["online"] * len(OWNERS)
    except ValueError:
        return False


def processor_seconds(process: psutil.Process) -> float:
    """What a process alone has taken."""
    taken = process.cpu_times()
    return taken.user + taken.system


def programs(served: int, nodes: list[int]) -> dict[str, list[psutil.Process]]:
    """The processes of a federation by what they are."""
    gate = psutil.Process(served)
    below = [each for node in nodes for each in psutil.Process(node).children()]
    return {
        "driver": [psutil.Process()],
        "SuperLink": [each for each in gate.children(recursive=True) if "superlink" in str(each.cmdline())],
        "gate": [gate],
        "nodes": [psutil.Process(node) for node in nodes],
        "workers": [each for each in below if "spawn_main" in str(each.cmdline())],
    }


def measured(config: dict[str, Any], folder: Path, of: Callable[[], dict[str, list[psutil.Process]]]) -> dict[str, Any]:
    """Makes a run in this process: the means of its rounds but the first."""
    marks: list[tuple[float, dict[str, float]]] = []
    loop: Any = RoundLoop
    write = loop._write

    def noted(*arguments: Any) -> Any:
        taken = {name: sum(map(processor_seconds, found)) for name, found in of().items()}
        marks.append((time.time(), taken))
        return write(*arguments)

    loop._write = noted
    try:
        run(config, folder)
    finally:
        loop._write = write
    (begun, first), (ended, last), rounds = marks[1], marks[-1], len(marks) - 2
    timing = [row for row in read_run(folder).timing if row["round"] > 1]
    own: dict[int, float] = defaultdict(float)
    for row in timing:
        if row["client"] is not None:
            own[row["round"]] += (row["train_seconds"] or 0.0) + (row["evaluate_seconds"] or 0.0)
    return {
        "round_seconds": (ended - begun) / rounds,
        "median_seconds": float(np.median(np.diff([when for when, _ in marks[1:]]))),
        "own_seconds": float(np.mean(list(own.values()))),
        "cpu_seconds": {name: (last[name] - first[name]) / rounds for name in last},
        "between": (begun, ended, rounds),
    }


def requests(lines: list[Asked], between: tuple[float, float, int]) -> dict[str, tuple[float, float]]:
    """How many requests of each kind there are in a round, and milliseconds of each."""
    begun, ended, rounds = between
    found: dict[str, list[float]] = {}
    for when, seconds, what in lines:
        if begun < when <= ended:
            found.setdefault(what, []).append(seconds)
    return {what: (len(each) / rounds, 1000 * float(np.mean(each))) for what, each in sorted(found.items())}


def counted() -> list[Asked]:
    """The list to which this process' requests to the SuperLink are added from now on."""
    from flwr.supercore.protobuf.client import ProtobufClient

    client: Any = ProtobufClient
    ask, lines = client._unary_unary, []

    def asked(self: Any, **call: Any) -> Any:
        start = time.time()
        answer = ask(self, **call)
        lines.append((time.time(), time.time() - start, call["path"].rpartition("/")[2]))
        return answer

    client._unary_unary = asked
    return lines


def digests(folder: Path) -> list[str]:
    """The sha256 of what a seed repeats."""
    return [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in SAME]


def compare(place: Path, words: list[str], photographs: int, size: int) -> dict[str, Any]:
    """The same run inline and by a federation."""
    draw(place / "photographs", photographs, 2 * size)
    inline = ["engine=inline", "data=folder", f"data.root={place / 'photographs'}", "partition=natural"]
    alone = {"driver": [psutil.Process()]}
    near = measured(resolve(compose([*inline, *words])), place / "near", lambda: alone)
    home = federation.init(place / "federation", list(OWNERS), "127.0.0.1", 18400)
    started = [subprocess.Popen([sys.executable, "-m", __spec__.name, "--serve", str(home.folder)])]
    try:
        for name in OWNERS:
            (home.kit(name) / "photographs").symlink_to(place / "photographs" / name)
            log = (home.kit(name) / "out").open("wb")
            command = [sys.executable, "-m", "fedsky.node", str(home.kit(name) / "owner.yaml")]
            started.append(subprocess.Popen(command, stdout=log, stderr=log))
        wait_for(lambda: connected(home))
        lines = counted()
        asked = [f"engine.superlink={home.superlink}", f"engine.certificate={home.folder / 'ca.crt'}"]
        pids = [process.pid for process in started]
        far = measured(
            resolve(compose(["engine=deployment", *asked, *words])), place / "far", lambda: programs(pids[0], pids[1:])
        )
        close()
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(60)
    passed = [line.split() for line in (home.folder / "requests").read_text().splitlines()]
    far["gate_requests"] = requests([(float(a), float(b), what) for a, b, what in passed], far["between"])
    far["driver_requests"] = requests(lines, far["between"])
    return {"near": near, "far": far, "same": digests(place / "near") == digests(place / "far")}


def table(found: dict[str, Any]) -> str:
    """What was measured, as text."""
    near, far = found["near"], found["far"]
    lines = [f"{'':32}{'inline':>10}{'deployment':>12}"]

    def row(what: str, one: float | None, other: float) -> None:
        lines.append(f"{what:32}" + (f"{one:10.2f}" if one is not None else f"{'':10}") + f"{other:12.2f}")

    row("seconds a round, mean", near["round_seconds"], far["round_seconds"])
    row("  median", near["median_seconds"], far["median_seconds"])
    row("owners train and judge, all", near["own_seconds"], far["own_seconds"])
    for name, seconds in far["cpu_seconds"].items():
        row(f"processor seconds: {name}", near["cpu_seconds"].get(name), seconds)
    row("  all", sum(near["cpu_seconds"].values()), sum(far["cpu_seconds"].values()))
    for who in ("gate", "driver"):
        asked = far[f"{who}_requests"]
        row(f"requests, {who}", None, sum(count for count, _ in asked.values()))
        for what, (count, each) in asked.items():
            row(f"  {what}, {each:.0f} ms each", None, count)
    lines.append("the same bytes" if found["same"] else "NOT THE SAME BYTES")
    return "\n".join(lines)


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--photographs", type=int, default=24, help="of each owner")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", help="more of the configuration, such as strategy=scaffold")
    asked = parser.parse_args()
    if asked.serve is not None:
        serve(asked.serve)
        return
    load = os.getloadavg()[0]
    words = [f"num_rounds={asked.rounds}", f"data.size={asked.size}", "evaluate=clients", *asked.words]
    with tempfile.TemporaryDirectory() as place:
        found = compare(Path(place), words, asked.photographs, asked.size)
    print(table(found))
    print(machine(load))
    if asked.json:
        print(json.dumps(found))
    sys.exit(not found["same"])


if __name__ == "__main__":
    main()
