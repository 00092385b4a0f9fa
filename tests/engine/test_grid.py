"""Clients with much to do begin first, and their replies come in the order of the messages all the same."""

import threading
from queue import SimpleQueue
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest
from flwr.app import Message, RecordDict

from fedsky.engine.grid import ClientGrid
from fedsky.engine.nodes import Nodes, Once


class Engine(Nodes):
    """Keeps three messages at a time and answers the last of them first."""

    in_flight = 3

    def __init__(self, num_nodes: int) -> None:
        super().__init__(num_nodes)
        self.sent: list[int] = []
        self.left: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message.metadata.dst_node_id - 1)
        self.left.append(message)

    def receive(self) -> Message:
        return Message(RecordDict(), reply_to=self.left.pop())


def exchanged(sizes: list[int]) -> tuple[list[int], list[int]]:
    """The clients in the order in which they got their messages, and in that of their replies."""
    engine = Engine(7)
    grid = ClientGrid(engine)
    grid.sizes = sizes
    messages = (Message(RecordDict(), dst_node_id=node, message_type="train") for node in grid.get_node_ids())
    return engine.sent, [reply.metadata.src_node_id - 1 for reply in grid.send_and_receive(messages)]


def test_the_longest_begin_first_and_replies_keep_their_order() -> None:
    assert exchanged([1, 5, 9, 2, 2, 4, 3]) == ([2, 1, 0, 5, 3, 4, 6], list(range(7)))


def test_where_nobody_knows_they_begin_in_their_order() -> None:
    assert exchanged([]) == (list(range(7)), list(range(7)))


def test_a_full_object_store_is_told_in_one_line() -> None:
    """Ray's own exceptions have several, and Flower would log where each was raised."""
    import ray

    from fedsky.engine.actors import FULL, Actors

    for error in (ray.exceptions.ObjectStoreFullError("put\nfailed"), ray.exceptions.OutOfDiskError("no\nroom")):
        actors = Actors(0.0, 1, threading.Event(), threading.Event(), SimpleQueue())
        actors.once = cast(Once, SimpleNamespace(take=Mock(side_effect=error)))
        reply, _ = actors.process_message(Message(RecordDict(), dst_node_id=3, message_type="train"), None)
        failure = ClientGrid(Engine(7)).failure(reply)
        assert failure is not None and str(failure) == f"client 2: {FULL}" and "\n" not in FULL


class Grouped(Engine):
    """Notes who is sent together."""

    def send_together(self, messages: list[Message]) -> None:
        self.groups = [*getattr(self, "groups", []), [message.metadata.dst_node_id - 1 for message in messages]]
        super().send_together(messages)


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_who_is_trained_together_does_not_hang_on_the_number_of_processes(processes: int) -> None:
    engine = Grouped(19)
    engine.in_flight = processes
    grid = ClientGrid(engine)
    grid.train_together(2)
    grid.sizes = [5, 1, 5, 1, 5, 1, 5, 1, 2, 3, 2, 3, 2, 3, 2, 3, 1, 2, 3]
    messages = (Message(RecordDict(), dst_node_id=node, message_type="train") for node in grid.get_node_ids())
    assert [reply.metadata.src_node_id - 1 for reply in grid.send_and_receive(messages)] == list(range(19))
    assert engine.groups == [[0, 2], [4, 6], [1, 3], [5, 7], [9, 11], [13, 15], [8, 10], [12, 14], [18, 17], [16]]
