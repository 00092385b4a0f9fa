"""The grid of a real federation, for one job."""

import time
from typing import Any

from flwr.app import ConfigRecord, Error, Message, RecordDict

from fedsky.engine.deployment import Federation
from fedsky.engine.grid import OF_ERRORS
from fedsky.engine.nodes import Nodes, Once
from fedsky.engine.packing import packed, unpack
from fedsky.engine.superlink import RunLostError
from fedsky.engine.travelling import ARRAYS
from fedsky.history.columns import LATE, LOST

SOON, LATEST, SLOWER = 0.05, 0.3, 1.2  # seconds between two looks for replies: at first, and at most; times as long


class DeploymentGrid(Nodes):
    """The grid of a federation, for one job: node n + 1 is the n-th owner's."""

    has_states = False

    def __init__(self, federation: Federation) -> None:
        super().__init__(len(federation.owners))
        self.federation = federation
        self.in_flight = len(federation.owners)
        self.once = Once(packed)  # the same model for all, and the same bytes
        self.sent: dict[str, Message] = {}  # by their numbers on the SuperLink
        self.there: list[Message] = []

    def why_away(self, node: int) -> str | None:
        """Why an owner is not asked; None where it is connected."""
        while True:
            try:
                there = self.federation.owners[node - 1].node in self.federation.online()
            except RunLostError:
                self._again()
            else:
                return None if there else "not connected"

    def send(self, message: Message) -> None:
        federation = self.federation
        while True:
            try:
                number = federation.driven.push(self._outward(message))
            except RunLostError:
                self._again()
            else:
                self.sent[number] = message
                return

    def _outward(self, message: Message) -> Message:
        """The message as it goes to the owner's node."""
        client = message.metadata.dst_node_id - 1
        message, arrays = self.once.take(message)
        owner, content = self.federation.owners[client], message.content.copy()
        config: Any = dict(content["config"])
        config = {"client": client, **config, "task": self.federation.text, "owner": owner.name}
        config["predictions"] = bool(self.federation.settings["predictions"])
        if self.federation.answers:
            config["fingerprint"] = self.federation.answers[client]["fingerprint"]
        content["config"] = ConfigRecord(config)
        if arrays is not None:
            content[ARRAYS] = arrays
        return Message(content, owner.node, message.metadata.message_type, ttl=self.federation.ttl)

    def _again(self) -> None:
        """Everything that is not answered yet, sent once more in another run."""
        self.federation.again()
        waiting, self.sent = list(self.sent.values()), {}
        for message in waiting:
            self.send(message)

    def receive(self) -> Message:
        wait = SOON
        while not self.there:
            try:
                self.there += [self._inward(reply) for reply in self.federation.driven.pull(list(self.sent))]
            except RunLostError:
                self._again()
            if not self.there:
                time.sleep(wait)
                wait = min(LATEST, SLOWER * wait)
        return self.there.pop(0)

    def _inward(self, reply: Message) -> Message:
        """A reply as the message's own, whoever sent it: the SuperLink answers itself for who is away."""
        asked = self.sent.pop(reply.metadata.reply_to_message_id)
        name = self.federation.owners[asked.metadata.dst_node_id - 1].name
        if reply.has_error():
            return Message(Error(reply.error.code, _told(reply.error, name, self.federation.ttl)), reply_to=asked)
        content = reply.content
        try:
            if ARRAYS in content.config_records:
                arrays = content.config_records[ARRAYS]
                del content[ARRAYS]  # Flower remarks on a record of another kind in its place
                content[ARRAYS] = unpack(arrays)
        except ValueError as error:
            content = RecordDict({"failure": ConfigRecord({"reason": str(error), "traceback": str(error)})})
        return Message(content, reply_to=asked)


def _told(error: Error, name: str, ttl: float) -> str:
    """One line for Flower's own error replies."""
    told = {LATE: f"no reply of {name} within engine.ttl_seconds={ttl:g}", LOST: f"{name} went away before it answered"}
    return told.get(OF_ERRORS.get(error.code, ""), f"{error.reason}")
