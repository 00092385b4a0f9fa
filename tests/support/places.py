"""A command in a process of its own, on a machine where all is well or something amiss: mounts, users, networks."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import forked
import pytest

SMALL = ["engine=inline", "num_rounds=1", "num_clients=3", "data.count=40", "data.size=32"]
STRANGER = 54321  # a user without an entry in passwd, as containers have


def isolated(*options: str) -> list[str]:
    """The words before a command that give it mounts, a user or a network of its own; skips where that is not let."""
    if (
        os.getuid()
        or not shutil.which("unshare")
        or subprocess.run(["unshare", *options, "true"], capture_output=True).returncode
    ):
        pytest.skip("needs a root that may make namespaces")
    return ["unshare", *options]


@contextmanager
def two_machines() -> Iterator[tuple[list[str], list[str]]]:
    """Words before a command that run it on one of two machines, 10.77.0.1 and 10.77.0.2, with mounts of their own."""
    if not (shutil.which("ip") and shutil.which("nsenter")):
        pytest.skip("needs a root that may make namespaces")
    started = []
    try:
        for name in ("first", "second"):
            line = [*isolated("-n", "-m", "-u"), "sh", "-c", f"hostname {name} && echo && exec cat"]
            started.append(subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            assert started[-1].stdout is not None and started[-1].stdout.readline() == b"\n"
        first, second = (["nsenter", "-t", f"{process.pid}", "-n", "-m", "-u"] for process in started)
        cable = ["ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", f"{started[1].pid}"]
        subprocess.run([*first, *cable], check=True)
        for words, own, other in ((first, 1, 2), (second, 2, 1)):
            up = f"ip address add 10.77.0.{own}/24 dev cable && ip link set cable up && ip link set lo up"
            way = f"ip route add default via 10.77.0.{other}"  # by which Ray finds its own address
            subprocess.run([*words, "sh", "-c", f"{up} && {way}"], check=True)
        yield first, second
    finally:
        for process in started:
            process.communicate()


def command(
    folder: Path,
    *words: str,
    program: str = "fedsky",
    before: Sequence[str] = (),
    mount: str = "",
    env: Mapping[str, str | None] | None = None,
    shell: str = "",
) -> subprocess.CompletedProcess[str]:
    """``python -m program words`` in ``folder``; mount: a command of the shell before it, in mounts of its own.

    env: what is changed in the environment, None for what is not there; shell: such as redirections, after it.
    """
    if not (before or mount or env or shell):
        return forked.command(program, *words, cwd=folder)
    variables = {key: value for key, value in (os.environ | dict(env or {})).items() if value is not None}
    line = [*before, sys.executable, "-m", program, *words]
    if mount:
        line = [*isolated("-m"), "sh", "-c", f'{mount} && exec "$@"', "sh", *line]
    if shell:
        line = ["sh", "-c", f'"$@" {shell}', "sh", *line]
    return subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True, timeout=240)


def told(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The last line on stderr of a command that failed without a traceback, five lines after its last round at most."""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("round ")]
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stdout + done.stderr and len(lines) <= 5, done.stderr
    return lines[-1].removeprefix("fedsky: ")
