"""``python -m benchmarks.kills``: runs and sweeps that are killed at random moments come to the bytes of others.

Each run of a tiny model is killed once by SIGKILL, in turn: its driver, one of Ray's workers, Ray's own process (the
raylet); in turn while clients train, as replies come, while they are combined, while models are judged and while files
are written; in a random round, a random part of some hundredths of a second after that began. Then it is resumed until
it is done, and its files must have the sha256 of the same run left alone. No process and no folder of Ray may be left.

Sweeps of 24 jobs are killed at random moments and started again by the same command, until they are done: every job is
done once, in one folder, with the bytes of the sweep left alone, and no run that is done is touched again.
"""

import argparse
import functools
import hashlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

import fedsky.command.shell
import fedsky.resume  # noqa: F401 - what takes long to import, for all that are forked
from benchmarks.forking import fork, module
from fedsky.history import lock
from fedsky.run.dispatch import Dispatch
from fedsky.run.loop import RoundLoop

TARGETS = ("driver", "worker", "raylet")
PHASES = ("training", "reply", "aggregation", "evaluation", "writing")
FILES = ("rounds.jsonl", "clients.jsonl", "predictions.csv", "partition.json", "model.safetensors", "best.safetensors")
ROUNDS, JOBS = 6, 24
SMALL = [f"num_rounds={ROUNDS}", "num_clients=3", "data.count=60", "data.size=16", "model=simple_cnn"]
ASKED = [*SMALL, "strategy=scaffold", "evaluate=clients"]
ENGINES = {"driver": "engine=inline", "worker": "engine.num_actors=2", "raylet": "engine.num_actors=2"}
LATEST_SECONDS = 0.05  # after a phase began
PATIENCE_SECONDS = 300
MOST_TRIES = 3  # of resuming a run


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of a run's files that a seed repeats."""
    return {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES if (folder / name).exists()
    }


def status(folder: Path) -> str:
    """What a run says of itself."""
    if not (folder / "run.json").is_file():
        return "not begun"
    return str(json.loads((folder / "run.json").read_text())["status"])


def forked(place: Path, do: Callable[[], object]) -> tuple[int, str]:
    """The exit status of a child that does that in a place, negative for a signal, and what it said."""

    def there() -> None:
        os.chdir(place)
        os.environ |= {"RAY_TMPDIR": str(place), "RAY_worker_niceness": "0"}
        try:
            do()
        finally:
            lock.release_all()  # and no more, as the folders of this program are not the child's to remove

    with tempfile.TemporaryFile() as said:
        child = fork(there, said.fileno())
        timer = threading.Timer(PATIENCE_SECONDS, os.kill, [child, signal.SIGKILL])
        timer.start()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        timer.cancel()
        said.seek(0)
        return code, said.read().decode(errors="replace")


def victim(target: str, phase: str, round: int, delay: float, words: list[str]) -> None:
    """Makes a run of which the target is killed, a delay after that phase of that round began."""
    begun: dict[str, int] = {"round": 0}

    def hooked(kind: Any, name: str, own: str) -> None:
        method = getattr(kind, name)

        def calling(self: Any, *arguments: Any, **more: Any) -> Any:
            if own == "training":
                begun["round"] = arguments[0]
            if own == phase and begun["round"] == round:
                begun["round"] = -1  # once
                threading.Timer(delay, _kill, [target]).start()
            return method(self, *arguments, **more)

        setattr(kind, name, calling)

    hooked(Dispatch, "train", "training")
    hooked(Dispatch, "_judged", "reply")
    hooked(Dispatch, "_noted", "aggregation")
    hooked(RoundLoop, "_judge", "evaluation")
    hooked(RoundLoop, "_write", "writing")
    module("fedsky", *words)


def _kill(target: str) -> None:
    if target == "driver":
        os.kill(os.getpid(), signal.SIGKILL)
    wanted = {"worker": "ray::Actor", "raylet": "raylet"}[target]
    found = [each for each in psutil.Process().children(recursive=True) if wanted in " ".join(each.cmdline()[:1])]
    if not found:
        sys.stderr.write(f"no {target} to kill\n")
    for process in found[:1]:
        process.kill()


