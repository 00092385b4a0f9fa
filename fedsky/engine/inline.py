"""The inline engine: messages delivered to the ClientApp in this process, one at a time."""

from collections.abc import Iterable
from typing import Any

from flwr.app import Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity


class InlineGrid(Grid):
    """Delivers messages to a ClientApp in this process, one at a time, in the order in which they were pushed."""

    def __init__(self, client_app: ClientApp, num_nodes: int) -> None:
        self.client_app = client_app
        self.contexts = {
            node: Context(0, node, {"partition-id": node - 1, "num-partitions": num_nodes}, RecordDict(), {})
            for node in range(1, num_nodes + 1)
        }
        self.pushed: dict[str, Message] = {}
        self.num_pushed = 0
        # flwr's Message asks for the identity of the task that it is made in.
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1

    def set_run(self, run: Run) -> None:
        raise NotImplementedError("the inline engine has no runs")

    @property
    def run(self) -> Run:
        return Run.create_empty(run_id=1)

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        return Message(*args, **kwargs)

    def get_node_ids(self) -> Iterable[int]:
        return list(self.contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        ids = []
        for message in messages:
            self.num_pushed += 1
            message.metadata.__dict__["_message_id"] = str(self.num_pushed)
            self.pushed[str(self.num_pushed)] = message
            ids.append(str(self.num_pushed))
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        first = min(message_ids, key=int)
        message = self.pushed.pop(first)
        return [self.client_app(message=message, context=self.contexts[message.metadata.dst_node_id])]

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterable[Message]:
        return [reply for key in self.push_messages(messages) for reply in self.pull_messages([key])]
