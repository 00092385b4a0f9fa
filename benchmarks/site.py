"""``python -m benchmarks.site``: how the site bears 200 readers at once while 20 predict.

A site of 500 runs (copies of the reference runs) is served by its own command. Readers open what a browser would:
pages, the list of runs filtered and sorted, a run's course, clients, partition and confusion matrix, comparisons, the
story; each waits a second between two requests. Those who predict send a drawn photograph, and wait a second too.
Every user has an address of its own (127.0.x.y), as the site counts requests by address. After a warm-up of the same
kind, latencies are measured, and the resident memory of the server's process, and of it with its workers, before and
after. ``--training`` queues a run first, so that the same machine trains meanwhile. ``--hostile`` has strangers do
their worst meanwhile (benchmarks.site_strangers), and has readers open a connection for every request, as one that is
open already is nobody's to take; what strangers were answered, and what they had logged, is told.
"""

import argparse
import asyncio
import contextlib
import io
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

from .site_copy import copy_runs, quiet, served
from .site_strangers import beside, write_long_log

THINK = 1.0  # seconds between an answer and the next request


@dataclass
class Measured:
    """Seconds of every answer by what was asked, and what went wrong."""

    reads: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    predictions: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


def photograph() -> bytes:
    """A JPEG of a drawn sky."""
    from fedsky.data import rendered

    photos = rendered.load(count=4, size=128)
    buffer = io.BytesIO()
    Image.fromarray(np.moveaxis(photos.pixels[0], 0, -1)).resize((800, 800)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def client(address: str, number: int, keeps: bool = True) -> httpx.AsyncClient:
    """A browser with an address of its own, which keeps its connection or opens one for every request."""
    limits = httpx.Limits(max_keepalive_connections=1 if keeps else 0)
    place = f"127.0.{1 + number // 200}.{1 + number % 200}"
    transport = httpx.AsyncHTTPTransport(local_address=place, verify=False, limits=limits)
    return httpx.AsyncClient(base_url=address, transport=transport, timeout=60)


def paths(rng: random.Random, runs: list[str]) -> tuple[str, str]:
    """What a reader asks for next: a name for the table, and the path."""
    run = rng.choice(runs)
    kinds = {
        "page": rng.choice(["/home", "/runs", f"/runs/{run}", "/compare", "/predict"]),
        "session": "/api/session",
        "list": rng.choice(
            [
                "/api/runs",
                "/api/runs?sort=-accuracy&limit=100",
                "/api/runs?q=fedavg&status=done",
                "/api/runs?strategy=local&sort=name",
                f"/api/runs?offset={rng.randrange(0, 450, 50)}",
            ]
        ),
        "run": f"/api/runs/{run}",
        "rounds": f"/api/runs/{run}/rounds?after={rng.choice([-1, -1, 10, 19])}",
        "clients": f"/api/runs/{run}/clients",
        "partition": f"/api/runs/{run}/partition",
        "confusion": f"/api/runs/{run}/confusion",
        "story": "/api/story",
        "compare": rng.choice(["/api/compare?q=reference/sky", "/api/compare?q=reference/sky&x=megabytes"]),
    }
    weights = {"page": 2, "session": 2, "list": 3, "run": 2, "rounds": 3, "story": 1, "compare": 1}
    names = list(kinds)
    name = rng.choices(names, [weights.get(each, 1) for each in names])[0]
    return name, kinds[name]


async def read(address: str, number: int, runs: list[str], until: float, measured: Measured, keeps: bool) -> None:
    """One reader."""
    rng = random.Random(number)  # noqa: S311 - for a benchmark's order
    await asyncio.sleep(rng.uniform(0, THINK))
    async with client(address, number, keeps) as browser:
        while time.monotonic() < until:
            name, path = paths(rng, runs)
            begin = time.perf_counter()
            try:
                answer = await browser.get(path)
            except httpx.HTTPError as error:
                measured.errors[f"{name}: {type(error).__name__}"] += 1
            else:
                measured.reads[name].append(time.perf_counter() - begin)
                if answer.status_code != 200:
                    measured.errors[f"{name}: {answer.status_code}"] += 1
            await asyncio.sleep(THINK)


async def predict(address: str, number: int, photo: bytes, until: float, measured: Measured) -> None:
    """One who predicts, as a script would. An answer of 503, which says when to come again, is counted apart."""
    async with client(address, 1000 + number) as script:
        while time.monotonic() < until:
            begin = time.perf_counter()
            try:
                answer = await script.post("/api/predict", files={"photo": ("sky.jpg", photo, "image/jpeg")})
            except httpx.HTTPError as error:
                measured.errors[f"predict: {type(error).__name__}"] += 1
            else:
                if answer.status_code == 200:
                    measured.predictions.append(time.perf_counter() - begin)
                else:
                    measured.errors[f"predict: {answer.status_code}"] += 1
            await asyncio.sleep(THINK)


async def load(address: str, args: argparse.Namespace, seconds: float, runs: list[str], photo: bytes) -> Measured:
    """The whole load, for so many seconds."""
    measured, until = Measured(), time.monotonic() + seconds
    readers = [read(address, number, runs, until, measured, not args.hostile) for number in range(args.users)]
    predictors = [predict(address, number, photo, until, measured) for number in range(args.predicting)]
    await asyncio.gather(*readers, *predictors)
    return measured


def memory(pid: int) -> tuple[float, float]:
    """Resident megabytes of the server's process, and of it with all below it but a run that trains meanwhile."""
    server = psutil.Process(pid)
    own = server.memory_info().rss / 1e6
    below = 0.0
    waiting = server.children()
    while waiting:
        child = waiting.pop()
        try:
            if "fedsky" not in child.cmdline():  # python -m fedsky: a job, which is not the site
                below += child.memory_info().rss / 1e6
                waiting += child.children()
        except psutil.Error:
            continue
    return own, own + below


def percentiles(values: list[float]) -> str:
    """The 50th, 95th and 99th percentile and the most, in milliseconds."""
    if not values:
        return "no answer"
    found = np.percentile(np.array(values) * 1e3, [50, 95, 99, 100])
    return "  ".join(f"{name} {value:6.0f}" for name, value in zip(("p50", "p95", "p99", "max"), found, strict=True))


def show(measured: Measured, seconds: float) -> None:
    """Prints what was measured."""
    reads = [value for values in measured.reads.values() for value in values]
    print(f"{len(reads)} reads in {seconds:.0f} s ({len(reads) / seconds:.0f} a second), milliseconds:")
    for name, values in sorted(measured.reads.items()):
        print(f"  {name:10} {len(values):6}  {percentiles(values)}")
    print(f"  {'all reads':10} {len(reads):6}  {percentiles(reads)}")
    print(f"  {'predict':10} {len(measured.predictions):6}  {percentiles(measured.predictions)}")
    wrong = {name: count for name, count in measured.errors.items() if name != "predict: 503"}
    print(f"errors: {dict(wrong) or 'none'}; told to come again (predict: 503): {measured.errors['predict: 503']}")


def queue_a_run(place: Path) -> None:
    """Queues a run that trains for minutes."""
    from fedsky.web.database import Database
    from fedsky.web.jobs.command import folder_of, placed
    from fedsky.web.settings import Settings
    from fedsky.web.tables import Job, new_id

    outputs = place / "outputs"
    database = Database(Settings(data=place / "data", outputs=(outputs,)).url)
    with database.writing() as db:
        id = new_id()
        arguments = placed(["strategy=fedavg", "num_rounds=200", "data.count=1200"], id, outputs)
        db.add(Job(id=id, overrides=arguments, folder=folder_of(id)))
        db.commit()
    database.close()


def end_jobs(place: Path) -> None:
    """Ends the run, which would outlive its site."""
    for each in psutil.process_iter():
        try:
            if each.cwd() == str(place) and "fedsky" in each.cmdline():
                each.terminate()
                each.wait(30)
        except psutil.Error:
            continue


def main() -> int:
    """Measures; 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=200, help="readers at once")
    parser.add_argument("--predicting", type=int, default=20, help="who predict meanwhile")
    parser.add_argument("--seconds", type=float, default=60, help="seconds that are measured")
    parser.add_argument("--warm-up", type=float, default=20, help="seconds of the same load before")
    parser.add_argument("--runs", type=int, default=500, help="runs of the site")
    parser.add_argument("--threads", type=int, default=32, help="of the server")
    parser.add_argument("--training", action="store_true", help="train on the same machine meanwhile")
    parser.add_argument("--hostile", action="store_true", help="beside strangers who do their worst")
    args = parser.parse_args()
    photo = photograph() if args.predicting else b""
    with tempfile.TemporaryDirectory(prefix="fedsky-site-") as folder:
        place = Path(folder)
        copy_runs(place / "outputs", args.runs)
        if args.hostile:
            write_long_log(place / "outputs")
        options = ["--threads", str(args.threads), *([] if args.training else ["--no-worker"])]
        with served(place, *options) as (address, pid):
            print(f"{args.users} readers, {args.predicting} who predict, {args.runs} runs; {quiet()}", flush=True)
            runs = prepare(address)
            if args.training:
                queue_a_run(place)
            asyncio.run(load(address, args, args.warm_up, runs, photo))
            before = memory(pid)
            begin, logged = time.monotonic(), (place / "server.log").stat().st_size
            with beside(address, runs, args.seconds) if args.hostile else contextlib.nullcontext() as told:
                measured = asyncio.run(load(address, args, args.seconds, runs, photo))
                passed = time.monotonic() - begin
                after = memory(pid)
                if told is not None:
                    logged = (place / "server.log").stat().st_size - logged
                    print(f"strangers: {dict(sorted(told().items()))}; logged meanwhile: {logged / 1e6:.2f} MB")
            if args.training:
                rounds = [
                    len(path.read_text().splitlines()) for path in (place / "outputs" / "site").rglob("rounds.jsonl")
                ]
                print(f"the run that trained meanwhile had come through {max(sum(rounds) - 1, 0)} rounds", flush=True)
                end_jobs(place)
    show(measured, passed)
    growth = [100 * (last / first - 1) for first, last in zip(before, after, strict=True)]
    print(
        f"resident memory: server {before[0]:.0f} -> {after[0]:.0f} MB ({growth[0]:+.1f} %), "
        f"with its workers {before[1]:.0f} -> {after[1]:.0f} MB ({growth[1]:+.1f} %)"
    )
    slow = np.percentile([value for values in measured.reads.values() for value in values], 99) > 2
    wrong = [name for name in measured.errors if name != "predict: 503"]
    missed = [
        text
        for text, is_missed in (
            ("errors", wrong),
            ("99th percentile above 2 s", slow),
            ("memory grew by more than 10 %", growth[0] > 10),
        )
        if is_missed
    ]
    print(f"missed: {', '.join(missed)}" if missed else "all targets met")
    return 1 if missed else 0


def prepare(address: str) -> list[str]:
    """Asks once for what takes long the first time, as a site's first visitors do; the ids of all runs."""
    with httpx.Client(base_url=address, timeout=300) as first:
        few = "/api/compare?q=reference/sky"
        copies = "/api/compare?q=day"  # nearly all of the site's runs
        for path in ("/api/story", few, f"{few}&x=megabytes", copies):
            begin = time.monotonic()
            answer = first.get(path)
            answer.raise_for_status()
            print(f"first {path}: {time.monotonic() - begin:.1f} s", flush=True)
        return [run["id"] for run in first.get("/api/runs?limit=500").json()["runs"]]


if __name__ == "__main__":
    sys.exit(main())
