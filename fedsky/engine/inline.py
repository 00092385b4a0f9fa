"""The inline engine: messages delivered to the ClientApp in this process, one at a time."""

from collections import deque

from flwr.app import Message
from flwr.clientapp import ClientApp

from fedsky.client.arrays import Held
from fedsky.engine.nodes import Nodes, Once, context_of, held


class InlineGrid(Nodes):
    """Delivers messages to a ClientApp in this process, one at a time, in the order in which they were pushed."""

    def __init__(self, client_app: ClientApp, num_nodes: int) -> None:
        super().__init__(num_nodes)
        self.client_app, self.once = client_app, Once(held)
        self.pushed: deque[Message] = deque()

    def send(self, message: Message) -> None:
        self.pushed.append(message)

    def receive(self) -> Message:
        message, arrays = self.once.take(self.pushed.popleft())
        if arrays is not None:
            message.content["arrays"] = arrays.copy()
        reply = self.client_app(message=message, context=context_of(message))
        if reply.has_content():
            for record in reply.content.array_records.values():
                for name, array in record.items():
                    if isinstance(array, Held):  # of the model's own memory, which the next client trains
                        record[name] = Held(array.numpy())
        return reply
