"""How a message travels over a SuperLink, between the server and owners' nodes alike.

A SuperLink takes some ten milliseconds of a processor for each request. So a content travels with its message, which a
SuperLink keeps in its database; Flower itself brings and fetches each record by a request of its own, and waits for a
second where one is not there yet. A large content travels so, too: a model that all owners get is there once then.
"""

from collections.abc import Callable
from typing import Any

from flwr.app import ConfigRecord, Message, RecordDict
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest, ObjectTree
from flwr.supercore.inflatable.inflatable_object import iterate_object_tree
from flwr.supercore.inflatable.inflatable_protobuf_utils import make_pull_object_fn_protobuf
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents, pull_objects

LARGE_BYTES = 2**22
FIRST_SECONDS, MOST_SECONDS = 0.05, 1.0  # between two looks for an object that its sender still sends
PATIENCE_SECONDS = 600.0


def is_large(message: Message) -> bool:
    """Whether a message's content is to travel on its own."""
    return message.has_content() and _num_bytes(message.content) > LARGE_BYTES


def _num_bytes(content: RecordDict) -> int:
    records = [record for record in content.values() if isinstance(record, ConfigRecord)]
    return sum(len(value) for record in records for value in record.values() if isinstance(value, bytes))


def numbered(message: Message) -> None:
    """Gives a message its number on a SuperLink: the digest of what it is."""
    message.metadata.__dict__["_message_id"] = message.object_id


def carried(message: Message) -> dict[str, Any]:
    """What is pushed for a message that has its number and takes its content along."""
    tree = ObjectTree(object_id=message.metadata.message_id)
    return {"messages_list": [message_to_proto(message)], "message_object_trees": [tree]}


def fetched(client: Any, node: Any, told: Any, tree: Any) -> Message:
    """The message that a SuperLink told of, whole, and taken from it; ObjectPullError where some of it is missing."""
    if not tree.children:
        return message_from_proto(told)
    run, number = told.metadata.run_id, told.metadata.message_id
    pull: Callable[[str], bytes] = make_pull_object_fn_protobuf(client.PullObject, node, run)
    contents = pull_objects(
        [each.object_id for each in iterate_object_tree(tree)],
        pull,
        max_time=PATIENCE_SECONDS,
        max_tries_per_object=None,
        initial_backoff=FIRST_SECONDS,
        backoff_cap=MOST_SECONDS,
    )
    client.ConfirmMessageReceived(ConfirmMessageReceivedRequest(node=node, run_id=run, message_object_id=number))
    message: Any = inflate_object_from_contents(number, contents)
    message.metadata.__dict__["_message_id"] = number
    whole: Message = message
    return whole
