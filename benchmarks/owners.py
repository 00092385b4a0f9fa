"""``python -m benchmarks.owners``: what an owner costs a simulation, asked or idle, as there are more and more of them.

Each case is a process of its own with ``engine=inline``: owners of some five images of 32 pixels to train with,
``resnet8``, two rounds. What a round takes is told in processor milliseconds an owner, apart for training (of those
that are asked), judging and writing (of all); bytes are those of the run's folder, an owner and round.
``--cases 1000:10`` names some, as owners:asked. ``--polls 500`` tells instead what it costs a SuperLink that an owner's
node asks for a message and there is none, and that it gives a sign of life: so many of each.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from fedsky.config import compose, resolve
from fedsky.machine import peak_memory_bytes

CASES = ("100:100", "1000:1000", "100:10", "1000:10", "10000:10")
ROUNDS = 2
IMAGES = 8  # an owner's, of which five are to train with
STEPS = ("train", "judge", "write")


def measure(num_clients: int, asked: int) -> dict[str, Any]:
    """Figures of one case, run in this process."""
    from fedsky.history import read_run
    from fedsky.run import run
    from fedsky.run.loop import RoundLoop

    spent: dict[str, list[float]] = {step: [] for step in STEPS}
    loop: Any = RoundLoop

    def timed(step: str) -> None:
        inner = getattr(loop, f"_{step}")

        def outer(*arguments: Any, **more: Any) -> Any:
            begun = time.process_time()
            try:
                return inner(*arguments, **more)
            finally:
                spent[step].append(time.process_time() - begun)

        setattr(loop, f"_{step}", outer)

    for step in STEPS:
        timed(step)
    words = [
        "engine=inline",
        f"num_clients={num_clients}",
        f"num_rounds={ROUNDS}",
        f"participation={asked / num_clients}",
    ]
    config = resolve(compose([*words, "partition.min_examples=1", "data.size=32"]))
    data = {"_target_": "benchmarks.simulation.noise", "count": IMAGES * num_clients, "size": 32, "fold": "1/5"}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        run(config | {"data": data}, folder)
        rows = num_clients * (ROUNDS + 1)
        sizes = {name: (folder / name).stat().st_size for name in ("clients.jsonl", "timing.jsonl", "partition.json")}
        moved = sum(row["bytes_up"] + row["bytes_down"] for row in read_run(folder).rounds)
        begun = time.process_time()
        assert len(read_run(folder).clients) == rows
        reading = time.process_time() - begun
    cost = {step: float(np.median(spent[step][-ROUNDS:])) for step in STEPS}
    return {
        "owners": num_clients,
        "asked": asked,
        "train_ms_asked": 1000 * cost["train"] / asked,
        "judge_ms": 1000 * cost["judge"] / num_clients,
        "write_ms": 1000 * cost["write"] / num_clients,
        "clients_bytes": sizes["clients.jsonl"] / rows,
        "timing_bytes": sizes["timing.jsonl"] / rows,
        "partition_bytes": sizes["partition.json"] / num_clients,
        "read_ms": 1000 * reading / rows,
        "moved_mb_asked": moved / 1e6 / ROUNDS / asked,
        "memory_mb": peak_memory_bytes() / 1e6,
        "whole_cpu_seconds": time.process_time(),
    }


def polls(count: int) -> dict[str, Any]:
    """Processor milliseconds of a SuperLink on this machine for a request of each kind, over TLS, with a key."""
    import psutil
    from flwr.proto.heartbeat_pb2 import SendNodeHeartbeatRequest

    from fedsky.deploy import federation
    from fedsky.deploy.serve import Server
    from fedsky.engine.fleet import INTERVAL_SECONDS, FleetConnection

    with tempfile.TemporaryDirectory() as place, closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        home = federation.init(Path(place) / "federation", ["A"], "127.0.0.1", free.getsockname()[1])
        server = Server(home)
        try:
            server.ready()
            connection = FleetConnection(home.superlink, home.folder / "ca.crt", next(home.kit("A").glob("*.key")))
            connection.activate()
            beat = SendNodeHeartbeatRequest(node=connection.node, heartbeat_interval=INTERVAL_SECONDS)
            process, told = psutil.Process(server.process.pid), {}
            for kind, ask in (("poll", connection.pull), ("beat", lambda: connection.client.SendNodeHeartbeat(beat))):
                ask()
                begun = sum(process.cpu_times()[:2])
                for _ in range(count):
                    ask()
                told[f"{kind}_ms"] = 1000 * (sum(process.cpu_times()[:2]) - begun) / count
            connection.close()
        finally:
            server.close()
    return told


def main() -> None:
    """Prints a line of JSON a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="*", default=CASES, metavar="OWNERS:ASKED")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--polls", type=int, metavar="N")
    given = parser.parse_args()
    if given.polls:
        sys.stdout.write(json.dumps(polls(given.polls)) + "\n")
        return
    if given.one:
        owners, asked = map(int, given.one.split(":"))
        sys.stdout.write(json.dumps(measure(owners, asked)) + "\n")
        return
    for case in given.cases:
        program = [sys.executable, "-m", "benchmarks.owners", "--one", case]
        done = subprocess.run(program, capture_output=True, text=True, check=True)
        sys.stdout.write(done.stdout.splitlines()[-1] + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
