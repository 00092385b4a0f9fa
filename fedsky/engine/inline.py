"""The inline engine: messages delivered to the ClientApp in this process, one or several clients at a time."""

from collections import deque

from flwr.app import Message
from flwr.clientapp import ClientApp

from fedsky.client.arrays import Held
from fedsky.client.together import answer
from fedsky.engine.nodes import Nodes, Once, context_of, groups, held


class InlineGrid(Nodes):
    """Delivers messages to a ClientApp in this process, in the order in which they were pushed."""

    def __init__(self, client_app: ClientApp, num_nodes: int) -> None:
        super().__init__(num_nodes)
        self.client_app, self.once = client_app, Once(held)
        self.pushed: deque[list[Message]] = deque()
        self.replies: deque[Message] = deque()

    def send(self, message: Message) -> None:
        self.pushed.append([message])

    def send_together(self, messages: list[Message]) -> None:
        self.pushed += groups(messages)

    def receive(self) -> Message:
        if not self.replies:
            self.replies.extend(answer(self.pushed.popleft(), self._answer))
        return self.replies.popleft()

    def _answer(self, message: Message) -> Message:
        message, arrays = self.once.take(message)
        if arrays is not None:
            message.content["arrays"] = arrays.copy()
        reply = self.client_app(message=message, context=context_of(message))
        if reply.has_content():
            for record in reply.content.array_records.values():
                for name, array in record.items():
                    if isinstance(array, Held):  # of the model's own memory, which the next client trains
                        record[name] = Held(array.numpy())
        return reply
