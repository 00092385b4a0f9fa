"""An actor: the process in which clients' messages are answered, one or several clients at a time."""

import socket
from typing import Any

from flwr.app import ArrayRecord, Message
from flwr.clientapp import ClientApp

from fedsky.client.together import answer
from fedsky.engine.asked import Asked
from fedsky.engine.nodes import context_of, held


class Actor:
    """Answers messages by a ClientApp. Made by Ray, which imports all that training needs while others load data."""

    def __init__(self, client_app: ClientApp) -> None:
        self.client_app = client_app
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

    def answer(self, messages: list[Message], references: list[list[Any]]) -> list[Message]:
        """The replies. references: of each message's arrays in Ray's store, where it has any; they are read once."""
        for message, own in zip(messages, references, strict=True):
            for reference in own:
                if reference != self.reference:
                    import ray

                    self.reference, self.arrays = reference, held(ray.get(reference))
                message.content["arrays"] = self.arrays.copy()
        return answer(messages, self._answer)

    def _answer(self, message: Message) -> Message:
        return self.client_app(message=message, context=context_of(message))
