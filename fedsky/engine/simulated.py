"""The grid of a simulation on Ray, for one job."""

import logging
import secrets
from pathlib import Path

from flwr.app import Message

from fedsky.engine import cluster
from fedsky.engine.asked import SIGN, Asked
from fedsky.engine.nodes import Nodes, groups
from fedsky.engine.ray import Simulation
from fedsky.history import write_whole
from fedsky.machine.versions import code, versions

LOG = logging.getLogger("fedsky")


class RayGrid(Nodes):
    """Hands messages to the simulation's engine and waits for its replies."""

    def __init__(self, simulation: Simulation, num_nodes: int) -> None:
        super().__init__(num_nodes)
        self.simulation = simulation
        self.in_flight = 2 * simulation.actors.num_workers + 2  # an actor that is ready finds another message
        self.sign: Path | None = None

    def begin(self, text: str, fingerprint: str, states: Path) -> list[str]:
        """Looks at all machines of a cluster that was joined; the names of those that do not see the run's folder."""
        if self.simulation.joined is None:
            return []
        LOG.info("%s", cluster.told(self.simulation.joined))
        self.sign, word = states / SIGN, secrets.token_hex(16)
        write_whole(self.sign, word.encode())
        try:
            return self.simulation.actors.begin(Asked(text, fingerprint, states.absolute(), word, versions(), code()))
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        if self.sign is not None:
            self.sign.unlink(missing_ok=True)

    def send(self, message: Message) -> None:
        self.simulation.post.messages.put(message)

    def send_together(self, messages: list[Message]) -> None:
        for first, *others in groups(messages):
            if others:
                self.simulation.actors.beside[first.metadata.message_id] = others
            self.send(first)

    def receive(self) -> Message:
        return self.simulation.reply()
