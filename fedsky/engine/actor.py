"""An actor: the process in which clients' messages are answered, one at a time."""

from typing import Any

from flwr.app import ArrayRecord, Message
from flwr.clientapp import ClientApp

from fedsky.engine.nodes import context_of, held


class Actor:
    """Answers messages by a ClientApp. Made by Ray, which imports all that training needs while others load data."""

    def __init__(self, client_app: ClientApp) -> None:
        self.client_app = client_app
        self.reference: Any = None
        self.arrays = ArrayRecord()  # that came last

    def answer(self, message: Message, references: list[Any]) -> Message:
        """The reply. references: of the message's arrays in Ray's store, where it has any; they are read once."""
        for reference in references:
            if reference != self.reference:
                import ray

                self.reference, self.arrays = reference, held(ray.get(reference))
            message.content["arrays"] = self.arrays.copy()
        return self.client_app(message=message, context=context_of(message))
