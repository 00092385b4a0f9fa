"""Pooled training: what the owners could reach if they shared their photographs.

One model is trained on the training images of all owners, or of those in ``owners``, with as many passes over them as
the federation makes: a round in which m of N clients take part with E local epochs is E m / N passes. The optimizer
starts anew every round, as the clients' do, so that with one client it is FedAvg to the bit.

``photographs`` takes so many of the images, drawn by the run's seed, fewer being among more: a learning curve.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message
from flwr.serverapp import Grid
from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, sgd
from strategies.fedavg import FedAvg, draw


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: FedAvg's, on ``photographs`` of the images where that is not 0."""
    if num := int(config["photographs"]):
        if num > len(shard):
            raise ValueError(f"strategy.photographs={num}: there are {len(shard)} to train with, or set null for all")
        drawn = np.random.default_rng([config["seed"], 6]).permutation(len(shard))[:num]
        shard = Shard(shard.task, shard.indices[np.sort(drawn)], shard.generator)
    return model.state_dict(), sgd(model, shard, config)


class Centralized(FedAvg):
    """FedAvg with a single client that holds ``photographs`` (None: all) of the images of ``owners`` (None: all)."""

    train = staticmethod(train)
    role = "pooled"

    def __init__(self, owners: Sequence[int] | int | None = None, photographs: int | None = None) -> None:
        super().__init__(owners)
        known = 0 if photographs is None else checks.whole("strategy.photographs", photographs, 1, hint=", or null")
        self.parameters["photographs"] = known

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """One message to the first node: all the owners' images, the round's share of the passes."""
        self.arrays, self.sent = arrays, self.moving(arrays)
        nodes = list(grid.get_node_ids())
        owners = self.members(len(nodes))
        seed, participation, epochs = (config[key] for key in ("seed", "participation", "local_epochs"))
        assert isinstance(seed, int) and isinstance(participation, float) and isinstance(epochs, int)
        cohort = len(draw(len(nodes), participation, seed, server_round))
        passes = [done * epochs * cohort // len(nodes) for done in (server_round - 1, server_round)]
        asked = ConfigRecord({**config, "owners": owners, "local_epochs": passes[1] - passes[0]})
        yield self.message("train", nodes[0], 0, self.sent, asked)
