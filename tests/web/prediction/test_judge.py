import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fedsky.web.prediction.judge import BusyError, Judge, WorkerError
from fedsky.web.prediction.registry import Registry

# A worker that does what its photograph says.
SCRIPT = """
import json, os, sys, time
print('{"ready": true}', flush=True)
for line in sys.stdin.buffer:
    content = sys.stdin.buffer.read(json.loads(line)["num_bytes"])
    if content == b"crash": os.abort()
    if content == b"hang": time.sleep(60)
    if content == b"slow": time.sleep(1)
    if content == b"leave": print(json.dumps({}), flush=True); sys.exit()
    if content == b"junk": print("no JSON", flush=True); continue
    print(json.dumps({"said": content.decode(), "pid": os.getpid()}), flush=True)
"""


@pytest.fixture
def obedient() -> Iterator[Judge]:
    judge = Judge([sys.executable, "-c", SCRIPT], seconds=3, most_waiting=3)
    yield judge
    judge.close()


@pytest.mark.parametrize("what", [b"crash", b"hang", b"junk"])
def test_a_worker_that_gives_no_answer_costs_that_answer_alone(obedient: Judge, what: bytes) -> None:
    first = obedient.ask({}, b"a")
    began = time.monotonic()
    with pytest.raises(WorkerError) as error:
        obedient.ask({}, what)
    assert error.value.had_begun and time.monotonic() - began < 10
    again = obedient.ask({}, b"b")
    assert again["said"] == "b" and again["pid"] != first["pid"]


def test_a_worker_that_left_by_itself_is_begun_anew_unnoticed(obedient: Judge) -> None:
    first = obedient.ask({}, b"a")["pid"]
    for _ in range(5):
        obedient.ask({}, b"leave")  # it answers, then goes: the next question may meet it still or no longer
        assert obedient.ask({}, b"b")["said"] == "b"
    assert obedient.pid != first


def test_a_worker_gets_no_more_of_the_environment_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDSKY_DATABASE_URL", "postgresql://site:secret@db/site")
    script = SCRIPT.replace('"pid": os.getpid()', '"environment": dict(os.environ)')
    judge = Judge([sys.executable, "-c", script])
    environment = judge.ask({}, b"a")["environment"]
    judge.close()
    assert "secret" not in str(environment) and environment["OMP_NUM_THREADS"] == "1"


def test_a_worker_that_cannot_begin_is_told_apart() -> None:
    judge = Judge([sys.executable, "-c", "raise SystemExit(1)"])
    with pytest.raises(WorkerError) as error:
        judge.ask({}, b"a")
    assert not error.value.had_begun and judge.pid is None


def test_the_queue_is_bounded_and_answers_keep_to_their_questions(obedient: Judge) -> None:
    obedient.ask({}, b"a")
    said, busy = [], []

    def ask(content: bytes) -> None:
        try:
            said.append((content, obedient.ask({}, content, who=content.decode())["said"].encode()))
        except BusyError as error:
            busy.append(error.seconds)

    threads = [threading.Thread(target=ask, args=(b"slow",))]
    threads += [threading.Thread(target=ask, args=(str(number).encode(),)) for number in range(7)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert len(said) == 3 and len(busy) == 5 and min(busy) >= 1
    assert all(asked == answered for asked, answered in said)


def test_it_is_begun_ahead_of_the_first_question_without_a_wait(obedient: Judge) -> None:
    assert obedient.pid is None
    obedient.warm()
    pid = obedient.pid
    assert pid is not None
    obedient.warm()
    assert obedient.ask({}, b"a")["pid"] == pid


def test_the_worker_ends_when_the_site_does() -> None:
    code = (
        "import os, sys; from fedsky.web.prediction.judge import Judge\n"
        f"judge = Judge([sys.executable, '-c', {SCRIPT!r}]); print(judge.ask({{}}, b'a')['pid'], flush=True)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    pid = int(done.stdout)
    until = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_a_model_whose_file_has_changed_is_not_asked(worker: Judge, registry: Registry, photo: bytes) -> None:
    model = registry.models()[0]
    asked = {"model": {"id": model.id, "path": str(model.path), "sha256": "0" * 64}, "others": []}
    assert worker.ask(asked, photo) == {"refused": "The model's file has changed: load the page again.", "status": 409}


def test_it_says_what_fedsky_predict_says(worker: Judge, registry: Registry, photo: bytes, tmp_path: Path) -> None:
    from fedsky.predict import predict

    (tmp_path / "sky.jpg").write_bytes(photo)
    for model in registry.models()[:3]:
        asked = {"model": {"id": model.id, "path": str(model.path), "sha256": model.sha256}, "others": []}
        answer = worker.ask(asked, photo)
        (expected,) = predict(model.path, [tmp_path / "sky.jpg"])
        assert answer["prediction"]["probabilities"] == pytest.approx(expected, abs=1e-6)
        assert answer["prediction"]["label"] == max(expected, key=expected.__getitem__)


def test_the_worker_ends_when_nobody_has_asked_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    from fedsky.web.prediction import worker

    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as incoming, os.fdopen(writing, "wb") as outgoing:
        outgoing.write(b"{}\n")
        outgoing.flush()
        monkeypatch.setattr(worker, "IDLE_SECONDS", 0.05)
        assert worker._next(incoming) == b"{}\n"
        assert worker._next(incoming) == b""
