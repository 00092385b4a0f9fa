"""Carries messages between the server and the clients: on Ray by Flower's simulation engine, or within this process.

Both give a ``ClientGrid`` (fedsky/engine/grid.py).
"""

import logging
import threading
from typing import Any

from fedsky.client.app import app
from fedsky.engine.grid import ClientGrid
from fedsky.engine.inline import InlineGrid
from fedsky.engine.ray import RayGrid, Simulation
from fedsky.machine import num_cores

_open: list[Simulation] = []


def begin(settings: dict[str, Any], num_clients: int | None) -> None:
    """Has the engine that ``settings`` (conf/engine) name start beside what is done meanwhile: it takes seconds.

    A simulation that is open already serves again, if it was opened with the same settings and has actors enough.
    """
    if settings["kind"] != "ray":
        return
    # An actor without a client only costs a process that imports torch: a minute and more where there are many.
    num_actors = min(settings.get("num_actors") or num_cores(), num_clients or num_cores())
    if _open and (_open[0].settings != settings or _open[0].num_actors < num_actors or _open[0].ended.is_set()):
        close()
    if not _open:
        _quieten()
        _open.append(Simulation(app, settings, num_actors))


def open_grid(settings: dict[str, Any], num_clients: int) -> ClientGrid:
    """A grid of ``num_clients`` clients by the engine that ``settings`` (conf/engine) name."""
    kind = settings["kind"]
    if kind == "inline":
        return ClientGrid(InlineGrid(app, num_clients))
    if kind != "ray":
        raise ValueError(f"engine.kind={kind}: choose ray or inline")
    begin(settings, num_clients)
    _open[0].wait()
    return ClientGrid(RayGrid(_open[0], num_clients))


def close(at_once: bool = False) -> None:
    """Ends the open simulation, if there is one."""
    while _open:
        _open.pop().close(at_once)


# Before the interpreter joins the engine's worker threads, which end only when the simulation does: atexit runs later.
threading._register_atexit(close)  # type: ignore[attr-defined]


def _quieten() -> None:
    """flwr's log has a handler of its own and passes lines on as well; Ray remarks that it starts in a thread."""
    logging.getLogger("flwr").handlers.clear()
    logging.getLogger("ray").setLevel(logging.ERROR)
