"""A process beside the site: what it does wrong costs one answer, and nobody waits for ever."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import standin_isolated

from fedsky.web import isolated
from fedsky.web.isolated import IsolatedProcess, NoAnswerError
from fedsky.web.share import BusyError

STANDIN = standin_isolated.__file__
Make = Callable[..., IsolatedProcess]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[IsolatedProcess] = []

    def make(*arguments: str, seconds: float = 15, most: int = 3, each: int = 2) -> IsolatedProcess:
        made.append(IsolatedProcess("it", arguments or (STANDIN,), seconds=seconds, most=most, each=each))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("die", "ended .exit code -11"),
        ("junk", "not JSON"),
        ("list", "not as agreed"),
        ("no answer", "not as agreed"),
        ("deep", "not JSON"),
        ("half", "took more than 2 seconds"),
    ],
)
def test_a_question_without_an_answer_costs_that_answer_alone(make: Make, what: str, why: str) -> None:
    process = make(seconds=2)
    first = process.ask({}, b"a")
    assert first["pid"] == process.ask({})["pid"] != os.getpid()
    began = time.monotonic()
    with pytest.raises(NoAnswerError, match=why) as error:
        process.ask({"do": what})
    assert error.value.had_begun and time.monotonic() - began < 50, "what hangs does so for 60 seconds"
    again = process.ask({}, b"b")
    assert again["said"] == "b" and again["pid"] != first["pid"]


def test_a_refusal_is_told_and_a_mistake_too_and_both_leave_the_process_as_it_is(make: Make) -> None:
    process = make()
    first = process.ask({})["pid"]
    with pytest.raises(ValueError, match="no such thing"):
        process.ask({"do": "refuse"})
    with pytest.raises(NoAnswerError, match="KeyError: 'a mistake'"):
        process.ask({"do": "break"})
    assert process.ask({})["pid"] == first


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory so")
def test_it_takes_no_more_memory_than_it_may(make: Make) -> None:
    process = make()
    assert process.ask({"do": "fill", "size": 50_000_000})
    with pytest.raises(NoAnswerError, match="MemoryError"):
        process.ask({"do": "fill", "size": 250_000_000})


def test_a_question_that_nobody_reads_is_given_up(make: Make) -> None:
    """What does not fit the pipe was written without any limit of time."""
    process = make("-c", "import time; print('{\"answer\": {}}', flush=True); time.sleep(60)", seconds=1)
    with pytest.raises(NoAnswerError, match="took more than 1 second"):
        process.ask({}, b"x" * 10_000_000)


def test_an_answer_has_a_longest_length(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "LONGEST_ANSWER", 100_000)
    process = make()
    with pytest.raises(NoAnswerError, match="too long"):
        process.ask({}, b"x" * 100_000)


def test_one_that_left_by_itself_is_begun_anew_unnoticed(make: Make) -> None:
    process = make()
    first = process.ask({})["pid"]
    for _ in range(5):
        process.ask({"do": "leave"})  # it answers, then goes: the next question may meet it still or no longer
        assert process.ask({}, b"b")["said"] == "b"
    assert process.pid != first


def test_it_gets_no_more_of_the_environment_than_it_needs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDSKY_DATABASE_URL", "postgresql://site:secret@db/site")
    environment = make().ask({})["environment"]
    assert "secret" not in str(environment) and environment["OMP_NUM_THREADS"] == "1"


def test_one_that_cannot_begin_is_told_apart(make: Make) -> None:
    process = make("-c", "raise SystemExit(1)")
    with pytest.raises(NoAnswerError, match="ended") as error:
        process.ask({})
    assert not error.value.had_begun and process.pid is None


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_queue_is_bounded_and_answers_keep_to_their_questions(make: Make, tmp_path: Path) -> None:
    process = make()
    process.ask({})
    said, busy = [], []

    def ask(question: dict[str, object], content: bytes) -> None:
        try:
            said.append((content, process.ask(question, content, who=content.decode())["said"].encode()))
        except BusyError as error:
            busy.append(error.seconds)

    threads = [threading.Thread(target=ask, args=({"do": "wait", "for": str(tmp_path / "end")}, b"slow"))]
    threads += [threading.Thread(target=ask, args=({}, str(number).encode())) for number in range(7)]
    threads[0].start()
    wait(lambda: process.room._held.total() == 1)
    for thread in threads[1:]:
        thread.start()
    wait(lambda: len(busy) == 5)
    (tmp_path / "end").touch()
    for thread in threads:
        thread.join()
    assert len(said) == 3 and len(busy) == 5 and min(busy) >= 1
    assert all(asked == answered for asked, answered in said)


def test_one_visitor_keeps_nobody_out(make: Make, tmp_path: Path) -> None:
    """Three comparisons of one visitor took all places."""
    process = make(most=4)
    process.ask({})
    slow = {"do": "wait", "for": str(tmp_path / "end")}
    threads = [threading.Thread(target=process.ask, args=(slow,), kwargs={"who": "one"}) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait(lambda: process.room._held["one"] == 2)
    with pytest.raises(BusyError):
        process.ask({}, who="one")
    (tmp_path / "end").touch()
    assert process.ask({}, who="another"), "waits for its turn, and has it"
    for thread in threads:
        thread.join()


def test_it_is_begun_ahead_of_the_first_question_without_a_wait(make: Make) -> None:
    process = make()
    assert process.pid is None
    process.warm()
    pid = process.pid
    assert pid is not None
    process.warm()
    assert process.ask({})["pid"] == pid


@pytest.mark.parametrize(
    "end", ["os.kill(os.getpid(), 9)", "threading.Thread(target=ask, daemon=True).start(); sleep(1)"]
)
def test_it_ends_when_the_site_does(end: str) -> None:
    """Killed, and after the end of a program whose question is being answered still."""
    code = (
        "import os, threading; from time import sleep; from fedsky.web.isolated import IsolatedProcess\n"
        f"process = IsolatedProcess('it', [{STANDIN!r}], seconds=60, most=3, each=3)\n"
        "ask = lambda: process.ask({'do': 'wait', 'for': 'nothing'})\n"
        f"print(process.ask({{}})['pid'], flush=True); {end}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    pid = int(done.stdout)
    until = time.monotonic() + 10
    while (stat := _stat(pid)) is not None and stat != "Z" and time.monotonic() < until:
        time.sleep(0.05)
    assert _stat(pid) in (None, "Z")


def _stat(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def test_it_ends_when_nobody_has_asked_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as incoming, os.fdopen(writing, "wb") as outgoing:
        outgoing.write(b"{}\n")
        outgoing.flush()
        monkeypatch.setattr(isolated, "IDLE_SECONDS", 0.05)
        assert isolated._next(incoming) == b"{}\n"
        assert isolated._next(incoming) == b""
