"""An actor: the process in which clients' messages are answered, one or several clients at a time.

Importing this loads nothing that trains: the server names the class to Ray while it still imports torch itself.
"""

import socket
from typing import TYPE_CHECKING, Any

from fedsky.engine.asked import Asked
from fedsky.machine import imports

if TYPE_CHECKING:
    from flwr.app import Message


class Actor:
    """Answers messages by the ClientApp. Made by Ray, which imports all that training needs while others load data."""

    def __init__(self) -> None:
        with imports.to_stay():
            from flwr.app import ArrayRecord

            from fedsky.client import together
            from fedsky.client.app import app
            from fedsky.engine import nodes

        self.client_app, self.together, self.nodes = app, together, nodes
        self.reference: Any = None
        self.arrays = ArrayRecord()  # that came last

    def where(self) -> tuple[str, str]:
        """The node that it runs on: Ray's word for it, and a person's."""
        import ray

        address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        return ray.get_runtime_context().get_node_id(), f"{socket.gethostname()} ({address})"

    def look(self, asked: Asked) -> tuple[str | None, bool]:
        """What this machine lacks of what a run asks for, and whether it sees the folder of states."""
        return asked.lack(), asked.is_seen()

    def answer(self, messages: "list[Message]", references: list[list[Any]]) -> "list[Message]":
        """The replies. references: of each message's arrays in Ray's store, where it has any; they are read once."""
        for message, own in zip(messages, references, strict=True):
            for reference in own:
                if reference != self.reference:
                    import ray

                    self.reference, self.arrays = reference, self.nodes.held(ray.get(reference))
                message.content["arrays"] = self.arrays.copy()
        return self.together.answer(messages, self._answer)

    def _answer(self, message: "Message") -> "Message":
        return self.client_app(message=message, context=self.nodes.context_of(message))
