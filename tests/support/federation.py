"""A federation on this machine: a SuperLink, the gate before it, which notes what passes, and owners' nodes."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from owned_photographs import CLASSES, owner_folders

from fedsky.deploy import federation
from fedsky.deploy.gate import Gate
from fedsky.deploy.serve import Server

OWNERS = ("A", "B", "C")
NUM = 10  # photographs of each class and owner
# What owners must not reach.
FORBIDDEN = (
    "control/start-run",
    "control/register-node",
    "runtime/acquire-task",
    "fleet/register-node",
    "fleet/../control/start-run",
    "fleet/%2e%2e/control/start-run",
)


def draw_photographs(root: Path) -> None:
    """Photographs of three owners, of whom each has one more of each class than the one before."""
    owner_folders(root, {owner: dict.fromkeys(CLASSES, NUM + place) for place, owner in enumerate(OWNERS)})


def free_port() -> int:
    """A port that is free together with the next one."""
    while True:
        with closing(socket.socket()) as one, closing(socket.socket()) as next_one:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class Recorder(Gate):
    """A gate that keeps what owners send."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def kept() -> Any:
            event = await receive()
            self.bodies.append(event.get("body", b""))
            return event

        await super().__call__(scope, kept, send)


class Local:
    """A federation that runs, with the means to start and end its owners' nodes."""

    def __init__(self, home: federation.Home, photographs: Path, server: Server, gate: Recorder) -> None:
        self.home, self.photographs, self.server, self.gate = home, photographs, server, gate
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def settings(self) -> list[str]:
        """The words of a command that has this federation train."""
        return [
            "engine=deployment",
            f"engine.superlink={self.home.superlink}",
            f"engine.certificate={self.home.folder / 'ca.crt'}",
        ]

    def kit(self, name: str) -> Path:
        """The kit of an owner, beside whose photographs it lies."""
        kit = self.home.kit(name)
        if not (kit / "photographs").exists():
            shutil.copytree(self.photographs / name, kit / "photographs")
        return kit

    def start(self, name: str) -> None:
        """Starts an owner's node."""
        kit = self.kit(name)
        with (kit / "out").open("wb") as out:
            self.nodes[name] = subprocess.Popen(
                [sys.executable, "-m", "fedsky.node", str(kit / "owner.yaml")], stdout=out, stderr=out
            )

    def said(self, name: str) -> str:
        """What an owner's node has said."""
        return (self.home.kit(name) / "out").read_text()

    def stop(self, name: str) -> None:
        """Ends an owner's node."""
        process = self.nodes.pop(name)
        process.terminate()
        process.wait(60)

    def connected(self) -> list[str]:
        """The owners that are connected."""
        return [owner.name for owner in federation.status(self.home) if owner.status == "online"]

    def close(self) -> None:
        """Ends all that was started."""
        for name in list(self.nodes):
            self.stop(name)


def wait_for(what: Any, seconds: float = 120) -> None:
    """Returns as soon as something is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)


@contextmanager
def local_federation(folder: Path) -> Iterator[Local]:
    """A federation of three owners that serves; no node is started."""
    port = free_port()
    home = federation.init(folder / "federation", list(OWNERS), "127.0.0.1", port)
    draw_photographs(folder / "photographs")
    try:
        server = Server(home)
    except ValueError as error:
        pytest.skip(f"no SuperLink starts here: {error}")
    gate = Recorder(home.superlink, home.folder / "ca.crt")
    asked: Any = gate
    front = uvicorn.Server(
        uvicorn.Config(
            asked,
            host="127.0.0.1",
            port=port,
            log_level="warning",
            lifespan="on",
            ws="none",
            loop="asyncio",
            ssl_certfile=str(home.folder / "server.crt"),
            ssl_keyfile=str(home.folder / "server.key"),
        )
    )
    thread = threading.Thread(target=front.run, daemon=True)
    local = Local(home, folder / "photographs", server, gate)
    try:
        server.ready()
        thread.start()
        wait_for(lambda: front.started)
        yield local
    finally:
        local.close()
        front.should_exit = True
        thread.join(20)
        server.close()
