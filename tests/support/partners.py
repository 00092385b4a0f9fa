"""A federation of which server and owners each have a network and mounts of their own, as machines have.

Each place is a process in namespaces: other owners' folders are not there, and the way to the server is a bridge. All
that a place was given goes with its processes. Runs are driven by a process in the server's place that is forked for
each (``python tests/support/partners.py``): it has loaded the libraries, and may do something in the middle of a round.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

OWNERS = ("A", "B", "C")
SERVER = "server"
BEFORE, ANSWERED = "before", "answered"
HOST, PORT = "10.77.0.1", 8000
# A node that is killed counts as connected for twice ten seconds, the least that Flower takes; a SuperLink is away.
NODE = (
    "import typer; from fedsky.engine import fleet; fleet.INTERVAL_SECONDS = 10; "
    "from fedsky.node.__main__ import main; typer.run(main)"
)
SERVE = "from fedsky.deploy import serve; serve.AGAIN_SECONDS = {down}; from fedsky.deploy.__main__ import app; app()"


class Place:
    """Namespaces of a network and of mounts; hidden: folders that are empty there."""

    def __init__(self, hidden: Sequence[Path]) -> None:
        script = "".join(f"mount -t tmpfs none '{path}' && " for path in hidden)
        script += "ip link set lo up && echo ready && exec sleep 3600"
        line = ["unshare", "--net", "--mount", "sh", "-c", script]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def words(self, *line: str) -> list[str]:
        """A command line, to be run in this place."""
        enter = ["nsenter", "--target", str(self.process.pid), "--net", "--mount", "--wdns=/tmp"]
        return [*enter, *line]

    def do(self, *line: str) -> str:
        """What a command says here."""
        return subprocess.run(self.words(*line), check=True, capture_output=True, text=True).stdout

    def start(self, log: Path, *line: str) -> "subprocess.Popen[bytes]":
        """Starts a program here; what it says goes into a file."""
        with log.open("ab") as out:
            return subprocess.Popen(self.words(*line), stdout=out, stderr=out)


class Partners:
    """A federation that serves, and its places."""

    def __init__(self, base: Path, places: dict[str, Place]) -> None:
        self.base, self.places = base, places
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.driver: Any = None

    @property
    def settings(self) -> list[str]:
        """The words of a command that has this federation train."""
        link, certificate = f"127.0.0.1:{PORT + 1}", self.base / "federation" / "ca.crt"
        return ["engine=deployment", f"engine.superlink={link}", f"engine.certificate={certificate}"]

    def start(self, name: str) -> None:
        """Starts an owner's node, again where it was killed."""
        if name in self.processes:
            self.processes[name].wait(10)
        kit = self.base / "owners" / name
        self.processes[name] = self.places[name].start(kit / "out", *python(NODE, str(kit / "owner.yaml")))

    def pid(self, name: str) -> int:
        """The process of what was started: nsenter becomes it."""
        return self.processes[name].pid

    def said(self, name: str) -> str:
        """What an owner's node has said."""
        return (self.base / "owners" / name / "out").read_text()

    def run(self, *words: str, program: str = "fedsky", **event: Any) -> int:
        """The exit status of a command in the server's place; negative for a signal.

        event: kill (a process, None for that of the run), round, and when: before clients are asked to train, or as the
        first has answered.
        """
        asked = {"program": program, "words": words, "event": event}
        self.driver.stdin.write(json.dumps(asked) + "\n")
        self.driver.stdin.flush()
        code: int = json.loads(self.driver.stdout.readline())
        return code

    def told(self) -> str:
        """What the runs have said."""
        return (self.base / "driver.log").read_text()

    def close(self) -> None:
        """Ends the nodes, and then what serves."""
        serving = self.processes.pop(SERVER)
        for process in self.processes.values():
            process.terminate()
        for process in (*self.processes.values(), serving):
            _end(process)


def python(code: str, *words: str) -> tuple[str, ...]:
    """A command line of Python."""
    return (sys.executable, "-c", code, *words)


