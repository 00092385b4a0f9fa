"""Flower's Grid with clients in order: by number, replies sorted, bytes counted, a client's exception raised.

A flwr Grid whose nodes stand in the order of the clients' numbers: the n-th serves client n, whose number travels in
the message.
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from flwr.app import Message, RecordDict
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid
from flwr.supercore.run import Run

from fedsky.client.arrays import num_bytes
from fedsky.engine.nodes import TRAIN, Nodes
from fedsky.history.columns import FAILED, LATE, LOST

# Flower's errors of a message or a reply that has expired, and of a node that went away.
OF_ERRORS = {
    ErrorCode.MESSAGE_UNAVAILABLE: LATE,
    ErrorCode.REPLY_MESSAGE_UNAVAILABLE: LATE,
    ErrorCode.NODE_UNAVAILABLE: LOST,
}

WINDOW = 4  # groups of clients that are trained together are made of so many times their number


class ClientError(RuntimeError):
    """A client raised: ``reason`` is its own one-line remedy, if it had one, ``report`` its traceback."""

    def __init__(self, client: int, reason: str, report: str, status: str = FAILED) -> None:
        super().__init__(f"client {client}: {reason or report.strip().splitlines()[-1]}")
        self.client, self.reason, self.report, self.status = client, reason, report, status


@dataclass
class Traffic:
    """Bytes of the arrays sent to and received from one client for training."""

    down: int = 0
    up: int = 0


class ClientGrid(Grid):
    """A grid of clients on top of an engine's: replies come in the order in which messages were made.

    ``traffic`` counts the bytes of every client, and ``waited_seconds`` how long replies were waited for, until someone
    clears them. A reply that says what went wrong is raised as soon as it arrives, or, where the grid is ``tolerant``,
    comes in its turn like any other.
    """

    def __init__(self, inner: Nodes) -> None:
        self.inner = inner
        self.nodes = sorted(inner.get_node_ids())
        self.number = {node: client for client, node in enumerate(self.nodes)}
        self.traffic: dict[int, Traffic] = {}
        self.sizes: Sequence[int] = ()  # how much each client has to do, where somebody knows
        self.tolerant = False
        self.waited_seconds = 0.0

    def set_run(self, run: Run) -> None:
        self.inner.set_run(run)

    @property
    def run(self) -> Run:
        return self.inner.run

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        return Message(*args, **kwargs)

    def get_node_ids(self) -> Iterable[int]:
        """The nodes of clients 0 to num_clients - 1, in this order."""
        return list(self.nodes)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        return self.inner.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        return self.inner.pull_messages(message_ids)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterator[Message]:
        """Yields the replies in the order of the messages, each as soon as it and those before it are there."""
        order: deque[int] = deque()
        early: dict[int, Message] = {}
        for reply in self._exchange(self._longest_first(iter(messages), order)):
            early[reply.metadata.src_node_id] = reply
            while order and order[0] in early:
                yield early.pop(order.popleft())

    def _longest_first(self, messages: Iterator[Message], order: deque[int]) -> Iterator[Message]:
        """Of as many messages as are with the engine at a time those to the clients first that have most to do.

        Else the last to begin may be the one that takes longest. Not of all: so few replies alone wait for their turn.
        """
        # Who is trained together must not hang on how many processes there are.
        size = WINDOW * self.inner.at_once if self.inner.at_once > 1 else self.inner.in_flight
        while window := list(islice(messages, size)):
            order.extend(message.metadata.dst_node_id for message in window)
            yield from sorted(window, key=self._size, reverse=True)

    def _size(self, message: Message) -> int:
        return self.sizes[self.number[message.metadata.dst_node_id]] if self.sizes else 0

    def _exchange(self, messages: Iterator[Message]) -> Iterator[Message]:
        """Keeps as many messages with the engine as it asks for and yields replies as they arrive."""
        waiting: set[str] = set()
        more = True
        while more or waiting:
            while more and len(waiting) + self.inner.at_once <= self.inner.in_flight:
                some = list(islice(messages, self.inner.at_once))
                more = len(some) == self.inner.at_once
                for message in some:
                    if message.metadata.message_type == TRAIN:
                        self._count(message.metadata.dst_node_id, message.content, "down")
                waiting.update(self.push_messages(some))
            start = time.perf_counter()
            replies = self.pull_messages(waiting) if waiting else ()
            self.waited_seconds += time.perf_counter() - start
            for reply in replies:
                waiting.discard(reply.metadata.reply_to_message_id)
                yield self._checked(reply)

    def begin(self, text: str, fingerprint: str, states: Path) -> list[str]:
        """What goes before a job's messages (``Nodes.begin``)."""
        return self.inner.begin(text, fingerprint, states)

    def end(self) -> None:
        self.inner.end()

    def train_together(self, number: int) -> None:
        """Has a process train so many clients at once, where they are alike: those whose messages follow each other."""
        self.inner.train_together(number)

    @property
    def has_states(self) -> bool:
        """Whether the clients' own states are in the run's folder."""
        return self.inner.has_states

    def why_away(self, client: int) -> str | None:
        """Why a client is not connected; None where it is, or is simulated."""
        return self.inner.why_away(self.nodes[client])

    def failure(self, reply: Message) -> ClientError | None:
        """What a reply says went wrong; None where nothing did."""
        client = self.number.get(reply.metadata.src_node_id, -1)
        if reply.has_error():
            return ClientError(client, "", f"{reply.error.reason}", OF_ERRORS.get(reply.error.code, FAILED))
        if "failure" in reply.content.config_records:
            failure = reply.content.config_records["failure"]
            return ClientError(client, str(failure["reason"]), str(failure["traceback"]))
        return None

    def _checked(self, reply: Message) -> Message:
        if (error := self.failure(reply)) is not None:
            if not self.tolerant:
                raise error
        elif reply.metadata.message_type == TRAIN:
            self._count(reply.metadata.src_node_id, reply.content, "up")
        return reply

    def _count(self, node: int, content: RecordDict, way: str) -> None:
        traffic = self.traffic.setdefault(self.number[node], Traffic())
        if "arrays" in content.array_records:
            setattr(traffic, way, getattr(traffic, way) + num_bytes(content.array_records["arrays"]))
