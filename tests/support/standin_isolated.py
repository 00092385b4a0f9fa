"""``python standin_isolated.py`` does what it is asked to: wait for a file, refuse, break, die, leave, answer junk."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from fedsky.web import isolated

ANSWERS = {"junk": b"no JSON\n", "list": b"[]\n", "no answer": b'{"other": 1}\n', "deep": b"[" * 100_000 + b"\n"}


def do(question: dict[str, Any], content: bytes) -> dict[str, Any]:
    what = question.get("do")
    if what == "wait":
        while not Path(question["for"]).exists():
            time.sleep(0.01)
    elif what == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "refuse":
        raise ValueError("no such thing")
    elif what == "break":
        raise KeyError("a mistake")
    elif what == "fill":
        bytearray(question["size"])
    elif what == "leave":
        answer(b'{"answer": {}}\n')
        os._exit(0)
    elif what == "half":
        answer(b'{"answer": ')
        time.sleep(60)
    elif what in ANSWERS:
        answer(ANSWERS[what])
    print("for the log, not for the site")
    return {"pid": os.getpid(), "said": content.decode(), "environment": dict(os.environ)}


def answer(line: bytes) -> None:
    """Answers past ``serve``, as a process would that somebody has taken over."""
    os.write(answers, line)


if __name__ == "__main__":
    answers = os.dup(sys.stdout.fileno())
    isolated.serve(lambda: do, 200_000_000)
