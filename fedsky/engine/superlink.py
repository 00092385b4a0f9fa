"""Flower's SuperLink from the server's side: its owners, and a run on it that this process drives.

Flower has a process of its own run a ServerApp; here the process that asks for the run takes its task over, so that
rounds, sweeps, Ctrl-C and resume stay as they are in a simulation.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from flwr.app import Error, Message
from flwr.app.message import make_message
from flwr.cli.build import build_fab_from_files
from flwr.common.constant import ErrorCode
from flwr.common.serde import fab_to_proto, run_from_proto
from flwr.common.serde_utils import metadata_from_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.runtime_pb2 import (
    AcquireTaskRequest,
    PullAppMessagesRequest,
    PullTaskInputRequest,
    PushAppMessagesRequest,
    PushTaskOutputRequest,
    SendTaskHeartbeatRequest,
)
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.heartbeat import HeartbeatSender
from flwr.supercore.inflatable.inflatable_utils import ObjectPullError
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.retry import RetryInvoker, exponential
from flwr.supercore.run import RunNotRunningException
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.supercore.task_identity import TaskIdentity
from flwr.superlink.grid import HttpGrid
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it has no stubs

from fedsky.engine.carrying import carried, fetched, is_large, numbered
from fedsky.engine.refusals import PASSING, is_of_tls, refusal

LOG = logging.getLogger("fedsky")
T = TypeVar("T")
GONE = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)  # to a run that the SuperLink has given up
START_SECONDS = 15.0  # that a SuperLink may take to hand out a task
MOST_WAIT_SECONDS = 5  # between two tries to reach a SuperLink that does not answer
SERVER_APP = "flwr-serverapp"
# Flower runs what is bundled. Nothing is: owners run the code that they have installed themselves.
APP = b"""
[project]
name = "fedsky"
version = "1.0.0"
description = "Carries messages; the code is what server and owners have installed."
license = "MIT"
dependencies = []

[tool.flwr.app]
publisher = "fedsky"

[tool.flwr.app.components]
serverapp = "fedsky.client.app:app"
clientapp = "fedsky.client.app:app"

[tool.flwr.app.config]
"""


class RunLostError(Exception):
    """The SuperLink has given up the run: it was away for longer than a minute."""


@dataclass(frozen=True)
class Registered:
    """An owner as the SuperLink knows it: node, name, status (registered, online, offline or unregistered).

    Times are ISO 8601, empty where there was none: since: when it last connected; registered: when its key became
    known; left: when it last went away; revoked: when its key was taken back.
    """

    node: int
    name: str
    status: str
    since: str
    key: bytes
    registered: str = ""
    left: str = ""
    revoked: str = ""

    @property
    def is_revoked(self) -> bool:
        return self.status == "unregistered"


class SuperLink:
    """What a server asks of a SuperLink at HOST:PORT; certificate: of the authority that signed the SuperLink's."""

    def __init__(self, address: str, certificate: Path | None) -> None:
        self.address = address
        self.certificate = None if certificate is None else certificate.read_bytes()
        interceptors = [RuntimeVersionHttpInterceptor(component_name="flwr CLI")]
        self.control = ControlHttpClient.from_server_address(address, False, self.certificate, interceptors)

    def known(self) -> list[Registered]:
        """All owners that were ever registered."""
        return [
            Registered(
                each.node_id,
                each.name,
                each.status,
                each.last_activated_at,
                each.public_key,
                each.registered_at,
                each.last_deactivated_at,
                each.unregistered_at,
            )
            for each in self._asked(self.control.ListNodes, ListNodesRequest()).nodes_info
        ]

    def registered(self) -> list[Registered]:
        """The owners that are registered."""
        return [owner for owner in self.known() if not owner.is_revoked]

    def register(self, name: str, public_key: bytes) -> int:
        """Registers an owner's public key (PEM) under a name; the number of its node."""
        return int(
            self._asked(self.control.RegisterNode, RegisterNodeRequest(public_key=public_key, name=name)).node_id
        )

    def unregister(self, node: int) -> None:
        """Takes an owner's key back: it is refused from now on."""
        self._asked(self.control.UnregisterNode, UnregisterNodeRequest(node_id=node))

    def _asked(self, call: Callable[[Any], T], request: Any) -> T:
        try:
            return call(request)
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise ValueError(refusal(self.address, error)) from error

    def start(self) -> tuple[int, str]:
        """Starts a run and takes its task over: the run's number, and the token that its messages are sent with."""
        content, _ = build_fab_from_files({"pyproject.toml": APP})
        fab = Fab(hashlib.sha256(content).hexdigest(), content, {})
        run = int(self._asked(self.control.StartRun, StartRunRequest(fab=fab_to_proto(fab))).run_id)
        with RuntimeHttpClient.from_server_address(
            self.address, False, self.certificate, [RuntimeVersionHttpInterceptor(component_name=SERVER_APP)]
        ) as runtime:
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline:
                got = self._asked(runtime.AcquireTask, AcquireTaskRequest(supported_task_types=[SERVER_APP]))
                if got.token and got.task.run_id == run:
                    return run, str(got.token)
                time.sleep(0.05)
        raise ValueError(f"{self.address} hands out no task: start it by python -m fedsky.deploy serve")

    def stop(self, run: int) -> None:
        """Ends a run, whatever it does."""
        self.control.StopRun(StopRunRequest(run_id=run))

    def close(self) -> None:
        self.control.close()


