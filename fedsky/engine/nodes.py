"""What both engines' grids have in common: nodes 1 to n, messages with numbers, replies that are waited for."""

import copy
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, Context, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity
from numpy.typing import NDArray

from fedsky.client.arrays import Held

Shared = dict[str, NDArray[Any]]

TRAIN = "train"  # the messages whose bytes are a strategy's own; those of evaluation only measure it
RUN = 1
# flwr's Message asks for the identity of the task that it is made in, also of an engine that never had a grid.
TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = RUN, 1, 1
_numbers = count(1)  # of messages; a reply to one of an earlier job is told from those that are awaited


def shared(record: ArrayRecord) -> Shared:
    """The arrays of a record as whoever gets the message reads them, in memory that all share."""
    return {
        name: np.ascontiguousarray(array.array if isinstance(array, Held) else array.numpy())
        for name, array in record.items()
    }


def held(arrays: Shared) -> ArrayRecord:
    """The record of arrays that were shared."""
    record = ArrayRecord()
    for name, array in arrays.items():
        record[name] = Held(array)
    return record


class Once:
    """What ``make`` makes of a record's arrays, once for all messages that carry the same, one after the other."""

    def __init__(self, make: Callable[[Shared], Any]) -> None:
        self.make = make
        self.lock = threading.Lock()
        self.arrays: list[Any] = []
        self.made: Any = None

    def take(self, message: Message) -> tuple[Message, Any]:
        """The message without its arrays, and what is made of them: None where it has none."""
        if "arrays" not in message.content.array_records:
            return message, None
        content, again = message.content.copy(), copy.copy(message)
        record: Any = content.pop("arrays")
        arrays = [*record.keys(), *record.values()]
        with self.lock:
            if len(arrays) != len(self.arrays) or any(a is not b for a, b in zip(arrays, self.arrays, strict=True)):
                self.arrays, self.made = arrays, self.make(shared(record))
            again.content = content
            return again, self.made


def context_of(message: Message) -> Context:
    """The Context of the node that a message is to. It remembers nothing: the clients' own states are files."""
    node = message.metadata.dst_node_id
    return Context(RUN, node, {"partition-id": node - 1}, RecordDict(), {})


def groups(messages: list[Message]) -> list[list[Message]]:
    """Messages about training together, and others each by itself."""
    if any(message.metadata.message_type != TRAIN for message in messages):
        return [[message] for message in messages]
    return [messages] if messages else []


class Nodes(Grid):
    """A grid of nodes 1 to ``num_nodes``; who inherits brings ``send`` and ``receive``."""

    in_flight = 1  # messages that are with the engine at a time
    at_once = 1  # clients that a process trains together
    has_states = True  # the clients' own states are files of the run's folder

    def __init__(self, num_nodes: int) -> None:
        self.num_nodes = num_nodes
        self.awaited: set[str] = set()
        self.early: dict[str, Message] = {}  # replies that came while others were asked for

    def train_together(self, number: int) -> None:
        """Has a process train so many clients together, by the order of their messages alone."""
        self.in_flight *= number
        self.at_once = number

    @abstractmethod
    def send(self, message: Message) -> None:
        """Hands a message to the engine."""

    def send_together(self, messages: list[Message]) -> None:
        """Hands messages to the engine, for one process where it trains several clients together."""
        for message in messages:
            self.send(message)

    @abstractmethod
    def receive(self) -> Message:
        """The next reply, as soon as there is one."""

    def begin(self, text: str, fingerprint: str, states: Path) -> list[str]:
        """What goes before a job's messages; the machines that do not see the folder of the clients' own states.

        text: the specification of its task; fingerprint: of its data. ValueError where a machine lacks something else.
        """
        return []

    def end(self) -> None:
        """What comes after them."""

    def why_away(self, node: int) -> str | None:
        """Why a node is not there; None where it is."""
        return None

    def set_run(self, run: Run) -> None:
        raise NotImplementedError("these engines have one run alone")

    @property
    def run(self) -> Run:
        return Run.create_empty(run_id=RUN)

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        return Message(*args, **kwargs)

    def get_node_ids(self) -> Iterable[int]:
        return range(1, self.num_nodes + 1)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        ids = []
        messages = list(messages)
        for message in messages:
            ids.append(str(next(_numbers)))
            message.metadata.__dict__["_message_id"] = ids[-1]
            self.awaited.add(ids[-1])
        self.send_together(messages)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """The next reply to one of these messages, which is waited for; what answers an earlier job's is dropped."""
        wanted = set(message_ids)
        while not (there := wanted & self.early.keys()):
            reply = self.receive()
            if (number := reply.metadata.reply_to_message_id) in self.awaited:
                self.awaited.remove(number)
                self.early[number] = reply
        return [self.early.pop(number) for number in there]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        waiting = set(self.push_messages(messages))
        while waiting:
            for reply in self.pull_messages(waiting):
                waiting.discard(reply.metadata.reply_to_message_id)
                yield reply
