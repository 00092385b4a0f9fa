"""The Ray cluster of a simulation: one of its own, which takes no stranger's word, or one that a user names.

Ray runs whatever reaches its ports. A cluster of a run's own listens on this machine's loopback address alone, asks for
a random token that only its processes know, and keeps its sockets in a folder that nobody else may enter.
"""

import atexit
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from fedsky.engine import needs
from fedsky.engine.quick_start import quick_start
from fedsky.history import lock
from fedsky.machine import interrupt

LOG = logging.getLogger("fedsky")

MODE, TOKEN, TOKEN_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # 0: the node's address is the loopback one, as on those two by default
END_SECONDS = 3.0  # that killed processes take at most to be gone
LONGEST = 107  # bytes of a socket's path (Linux; 104 elsewhere)
PREFIX = "ray-"
OWN = ("gcs_server", "raylet")  # the processes that Ray starts with a cluster
INNER = "r"  # Ray opens the folder that it is given to everybody: one within another stays shut
BELOW = len(f"/{INNER}/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store")

_before: dict[str, str | None] = {}  # the variables as they were before a cluster of our own
_folder: list[str] = []  # that the cluster of our own has
_written_to_last: list[str] = []  # folders of clusters that Ray has not been told of the end of
_raylets: list[psutil.Process] = []  # Ray's own process on this machine, which carries all between the others


def start(address: str | None, num_cpus: int) -> dict[str, Any] | None:
    """Joins the cluster at an address (auto: the one on this machine), or starts one of ``num_cpus`` actors.

    What run.json says of a cluster that was joined; None of one of our own.
    """
    if address is None:
        _folder.append(_private_folder())
        # Of the cluster's own processes all, and not by a runtime_env, for which Ray starts the actors' processes anew.
        _environment({MODE: "token", TOKEN: secrets.token_hex(32), TOKEN_PATH: None, LOOPBACK: "0", **_variables()})
        try:
            with quick_start():
                _init("local", num_cpus=num_cpus, include_dashboard=False, _temp_dir=f"{_folder[-1]}/{INNER}")
            _raylets[:] = [each for each in psutil.Process().children() if _name(each) == "raylet"]
        except BaseException:
            stop()
            raise
        return None
    nobody = f"engine.address={address}: no Ray cluster answers there; start one or leave it out"
    if address != "auto" and not _answers(address):  # which Ray itself would take a minute and more to find
        raise ValueError(nobody)
    if os.environ.get(TOKEN) or os.environ.get(TOKEN_PATH):
        _environment({MODE: os.environ.get(MODE) or "token"})
    if os.environ.get(MODE) != "token":
        LOG.warning(
            "engine.address=%s: without a token, whoever reaches a Ray cluster runs commands on it (docs/security.md)",
            address,
        )
    try:
        _init(address, runtime_env={"env_vars": _variables()})
    except ConnectionError as error:
        raise ValueError(nobody) from error
    return _joined(address)


def _joined(asked: str) -> dict[str, Any]:
    """What a cluster is that was joined."""
    import ray

    nodes = [
        {
            "name": str(each["NodeManagerHostname"]),
            "address": str(each["NodeManagerAddress"]),
            "num_cores": int(each["Resources"].get("CPU", 0)),
        }
        for each in ray.nodes()  # type: ignore[no-untyped-call]
        if each["Alive"]
    ]
    nodes.sort(key=lambda node: (node["name"], node["address"]))
    address = ray.get_runtime_context().gcs_address
    return {"asked": asked, "address": address, "ray": ray.__version__, "num_nodes": len(nodes), "nodes": nodes}


def told(joined: dict[str, Any]) -> str:
    """A line on a cluster that was joined: ``auto`` may be somebody else's."""
    nodes = ", ".join(f"{each['name']} ({each['address']}, {each['num_cores']} cores)" for each in joined["nodes"])
    return f"engine.address={joined['asked']}: joined the Ray cluster at {joined['address']}: {nodes}"


def stop() -> None:
    """Ends what ``start`` started, and leaves a cluster that was joined."""
    if "ray" in sys.modules and (ray := sys.modules["ray"]).is_initialized():
        own = _started_by_the_raylet() if _folder else []
        if is_alive():
            ray.shutdown()
        else:  # nobody is left to say so to
            own = [each for each in psutil.Process().children(recursive=True) if _name(each) in OWN] + _orphans()
            _written_to_last.extend(_folder)
        for process in own:  # Ray's agents first try, for half a minute, to tell the cluster that it is gone
            with suppress(psutil.NoSuchProcess):
                process.kill()
        end = time.monotonic() + END_SECONDS
        while any(map(_runs, own)) and time.monotonic() < end:
            time.sleep(0.01)
    _raylets.clear()
    while _folder:
        _remove(_folder.pop())
    _environment(dict(_before))
    _before.clear()


