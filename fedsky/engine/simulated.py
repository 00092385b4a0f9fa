"""The grid of a simulation on Ray, for one job."""

from flwr.app import Message

from fedsky.engine.nodes import Nodes
from fedsky.engine.ray import Simulation


class RayGrid(Nodes):
    """Hands messages to the simulation's engine and waits for its replies."""

    def __init__(self, simulation: Simulation, num_nodes: int) -> None:
        super().__init__(num_nodes)
        self.simulation = simulation
        self.in_flight = 2 * simulation.num_actors + 2  # an actor that is ready finds another message

    def send(self, message: Message) -> None:
        self.simulation.post.messages.put(message)

    def receive(self) -> Message:
        return self.simulation.reply()