class Driven:
    """A run on a SuperLink, driven by this process until it is closed."""

    def __init__(self, link: SuperLink) -> None:
        self.link = link
        self.number, token = link.start()
        self.grid: Any = HttpGrid(link.address, False, link.certificate, token=token)
        # Flower's own way to try again interrupts the process where the run is lost.
        self.grid._retry_invoker = RetryInvoker(
            lambda: exponential(max_delay=MOST_WAIT_SECONDS),
            (httpx.TransportError, httpx.HTTPStatusError),
            max_tries=None,
            max_time=None,
            should_giveup=_is_final,
        )
        self.lost = threading.Event()
        self.runtime: Any = self.grid._runtime_client
        begun = self.runtime.PullTaskInput(PullTaskInputRequest())
        self.grid.set_run(run_from_proto(begun.run))
        TaskIdentity.task_id, TaskIdentity.run_id = begun.task_id, begun.run.run_id
        TaskIdentity.node_id = begun.context.node_id
        self.heartbeat = HeartbeatSender(self._beat)
        self.heartbeat.start()

    def _beat(self) -> bool:
        try:
            if not self.runtime.SendTaskHeartbeat(SendTaskHeartbeatRequest()).success:
                self.lost.set()
        except httpx.HTTPStatusError as error:
            if error.response.status_code in PASSING:
                return False
            self.lost.set()
        except httpx.TransportError:
            return False
        return True

    def online(self) -> set[int]:
        """The nodes that are connected."""
        return {int(node.node_id) for node in self._done(self.grid.get_nodes)}

    def push(self, message: Message) -> str:
        """Sends a message; its number."""
        if is_large(message):
            ids = self._done(lambda: list(self.grid.push_messages([message])))
        else:
            numbered(message)
            request = PushAppMessagesRequest(**carried(message))
            ids = self._done(lambda: list(self.runtime.PushMessages(request).message_ids))
        if not ids or not all(ids):
            raise ValueError(f"{self.link.address} does not take a message: it may be larger than it allows")
        return str(ids[0])

    def pull(self, ids: Iterable[str]) -> list[Message]:
        """The replies that have come to some messages."""
        return self._done(lambda: self._pulled(list(ids)))

    def _pulled(self, ids: list[str]) -> list[Message]:
        got = self.runtime.PullMessages(PullAppMessagesRequest(message_ids=ids))
        return [self._reply(*each) for each in zip(got.messages_list, got.message_object_trees, strict=True)]

    def _reply(self, told: Any, tree: Any) -> Message:
        try:
            return fetched(self.runtime, self.grid.node, told, tree)
        except ObjectPullError as error:  # its sender went away over it
            missing = Error(ErrorCode.NODE_UNAVAILABLE, f"{error}")
        except (ValueError, KeyError, DecodeError) as error:
            missing = Error(ErrorCode.CLIENT_APP_CRASHED, f"it sent what is no reply ({error})")
        return make_message(metadata_from_proto(told.metadata), error=missing)

    def _done(self, call: Callable[[], T]) -> T:
        if self.lost.is_set():
            raise RunLostError
        try:
            return call()
        except RunNotRunningException as error:  # no Exception
            raise RunLostError from error
        except httpx.HTTPStatusError as error:
            if error.response.status_code in GONE:
                raise RunLostError from error
            raise ValueError(refusal(self.link.address, error)) from error
        except httpx.TransportError as error:
            raise ValueError(refusal(self.link.address, error)) from error

    def close(self, failed: bool = False) -> None:
        """Gives the task back."""
        from fedsky.engine.nodes import RUN  # with torch, which whoever asks who is connected does without

        self.grid._retry_invoker.max_tries = 1
        try:
            status, details = ("failed", "it was given up") if failed else ("completed", "")
            self.runtime.PushTaskOutput(PushTaskOutputRequest(sub_status=status, details=details))
        except (httpx.HTTPError, RunNotRunningException):
            LOG.debug("the SuperLink did not take the end of the run", exc_info=True)
        if self.heartbeat.is_running:
            self.heartbeat.stop()
        self.grid.close()
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = RUN, 1, 1


def _is_final(error: Exception) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code not in PASSING
    return is_of_tls(error)
