"""A site of many runs for measuring: real runs of outputs/reference, copied with other seeds, names and times."""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "outputs" / "reference"
FILES = ("run.json", "rounds.jsonl", "clients.jsonl", "timing.jsonl", "partition.json", "predictions.csv")


def copy_runs(outputs: Path, count: int) -> None:
    """Fills a folder with the reference runs and copies of them, ``count`` in all. Models stay with the originals."""
    shutil.copytree(REFERENCE, outputs / "reference", ignore=shutil.ignore_patterns("checkpoint", "clients"))
    originals = sorted(path.parent for path in (outputs / "reference").rglob("run.json"))
    if not originals:
        raise ValueError(f"{REFERENCE} holds no run: make reference")
    rng = random.Random(0)  # noqa: S311 - for a benchmark's data
    for number in range(count - len(originals)):
        original = rng.choice(originals)
        folder = outputs / f"day-{number % 20:02d}" / f"{number:04d}"
        folder.mkdir(parents=True)
        for name in FILES:
            if (original / name).is_file():
                shutil.copyfile(original / name, folder / name)
        info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        started = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        info |= {
            "name": folder.name,
            "started": started.isoformat(),
            "ended": (started + timedelta(seconds=40)).isoformat(),
        }
        info["config"]["seed"] = number
        (folder / "run.json").write_text(json.dumps(info), encoding="utf-8")


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def command(place: Path, port: int, *options: str) -> list[str]:
    """The command that serves a site whose folders are under ``place``."""
    return [
        sys.executable,
        "-m",
        "fedsky.web",
        "--port",
        str(port),
        "--data",
        str(place / "data"),
        "--outputs",
        str(place / "outputs"),
        *options,
    ]


@contextlib.contextmanager
def served(place: Path, *options: str) -> Iterator[tuple[str, int]]:
    """A site that is served while the context lasts: its address and its process's number."""
    port = free_port()
    with (place / "server.log").open("ab") as log:
        process = subprocess.Popen(command(place, port, *options), cwd=place, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(address: str, process: "subprocess.Popen[bytes]", seconds: float = 180) -> float:
    """Waits until a site answers; the seconds that it took. RuntimeError if it ends or does not answer in time."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if process.poll() is not None:
            raise RuntimeError(f"the site ended with {process.returncode}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{address}/api/session", timeout=10).status_code == 200:
                return time.monotonic() - begin
        time.sleep(0.2)
    raise RuntimeError("the site does not answer")


def quiet() -> str:
    """How busy the machine is, for the head of a measurement."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"
