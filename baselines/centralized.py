"""Pooled training: what the owners could reach if they shared their photographs.

One model is trained on the training images of all owners, or of those in ``owners``, with as many passes over them as
the federation makes: a round in which m of N clients take part with E local epochs is E m / N passes. The optimizer
starts anew every round, as the clients' do, so that with one client it is FedAvg to the bit.
"""

from collections.abc import Iterator
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message
from flwr.serverapp import Grid

from strategies.fedavg import FedAvg, draw


class Centralized(FedAvg):
    """FedAvg with a single client that holds the images of ``owners`` (client numbers; None: all)."""

    role = "pooled"

    def __init__(self, owners: list[int] | None = None, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.owners = None if owners is None else sorted({int(owner) for owner in owners})

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """One message to the first node: all the owners' images, the round's share of the passes."""
        self.arrays = self.sent = arrays
        nodes = list(grid.get_node_ids())
        owners = list(range(len(nodes))) if self.owners is None else self.owners
        if not owners or owners[0] < 0 or owners[-1] >= len(nodes):
            raise ValueError(f"strategy.owners={owners}: name owners from 0 to {len(nodes) - 1}")
        seed, participation, epochs = (config[key] for key in ("seed", "participation", "local_epochs"))
        assert isinstance(seed, int) and isinstance(participation, float) and isinstance(epochs, int)
        cohort = len(draw(len(nodes), participation, seed, server_round))
        passes = [done * epochs * cohort // len(nodes) for done in (server_round - 1, server_round)]
        asked = ConfigRecord({**config, "owners": owners, "local_epochs": passes[1] - passes[0]})
        yield self.message("train", nodes[0], 0, arrays, asked)