def one(place: Path, target: str, phase: str, rng: random.Random, whole: dict[str, str]) -> list[str]:
    """Kills a run and resumes it: what is wrong then."""
    round, delay, folder = rng.randint(1, ROUNDS), rng.uniform(0, LATEST_SECONDS), place / "run"
    words = [*ASKED, ENGINES[target], f"hydra.run.dir={folder}"]
    code, said = forked(place, lambda: victim(target, phase, round, delay, words))
    told = [said]
    if target == "driver" and code != -signal.SIGKILL:
        told.append("it was not killed")
    tries = 0
    while status(folder) != "done" and tries < MOST_TRIES:
        tries += 1
        told.append(forked(place, lambda: module("fedsky.resume", str(folder)))[1])
    wrong = []
    if status(folder) != "done" or digests(folder) != whole:
        wrong.append(f"{status(folder)}, files that are others: {_others(folder, whole)}")
        wrong.append("it said: " + " / ".join(told)[-3000:])
    elif "Traceback" in "".join(told) or "it was not killed" in told or "no " + target in told[0]:
        wrong.append("it said: " + " / ".join(told)[-1500:])
    if left := left_behind(place):
        wrong.append(f"left: {left}")
    outcome = f"resumed {tries} times" if tries else "went on by itself"
    print(f"{target} in {phase} of round {round}, after {delay:.3f} s: {outcome}; {wrong or 'same bytes'}", flush=True)
    return wrong


def _others(folder: Path, whole: dict[str, str]) -> list[str]:
    found = digests(folder)
    return [name for name in FILES if found.get(name) != whole.get(name)]


def left_behind(place: Path) -> list[str]:
    """The folders of Ray's and the processes that runs in a place have left."""
    found = [str(path) for path in place.glob("ray-*")]
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("RAY_TMPDIR") == str(place) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.name()}")
    return found


def sweep(place: Path, rng: random.Random, kills: int, jobs: int) -> list[str]:
    """Kills a sweep, starts it again by the same command, until it is done: what is wrong then."""
    words = ["fedsky", "-m", *ASKED, "engine=inline", f"seed=range({JOBS})"]
    code, said = forked(place, lambda: module(*words, "name=alone"))
    assert code == 0, said
    [whole] = (place / "outputs" / "alone").iterdir()
    demo = place / "outputs" / "demo"
    kept: dict[Path, bytes] = {}
    wrong = []
    for times in itertools.count(1):
        line = [sys.executable, "-m", *words, "name=demo", f"jobs={jobs}"]
        process = subprocess.Popen(line, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if times <= kills:  # in the middle of the next jobs
            more = len(kept) + rng.randint(1, max(1, JOBS // kills - 1))
            while process.poll() is None and len(_done(demo)) < more:
                time.sleep(0.1)
            time.sleep(rng.uniform(0, 1))
            process.kill()
        said = process.communicate(timeout=10 * PATIENCE_SECONDS)[1]
        wrong += [f"{path} was touched again" for path, content in kept.items() if path.read_bytes() != content]
        kept = {path: path.read_bytes() for path in _done(demo)}
        print(f"sweep, time {times}: {len(kept)} of {JOBS} done, exit {process.returncode}", flush=True)
        if process.returncode >= 0:
            wrong += [said] if process.returncode or "Traceback" in said else []
            break
    folders = sorted(demo.iterdir())
    if len(folders) != 1 or len(kept) != JOBS:
        wrong.append(f"{len(kept)} runs are done in {len(folders)} folders")
    wrong += [f"job {n} is another" for n in range(JOBS) if digests(folders[0] / str(n)) != digests(whole / str(n))]
    outcome = wrong or "nothing twice, nothing missing, same bytes"
    print(f"a sweep of {JOBS} jobs, started {times} times: {outcome}", flush=True)
    return wrong


def _done(home: Path) -> list[Path]:
    return [path for path in home.rglob("run.json") if status(path.parent) == "done"]


def main() -> None:
    """Prints a line for each, and in the end how many came to the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--sweeps", type=int, default=1)
    parser.add_argument("--kills", type=int, default=5, help="of each sweep")
    parser.add_argument("--jobs", type=int, default=1, help="of each sweep that go on at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", default=",".join(TARGETS), help="of the runs, in turn")
    asked = parser.parse_args()
    targets = asked.targets.split(",")
    rng, failed = random.Random(asked.seed), Counter[str]()  # noqa: S311 - for moments, not for secrets

    def counted(kind: str, what: Callable[[Path], list[str]]) -> None:
        with tempfile.TemporaryDirectory() as place:
            failed[kind] += bool(what(Path(place)))

    if asked.runs:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "run"
            code, said = forked(
                Path(place), lambda: module("fedsky", *ASKED, "engine=inline", f"hydra.run.dir={folder}")
            )
            assert code == 0, said
            whole = digests(folder)
        for number in range(asked.runs):
            target, phase = targets[number % len(targets)], PHASES[number // len(targets) % len(PHASES)]
            counted("runs", functools.partial(one, target=target, phase=phase, rng=rng, whole=whole))
    for _ in range(asked.sweeps):
        counted("sweeps", lambda path: sweep(path, rng, asked.kills, asked.jobs))
    good = {kind: getattr(asked, kind) - failed[kind] for kind in ("runs", "sweeps")}
    print(f"the same bytes: {good['runs']} of {asked.runs} runs, {good['sweeps']} of {asked.sweeps} sweeps")
    sys.exit(bool(failed.total()))


if __name__ == "__main__":
    main()
