"""``python -m`` in a process of its own that need not load the libraries: it is forked from one that has them.

To load torch, Flower and the plots' libraries takes a processor 8 seconds, which is most of what a small run takes, and
tests start many. Only libraries are loaded beforehand: each command finds and loads the project's own modules as it
would by itself, from its folder and PYTHONPATH. What a test wants of a process's own start, of signals, of mounts, or
of the order of a set in another process, it starts itself.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LIBRARIES = (
    *("torch", "flwr.app", "flwr.clientapp", "flwr.serverapp", "hydra", "omegaconf", "typer", "rich.console"),
    *("pandas", "scipy.stats", "seaborn", "PIL.Image", "safetensors.torch"),
)
FORKS = hasattr(os, "fork") and sys.platform == "linux"


def command(
    *words: str, cwd: Path, env: Mapping[str, str] = os.environ, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """What ``python -m words`` came to in the folder ``cwd``."""
    if not FORKS:
        line = [sys.executable, "-m", *words]
        return subprocess.run(line, cwd=cwd, env=env, capture_output=True, text=True, timeout=timeout)
    with tempfile.TemporaryDirectory() as place:
        streams = [f"{place}/{name}" for name in ("out", "err")]
        asked = {"words": words, "cwd": str(cwd), "env": dict(env), "streams": streams, "timeout": timeout}
        server = _server()
        assert server.stdin is not None and server.stdout is not None
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        code = json.loads(server.stdout.readline())
        out, err = (Path(path).read_text(encoding="utf-8") for path in streams)
    if code is None:
        raise subprocess.TimeoutExpired(list(words), timeout, out, err)
    return subprocess.CompletedProcess(list(words), code, out, err)


@functools.cache
def _server() -> "subprocess.Popen[str]":
    """The process that is forked, begun with the first command; it ends with this one."""
    env = os.environ | {"FLWR_TELEMETRY_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}  # as fedsky has it
    env.pop("PYTHONPATH", None)
    asked = [sys.executable, "-P", __file__]
    server = subprocess.Popen(asked, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    atexit.register(server.communicate)
    return server


def _serve() -> None:
    """Forks for each line of stdin, and says of each how it ended; returns in what was forked, as that command."""
    gc.disable()
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # else each process looks through all of it for garbage as it ends, a processor's second
    gc.enable()
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(asked)
            return
        print(json.dumps(_code(pid, asked["timeout"])), flush=True)


def _code(pid: int, timeout: float) -> int | None:
    """How a process ended; None if it had to be ended."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _become(asked: dict[str, Any]) -> None:
    """Makes this process what Python would have made of the command."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for number, path in enumerate(asked["streams"], start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.stdin = os.fdopen(0)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv[:] = asked["words"]
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = [asked["cwd"], *paths]


if __name__ == "__main__":
    _serve()
    if sys.argv[0] != __file__:
        program, *_ = sys.argv
        runpy.run_module(program, run_name="__main__", alter_sys=True)
