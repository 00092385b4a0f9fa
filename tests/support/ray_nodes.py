"""Ray nodes that a test starts and ends, and runs on their cluster: none of anybody else's is touched."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from fedsky.engine import cluster

SUPPORT = Path(__file__).parent
SECONDS = 240.0  # that runs take at most, on a busy machine


class Nodes:
    """The nodes of a cluster, the first one at first; ``address`` is the cluster's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder  # a short path, as for sockets
        self.processes: list[subprocess.Popen[str]] = []
        self.address: list[str] = []
        path = os.pathsep.join([str(SUPPORT), str(SUPPORT.parents[1])])
        self.env = os.environ | {"PYTHONPATH": path, cluster.MODE: "token", cluster.TOKEN: secrets.token_hex(16)}

    def start(self, own: str, before: Sequence[str] = (), env: Mapping[str, str] | None = None) -> None:
        """Starts a node at an address of its own; before: words that put it into namespaces."""
        if own.startswith("127."):
            self.env[cluster.LOOPBACK] = "0"
        program = [
            *before,
            sys.executable,
            str(SUPPORT / "ray_node.py"),
            own,
            str(self.folder / f"{len(self.processes)}"),
        ]
        with (self.folder / "told").open("a") as told:
            process = subprocess.Popen(
                [*program, *self.address],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
                env=self.env | dict(env or {}),
            )
        self.processes.append(process)
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, (self.folder / "told").read_text()
        self.address = [address]
        self.env["RAY_ADDRESS"] = address  # what "auto" is, whatever else runs on this machine

    def run(
        self, jobs: list[tuple[list[str], dict[str, Any], Path]], before: Sequence[str] = (), address: str = ""
    ) -> tuple[Any, str]:
        """What run.json says of each job, or why it was refused, and what was told on the way."""
        words = [f"engine.address={address or self.address[0]}"]
        asked = json.dumps([[["engine=ray", *words, *more], settings, str(folder)] for more, settings, folder in jobs])
        answers = self.folder / "answers"
        program = [*before, sys.executable, str(SUPPORT / "cluster_jobs.py"), str(answers)]
        done = subprocess.run(program, input=asked, capture_output=True, text=True, timeout=SECONDS, env=self.env)
        assert done.returncode == 0, done.stderr
        return json.loads(answers.read_text()), done.stderr

    def end(self) -> None:
        """Ends all nodes, by what this process started."""
        for process in reversed(self.processes):
            with suppress(psutil.NoSuchProcess):
                children = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                for child in children:
                    with suppress(psutil.NoSuchProcess):
                        child.kill()
                psutil.wait_procs(children, timeout=20)
            process.communicate()


@contextmanager
def ray_nodes() -> Iterator[Nodes]:
    """A cluster that has no node yet."""
    nodes = Nodes(Path(tempfile.mkdtemp(prefix="fr-", dir="/tmp")))
    try:
        yield nodes
    finally:
        nodes.end()
        shutil.rmtree(nodes.folder)
