"""Sends 1,000 hostile uploads to the site, then photographs, and measures statuses, memory and latency.

    python -m benchmarks.uploads                 # benchmarks.hostile's corpus, through the whole application
    python -m benchmarks.uploads --count 200 --sky ../shared/sky

The site runs in this process, on a fresh folder, with the reference runs' models; the prediction worker is the real
one. Memory is the resident set of each process. No answer may be a 5xx, what must be taken is taken, what must be
refused is refused, and the worker is never lost.
"""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from benchmarks.hostile import Case, corpus, encode, picture
from fedsky.web import Settings, create_app

REFERENCE = Path("outputs/reference")
BOUNDARY = b"----fedsky"


def body(case: Case) -> bytes:
    """The multipart body of an upload, its file's name as it is."""
    name = case.filename.encode("utf-8", "surrogatepass").replace(b'"', b"%22").replace(b"\r\n", b"%0D%0A")
    head = b'Content-Disposition: form-data; name="photo"; filename="' + name + b'"\r\n'
    kind = f"Content-Type: {case.media_type}\r\n".encode() if case.media_type else b""
    return b"--" + BOUNDARY + b"\r\n" + head + kind + b"\r\n" + case.content + b"\r\n--" + BOUNDARY + b"--\r\n"


def send(client: FlaskClient, case: Case) -> TestResponse:
    """Uploads one file as a script does."""
    kind = f"multipart/form-data; boundary={BOUNDARY.decode()}"
    return client.post("/api/predict", data=body(case), content_type=kind)


def megabytes(pid: int | str, what: str = "VmRSS") -> float:
    """The resident memory of a process, or another line of its status, in 2**20 bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/status has no {what}")


def site(folder: Path) -> Flask:
    """A site with the reference runs, whose rate limit is lifted: all uploads here come from one address."""
    (folder / "outputs").mkdir()
    app = create_app(Settings(data=folder / "data", outputs=(folder / "outputs",), reference=REFERENCE, testing=True))
    view: Any = app.view_functions["predict.predict"]
    view.rate = "1000000 per minute"
    return app


def hostile(client: FlaskClient, app: Flask, count: int, seed: int) -> int:
    """Sends the corpus; prints what came of it and returns the number of wrong answers."""
    statuses: Counter[int] = Counter()
    seconds, wrong, pids = [], 0, set()
    worker = app.extensions["predicting"]
    before = {"site": megabytes("self"), "worker": megabytes(worker.pid)}
    for case in corpus(count, seed):
        began = time.perf_counter()
        answer = send(client, case)
        seconds.append(time.perf_counter() - began)
        pids.add(worker.pid)
        statuses[answer.status_code] += 1
        taken = answer.status_code == 200
        if answer.status_code >= 500 or (case.taken is not None and taken != case.taken):
            wrong += 1
            print(f"WRONG: {case.kind} ({case.filename[:30]!r}): {answer.status_code} {answer.text[:200]}")
    after = {"site": megabytes("self"), "worker": megabytes(worker.pid)}
    print(f"{count} hostile uploads: {dict(sorted(statuses.items()))}, {wrong} wrong, {len(pids)} worker(s)")
    median, high = np.quantile(seconds, [0.5, 0.99])
    print(f"  seconds each: median {median:.3f}, 99 % {high:.2f}, most {max(seconds):.2f}")
    for name in before:
        pid = "self" if name == "site" else worker.pid
        print(
            f"  resident MB of the {name}: {before[name]:.0f} before, {after[name]:.0f} after, "
            f"{megabytes(pid, 'VmHWM'):.0f} at most"
        )
    return wrong


def latency(client: FlaskClient, contents: dict[str, bytes], repeats: int) -> None:
    """Prints the seconds of an answer, with six related models, for photographs of each kind."""
    for name, content in contents.items():
        seconds = []
        for _ in range(repeats):
            began = time.perf_counter()
            assert send(client, Case(name, content)).status_code == 200
            seconds.append(time.perf_counter() - began)
        print(f"{name:28s} seconds: median {np.median(seconds):.3f}, most {max(seconds):.3f} (n = {repeats})")


def main(
    count: Annotated[int, typer.Option(help="Hostile uploads.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the corpus.")] = 0,
    sky: Annotated[Path | None, typer.Option(help="A folder of photographs, one of which is timed, too.")] = None,
) -> None:
    """Sends hostile uploads, then photographs."""
    with tempfile.TemporaryDirectory() as folder:
        app = site(Path(folder))
        client = app.test_client()
        rng = np.random.default_rng(0)
        plain = encode(picture(rng, 640, 480), "JPEG")
        began = time.perf_counter()
        assert send(client, Case("first", plain)).status_code == 200
        print(f"first answer, with the worker's start: {time.perf_counter() - began:.1f} s")
        photographs = {
            "640 x 480 JPEG": plain,
            "12 megapixel JPEG": encode(picture(rng, 4000, 3000), "JPEG", quality=80),
        }
        if sky is not None:
            photographs["one of the photographs"] = next(iter(sorted(sky.glob("*/*.jpg")))).read_bytes()
        latency(client, photographs, 20)
        wrong = hostile(client, app, count, seed)
        files = [path for path in Path(folder).rglob("*") if path.is_file() and "site.sqlite" not in path.name]
        print(f"files beside the database and the key: {[path.name for path in files if path.name != 'secret.key']}")
        app.extensions["predicting"].close()
        app.extensions["database"].close()
    raise typer.Exit(1 if wrong else 0)


if __name__ == "__main__":
    typer.run(main)