@contextmanager
def partners(base: Path, down: float) -> Iterator[Partners]:
    """A federation of three owners with photographs; skips where there is no root, or the programs are missing.

    down: seconds after which a SuperLink that was killed is started again.
    """
    import federation as support

    from fedsky.deploy import federation

    if missing := [name for name in ("ip", "unshare", "nsenter") if shutil.which(name) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed")
    if os.getuid() or subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("needs a root that may make namespaces")
    support.draw_photographs(base / "photographs")
    home = federation.init(base / "federation", list(OWNERS), HOST, PORT)
    (base / "owners").mkdir()
    for name in OWNERS:
        shutil.move(home.kit(name), base / "owners" / name)
        shutil.copytree(base / "photographs" / name, base / "owners" / name / "photographs")
    with ExitStack() as stack:
        places: dict[str, Place] = {}
        for name in (SERVER, *OWNERS):
            own = [base / "photographs"]
            own += [base / "owners"] if name == SERVER else [base / "federation"]
            own += [base / "owners" / other for other in OWNERS if SERVER != name != other]
            places[name] = Place(own)
            stack.callback(_end, places[name].process)
        _connect(places)
        made = Partners(base, places)
        serve = python(SERVE.format(down=down), "serve", "--folder", str(home.folder), "--bind", HOST)
        made.processes[SERVER] = places[SERVER].start(base / "serve.log", *serve)
        stack.callback(made.close)
        for name in OWNERS:
            made.start(name)
        line = places[SERVER].words(sys.executable, __file__, str(base))
        made.driver = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(made.driver.communicate)
        yield made


def _connect(places: dict[str, Place]) -> None:
    server = places[SERVER]
    server.do("ip", "link", "add", "bridge", "type", "bridge")
    server.do("ip", "address", "add", f"{HOST}/24", "dev", "bridge")
    server.do("ip", "link", "set", "bridge", "up")
    for number, name in enumerate(OWNERS, start=2):
        end = f"to-{name}"
        there = str(places[name].process.pid)
        server.do("ip", "link", "add", end, "type", "veth", "peer", "name", "way", "netns", there)
        server.do("ip", "link", "set", end, "master", "bridge", "up")
        places[name].do("ip", "address", "add", f"10.77.0.{number}/24", "dev", "way")
        places[name].do("ip", "link", "set", "way", "up")


def _end(process: "subprocess.Popen[Any]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def workers(pid: int) -> list[int]:
    """The processes that answer messages, of a node."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def superlink(pid: int) -> int:
    """The SuperLink's process, of what serves."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def _drive(base: Path) -> None:
    """Makes the runs that lines of stdin ask for, each in a process of its own, and says how each ended."""
    import fedsky.command.shell  # what takes long, for all that are forked
    import fedsky.resume  # noqa: F401
    from benchmarks.forking import fork, module
    from fedsky.engine import deployed  # noqa: F401

    def go_on(program: str, words: list[str], event: dict[str, Any] | None) -> None:
        if event:
            _happening(event)
        module(program, *words)

    for line in sys.stdin:
        out = os.open(base / "driver.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        child = fork(partial(go_on, **json.loads(line)), out)
        os.close(out)
        print(json.dumps(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])), flush=True)


def _happening(event: dict[str, Any]) -> None:
    """Has a process killed in the middle of a round."""
    from fedsky.run.dispatch import Dispatch

    dispatch: Any = Dispatch
    train, noted, begun = dispatch.train, dispatch._noted, [0]

    def training(self: Any, round: int, *arguments: Any) -> Any:
        begun[0] = round
        if event["when"] == BEFORE and round == event["round"]:
            _kill(event["kill"])
        return train(self, round, *arguments)

    def replies(self: Any, found: Any) -> Any:
        for reply in noted(self, found):
            if event["when"] == ANSWERED and begun[0] == event["round"]:
                begun[0] = 0
                _kill(event["kill"])
            yield reply

    dispatch.train, dispatch._noted = training, replies


def _kill(pid: int | None) -> None:
    os.kill(os.getpid() if pid is None else pid, signal.SIGKILL)


if __name__ == "__main__":
    _drive(Path(sys.argv[1]))
