"""``python -m benchmarks.rot``: whether each reader notices every file of a run folder that was cut, or has rotted.

A run that is done, one that was interrupted and one that was killed, all with clients that keep states. Each of their
files in turn is cut at each tenth of its length, and has one bit flipped at a random place. Then the report,
``predict``, the site and ``resume`` read the folder: each must name the file in one line and take no figure from the
run. What a killed run had not completed is done again: there ``resume`` may also come to the bytes of the run left
alone. run.log is no result, and has no sum.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.forking import module
from benchmarks.kills import digests, forked, victim
from fedsky.config import permitted
from fedsky.history import lock
from fedsky.predict import model_files
from fedsky.report.selection import nothing_finished, select
from fedsky.resume import resume
from fedsky.web.runs import views
from fedsky.web.runs.index import Index

ASKED = ["engine=inline", "strategy=scaffold", "num_clients=2", "data.count=60", "data.size=16"]
UNREAD = ("run.log", lock.NAME)


def make_done(place: Path) -> Path:
    """The folder of a run that is done."""
    subprocess.run(_command(3, "done"), cwd=place, check=True, capture_output=True)
    return place / "done"


def make_interrupted(place: Path) -> Path:
    """The folder of a run that was stopped by a signal after some rounds."""
    process = subprocess.Popen(_command(10_000, "interrupted"), cwd=place, stderr=subprocess.DEVNULL)
    rounds = place / "interrupted" / "rounds.jsonl"
    while process.poll() is None and not (rounds.is_file() and rounds.read_bytes().count(b"\n") > 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)  # a shell lets its background ignore Ctrl-C
    process.wait(60)
    return place / "interrupted"


def make_killed(place: Path) -> tuple[Path, dict[str, str]]:
    """The folder of a run that was killed as the models of its fourth round were judged; the sums of one left alone."""
    words = [*ASKED, "num_rounds=6"]
    forked(place, lambda: module("fedsky", *words, "hydra.run.dir=alone"))
    forked(place, lambda: victim("driver", "evaluation", 4, 0.0, [*words, "hydra.run.dir=killed"]))
    return place / "killed", digests(place / "alone")


def _command(num_rounds: int, folder: str) -> list[str]:
    return [sys.executable, "-m", "fedsky", *ASKED, f"num_rounds={num_rounds}", f"hydra.run.dir={folder}"]


def damages(content: bytes, rng: random.Random, flips: int, tenths: range = range(10)) -> Iterator[tuple[str, bytes]]:
    """What may become of a file: what happened, and its content then."""
    for length in sorted({len(content) * tenth // 10 for tenth in tenths} - {len(content)}):
        yield f"cut to {length} of {len(content)} bytes", content[:length]
    for _ in range(flips if content else 0):
        place, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        yield (
            f"bit {bit} of byte {place} flipped",
            content[:place] + bytes([content[place] ^ bit]) + content[place + 1 :],
        )


def of_report(folder: Path) -> str:
    """What the report says of a run of which it takes no figure."""
    selection = select([folder])
    if selection.results:
        return "it is counted"
    return f"{nothing_finished(selection, [folder])} {selection.problems}"


def of_resume(folder: Path, given: permitted.Word = permitted.NOTHING) -> str:
    """Why the run does not go on."""
    return _refusal(lambda: resume(folder, given))


def of_predict(folder: Path) -> str:
    """Why no model is taken from it."""
    return _refusal(lambda: model_files(folder))


def of_site(folder: Path) -> str:
    """What the site's list and its page of the run say."""
    index = Index([folder.parent])
    [row] = [row for row in index.rows() if row.folder == folder.name]
    run = index.read(row.id)
    assert run is not None
    return f"{row.reason} {row.problems} {views.about(run)['problems']}"


def _refusal(what: Callable[[], object]) -> str:
    try:
        what()
    except ValueError as error:
        return str(error)
    return NONE


NONE = "no refusal"
READERS = {"report": of_report, "predict": of_predict, "site": of_site, "resume": of_resume}


def unnoticed(
    folder: Path, name: str, whole: dict[str, str] | None = None, given: permitted.Word = permitted.NOTHING
) -> dict[str, str]:
    """The readers that do not name a damaged file, and what they say instead.

    whole: of a run that was killed, what it comes to; then resume, to which is ``given`` what it asks for, may do so.
    """
    found, raised = {}, {}
    for reader, says in READERS.items():
        try:
            said = of_resume(folder, given) if reader == "resume" else says(folder)
        except Exception as error:
            raised[reader] = f"{type(error).__name__}: {error}"
        else:
            if name not in said or "\n" in said:
                found[reader] = said
    if whole is not None and found.get("resume") == NONE and digests(folder) == whole:
        return raised
    return found | raised


def main() -> None:
    """Prints how many damages each reader noticed, and those that one did not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=3, help="bits of each file that are flipped, one at a time")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rng, missed, count = random.Random(asked.seed), Counter[str](), 0  # noqa: S311 - for places, not for secrets
    with tempfile.TemporaryDirectory() as place:
        killed, end = make_killed(Path(place))
        for whole, sums in ((make_done(Path(place)), None), (make_interrupted(Path(place)), None), (killed, end)):
            before = count
            files = sorted(path for path in whole.rglob("*") if path.is_file() and path.name not in UNREAD)
            for path in files:
                name, content = path.relative_to(whole).as_posix(), path.read_bytes()
                for what, damaged in damages(content, rng, asked.flips):
                    copy = Path(place, "copies", "run")
                    shutil.copytree(whole, copy)
                    (copy / name).write_bytes(damaged)
                    for reader, said in unnoticed(copy, name, sums).items():
                        missed[reader] += 1
                        print(f"{whole.name}: {name} {what}: {reader} says: {said[:300]}")
                    shutil.rmtree(copy)
                    count += 1
            print(f"{whole.name}: {len(files)} files, {count - before} damages")
    print(", ".join(f"{reader} noticed {count - missed[reader]} of {count}" for reader in READERS))
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