def _abandon() -> None:
    """Leaves nothing of a cluster of our own behind where the process ends in the midst of its start."""
    if _folder:
        threading.excepthook = _say_nothing  # of Ray's threads, whose cluster is gone in a moment
        children = psutil.Process().children(recursive=True)
        for process in children:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(children, timeout=END_SECONDS)  # one that ends might write there once more
        shutil.rmtree(_folder[-1], ignore_errors=True)


def _say_nothing(error: threading.ExceptHookArgs) -> None:
    """Leaves out what a thread failed of."""


interrupt.before_leaving(_abandon)


def is_alive() -> bool:
    """Whether Ray's own process runs, of a cluster of our own; without it Ray ends this process, too, in seconds."""
    return all(map(_runs, _raylets))


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _name(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return str(process.name())
    return ""


def _init(address: str, **own: Any) -> None:
    import ray

    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)


def restore_handlers() -> None:
    """Puts this process's own handlers of signals back, in whose place Ray puts some that print a trace first."""
    if threading.current_thread() is threading.main_thread():
        for number in interrupt.SIGNALS:
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)


def _variables() -> dict[str, str]:
    """One thread an actor; glibc keeps what is freed (else page faults); the same modules as here."""
    path = os.pathsep.join(dict.fromkeys([str(Path(__file__).parents[2]), *filter(None, sys.path)]))
    return {
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": "1",
        "FLWR_TELEMETRY_ENABLED": "0",
        "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
        "MALLOC_MMAP_MAX_": "0",
    }


def _started_by_the_raylet() -> list[psutil.Process]:
    """The processes that Ray's own process on this machine started."""
    found: list[psutil.Process] = []
    for process in _raylets:
        with suppress(psutil.NoSuchProcess):
            found += process.children(recursive=True)
    return found


def _orphans() -> list[psutil.Process]:
    """The processes that Ray's own process had started before it was killed: others do not know the cluster's token."""
    token, mine = os.environ.get(TOKEN), psutil.Process().children(recursive=True)
    found: list[psutil.Process] = []
    for process in psutil.process_iter() if token else ():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process not in mine and process.environ().get(TOKEN) == token:
                found.append(process)
    return found


def _private_folder() -> str:
    """A new folder for Ray's sockets and logs, which Ray itself would let everybody write to."""
    place = os.environ.get("RAY_TMPDIR") or ("/tmp" if sys.platform == "darwin" else tempfile.gettempdir())  # noqa: S108
    needs.check(Path(place))
    _remove_left_behind(place)
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=place)
    lock.take(Path(folder))
    if (length := len(os.fsencode(folder)) + BELOW) > LONGEST:
        _remove(folder)
        raise ValueError(
            f"{place} is {length - LONGEST} bytes too long a path for the sockets of engine=ray: set RAY_TMPDIR to "
            "a shorter one, such as /tmp"
        )
    return folder


def _remove(folder: str) -> None:
    lock.release(Path(folder))
    shutil.rmtree(folder, ignore_errors=True)


@atexit.register  # before Ray is imported, so that it comes after Ray's own last word, which makes the folder anew
def _remove_at_the_end() -> None:
    for folder in _written_to_last:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind(place: str) -> None:
    """Removes the folders of runs that were killed, who cannot do so themselves."""
    for folder in Path(place).glob(f"{PREFIX}*"):
        if lock.is_held(folder) is False and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)


def _environment(variables: Mapping[str, str | None]) -> None:
    """Sets variables, or removes them, for Ray; what was there is kept for ``stop``."""
    for name, value in variables.items():
        _before.setdefault(name, os.environ.get(name))
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if "ray" in sys.modules:  # it reads them as it is imported, and not again
        from ray._private import ray_constants
        from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined, unused-ignore]

        AuthenticationTokenLoader.instance().reset_cache()
        Config.initialize("")
        ray_constants.ENABLE_RAY_CLUSTER = os.environ.get(LOOPBACK) != "0"


def _answers(address: str) -> bool:
    """Whether anything listens at ``[ray://]host:port``."""
    host, _, port = str(address).removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
