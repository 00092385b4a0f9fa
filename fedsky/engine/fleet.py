"""Flower's SuperLink from an owner's side: the Fleet API, by which a node fetches messages and brings replies.

Flower's own SuperNode looks for messages every three seconds, has an app take them from it a second later, and starts
a process for each unless told otherwise; this connection hands a message over at once.
"""

import threading
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from flwr.app import Message
from flwr.app.message import remove_content_from_message
from flwr.common.serde import message_to_proto
from flwr.proto.fleet_pb2 import ActivateNodeRequest, DeactivateNodeRequest, PullMessagesRequest, PushMessagesRequest
from flwr.proto.heartbeat_pb2 import SendNodeHeartbeatRequest
from flwr.proto.node_pb2 import Node
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects, get_object_tree, no_object_id_recompute
from flwr.supercore.inflatable.inflatable_protobuf_utils import make_push_object_fn_protobuf
from flwr.supercore.inflatable.inflatable_utils import push_objects
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.primitives.asymmetric import public_key_to_bytes
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from fedsky.engine.carrying import carried, fetched, is_large, numbered

BEAT_SECONDS = 4.0  # between two signs of life
INTERVAL_SECONDS = 20.0  # that the SuperLink is told: after twice as long without one a node counts as away


def read_key(path: Path) -> Any:
    """A node's private key, in OpenSSH's form; ValueError where it is none."""
    try:
        return load_ssh_private_key(path.read_bytes(), None)
    except ValueError as error:
        raise ValueError(f"{path} is no private key in OpenSSH's form: take the one of the kit") from error


class FleetConnection:
    """A node's connection to the SuperLink at HOST:PORT, with the owner's key; httpx's errors where it breaks."""

    def __init__(self, address: str, certificate: Path, key: Path) -> None:
        self.address = address
        private = read_key(key)
        self.public = public_key_to_bytes(private.public_key())
        self.client: Any = FleetHttpClient.from_server_address(
            address,
            False,
            certificate.read_bytes(),
            interceptors=[
                RuntimeVersionHttpInterceptor(component_name="SuperNode"),
                NodeAuthHttpInterceptor(private, private.public_key()),
            ],
        )
        self.node: Any = None
        self.ended = threading.Event()
        self.refused = threading.Event()  # the key is known no more
        self.thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def activate(self) -> int:
        """Says that this node is there; its number."""
        got = self.client.ActivateNode(ActivateNodeRequest(public_key=self.public, heartbeat_interval=INTERVAL_SECONDS))
        self.node = Node(node_id=got.node_id)
        if not self.thread.is_alive():
            self.thread.start()
        return int(got.node_id)

    def _beat(self) -> None:
        while not self.ended.wait(BEAT_SECONDS):
            try:
                self.client.SendNodeHeartbeat(
                    SendNodeHeartbeatRequest(node=self.node, heartbeat_interval=INTERVAL_SECONDS)
                )
            except httpx.HTTPStatusError as error:
                if error.response.status_code == httpx.codes.UNAUTHORIZED:
                    self.refused.set()
            except httpx.TransportError:
                continue  # whoever fetches messages tells it

    def pull(self) -> Message | None:
        """The next message to this node; None where there is none."""
        got = self.client.PullMessages(PullMessagesRequest(node=self.node))
        if not got.messages_list:
            return None
        return fetched(self.client, self.node, got.messages_list[0], got.message_object_trees[0])

    def push(self, reply: Message, seconds: float) -> None:
        """Sends a reply, and how long it took."""
        numbered(reply)
        told: dict[str, Any] = {"node": self.node, "clientapp_runtime_list": [seconds]}
        if not is_large(reply):
            self.client.PushMessages(PushMessagesRequest(**told, **carried(reply)))
            return
        with no_object_id_recompute():
            tree, objects = get_object_tree(reply), get_all_nested_objects(reply)
            bare = message_to_proto(remove_content_from_message(reply))
            got = self.client.PushMessages(
                PushMessagesRequest(**told, messages_list=[bare], message_object_trees=[tree])
            )
            push_objects(
                objects,
                make_push_object_fn_protobuf(self.client.PushObject, self.node, reply.metadata.run_id, got.session_id),
                object_ids_to_push=set(got.objects_to_push),
            )

    def close(self) -> None:
        """Says that this node goes."""
        self.ended.set()
        try:
            if self.node is not None:
                self.client.DeactivateNode(DeactivateNodeRequest(node_id=self.node.node_id))
        except httpx.HTTPError:
            pass  # the SuperLink notices after some seconds
        self.client.close()
