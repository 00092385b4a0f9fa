"""``python -m fedsky.node owner.yaml``: all that an owner starts. It fetches messages, and a worker answers them."""

import logging
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import httpx
import typer

from fedsky.engine.fleet import FleetConnection
from fedsky.engine.refusals import is_of_key, is_of_tls, refusal
from fedsky.node import owner as owners
from fedsky.node.log import speak
from fedsky.node.worker import Worker
from fedsky.untrusted import visible

LOG = logging.getLogger("fedsky")
SOON, LATEST, SLOWER = 0.1, 2.0, 1.2  # seconds between two looks for a message: at first, and at most; times as long
AGAIN_SECONDS = 3.0  # between two tries to reach a SuperLink
BUSY_SECONDS = 60.0  # for which a SuperLink may still take a node for connected that was killed


def main(path: Annotated[Path, typer.Argument(metavar="OWNER.YAML", help="The owner.yaml of the kit.")]) -> None:
    """Takes part in a federation until it is interrupted; what leaves this machine is what OWNER.YAML allows."""
    try:
        owner = owners.read(path)
        if not owner.photographs.is_dir():
            raise ValueError(f"photographs={owner.photographs} is not a folder: name the one with a folder a class")
        speak(owner.home)
        connection = FleetConnection(owner.superlink, owner.certificate, owner.key)
    except (ValueError, OSError) as error:
        typer.echo(visible(f"fedsky.node: {error}"), err=True)
        raise typer.Exit(1) from None
    signal.signal(signal.SIGTERM, _interrupt)
    worker = Worker(path)
    try:
        node = _activate(connection)
        LOG.info("owner %s is connected to %s as node %d", owner.owner, owner.superlink, node)
        _serve(connection, worker)
    except KeyboardInterrupt:
        LOG.info("owner %s leaves", owner.owner)
    except ValueError as error:
        LOG.error("fedsky.node: %s", error)
        raise typer.Exit(1) from None
    finally:
        worker.close()
        connection.close()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _activate(connection: FleetConnection) -> int:
    """Connects, as soon as the SuperLink is there; ValueError where it refuses this owner."""
    busy: float | None = None
    told = ""
    while True:
        try:
            return connection.activate()
        except httpx.HTTPStatusError as error:
            if is_of_key(error):
                raise ValueError(refusal(connection.address, error)) from error
            busy = busy or time.monotonic()
            if time.monotonic() - busy > BUSY_SECONDS:
                raise ValueError(refusal(connection.address, error)) from error
            line = refusal(connection.address, error)
        except (httpx.TransportError, OSError) as error:
            line = refusal(connection.address, error)
            if is_of_tls(error):
                raise ValueError(line) from error
        if line != told:
            LOG.warning("%s; trying again", line)
            told = line
        time.sleep(AGAIN_SECONDS)


def _serve(connection: FleetConnection, worker: Worker) -> None:
    wait, told = SOON, False
    while True:
        try:
            message = connection.pull()
            if message is not None:
                start = time.monotonic()
                connection.push(worker.answer(message), time.monotonic() - start)
                wait = SOON
            told = False
        except (httpx.HTTPStatusError, httpx.TransportError) as error:
            if is_of_key(error):
                raise ValueError(refusal(connection.address, error)) from error
            if not told:
                LOG.warning("%s; trying again", refusal(connection.address, error))
            told = True
            time.sleep(AGAIN_SECONDS)
            continue
        if message is None:
            time.sleep(wait)
            wait = min(LATEST, SLOWER * wait)


if __name__ == "__main__":
    typer.run(main)
