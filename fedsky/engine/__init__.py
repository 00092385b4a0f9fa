"""Carries messages between the server and the clients: on Ray by Flower's simulation engine, within this process, or
to owners' own machines over Flower's SuperLink.

All give a ``ClientGrid`` (fedsky/engine/grid.py). What imports torch is imported late: Ray starts meanwhile.
"""

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from fedsky import checks
from fedsky.history import POOLED
from fedsky.machine import num_cores

if TYPE_CHECKING:  # a node's own process needs neither torch nor what trains
    from fedsky.client.task import Task
    from fedsky.engine.grid import ClientGrid
    from fedsky.engine.ray import Simulation

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")

_open: "list[Simulation]" = []
_joined: list[Any] = []  # federations, of which there is one at most


def prepare(settings: dict[str, Any], num_clients: int | None) -> None:
    """Has the Ray start that ``settings`` (conf/engine) ask for, if they do, beside what is done meanwhile.

    A simulation that is open already serves again, if it was opened with the same settings and has actors enough.
    """
    if settings["kind"] != "ray":
        return
    # An actor without a client only costs a process that imports torch: a minute and more where there are many.
    most = settings.get("num_actors") or (num_cores() if settings.get("address") is None else sys.maxsize)
    num_actors = min(most, num_clients or most)
    if _open and (_open[0].settings != settings or _open[0].num_actors < num_actors or _open[0].ended.is_set()):
        close()
    if not _open:
        from fedsky.engine.ray import Simulation

        _quieten()
        _open.append(Simulation(settings, num_actors))


def begin(settings: dict[str, Any], num_clients: int | None) -> None:
    """As ``prepare``, and tells the actors' ClientApp to Flower's engine, too, which it takes a second to import."""
    prepare(settings, num_clients)
    if settings["kind"] == "ray":
        from fedsky.client.app import app

        _quieten()  # Flower, which gave its log a handler as it was imported
        _open[0].go_on(app)


def open_grid(settings: dict[str, Any], num_clients: int) -> "ClientGrid":
    """A grid of ``num_clients`` clients by the engine that ``settings`` (conf/engine) name."""
    from fedsky.client.app import app
    from fedsky.engine.grid import ClientGrid

    kind = settings["kind"]
    if kind == "inline":
        from fedsky.engine.inline import InlineGrid

        return ClientGrid(InlineGrid(app, num_clients))
    if kind == "deployment":
        from fedsky.engine.deployed import DeploymentGrid

        return ClientGrid(DeploymentGrid(_federation(settings)))
    if kind != "ray":
        raise ValueError(f"engine.kind={kind}: choose ray, inline or deployment")
    from fedsky.engine.simulated import RayGrid

    begin(settings, num_clients)
    _open[0].wait()
    return ClientGrid(RayGrid(_open[0], num_clients))


def task_of(settings: dict[str, Any], text: str) -> "Task":
    """The server's task of a specification: of a real federation it is made of what the owners tell."""
    if settings["kind"] == "deployment":
        from fedsky.engine.deployed import DeploymentGrid

        federation = _federation(settings)
        task: Task = federation.task(text, DeploymentGrid(federation))
        return task
    from fedsky.client.task import load_task

    return load_task(text)


def check_engine(settings: dict[str, Any], evaluate: str, role: str) -> None:
    """Raises ValueError where the engine cannot do what is asked for."""
    if checks.number("engine.num_gpus", settings.get("num_gpus", 0), at_least=0) and not settings.get("address"):
        import torch

        if not torch.cuda.is_available():  # of a cluster's other machines only Ray knows
            raise ValueError(
                f"engine.num_gpus={settings['num_gpus']:g}: torch {torch.__version__} sees no GPU on this machine: set "
                "engine.num_gpus=0, or bring a driver and a torch that is made for it"
            )
    if settings["kind"] != "deployment":
        return
    if role == POOLED:
        raise ValueError(
            "engine=deployment: pooled training needs all photographs on one machine, and they stay with their owners: "
            "what it would reach is unknown here"
        )
    if evaluate != "clients":
        raise ValueError(
            f"evaluate={evaluate}: with engine=deployment the server has no photograph, set evaluate=clients"
        )


def joined(settings: dict[str, Any]) -> dict[str, Any] | None:
    """What run.json says of the machines that a run's engine has joined; None where it has joined none."""
    if settings["kind"] == "deployment":
        told: dict[str, Any] = _federation(settings).described()
        return told
    return _open[0].joined if settings["kind"] == "ray" else None


def _federation(settings: dict[str, Any]) -> Any:
    """The open federation, if it was opened with the same settings, else another."""
    from fedsky.engine.deployment import Federation

    if _joined and _joined[0].settings != settings:
        close()
    if not _joined:
        _quieten()
        _joined.append(Federation(settings))
    return _joined[0]


def close(at_once: bool = False) -> None:
    """Ends the open simulation, if there is one, and takes leave of a federation."""
    while _open:
        _open.pop().close(at_once)
    while _joined:
        _joined.pop().close()


# Before the interpreter joins the engine's worker threads, which end only when the simulation does: atexit runs later.
threading._register_atexit(close)  # type: ignore[attr-defined]


def _quieten() -> None:
    """flwr's log has a handler of its own and passes lines on as well; Ray remarks that it starts in a thread."""
    logging.getLogger("flwr").handlers.clear()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("ray").setLevel(logging.ERROR)
