"""Training alone: what every owner reaches with its own photographs.

Every owner trains a model of its own from the common start, in the rounds and with the passes that the federation
would give it. It is judged by that model on its own test images and, after the last round, on the pooled test set.
"""

from collections.abc import Iterable
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, sgd
from strategies.fedavg import FedAvg


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD from the owner's own model, which stays with the owner."""
    evaluate(model, shard, config, state)
    metrics = sgd(model, shard, config)
    state.save(model.state_dict())
    return {}, metrics


def evaluate(model: nn.Module, shard: Shard, config: Config, state: State) -> None:
    """Puts the owner's own model in place; before its first round that is the common start."""
    own = state.load()
    if own is not None:
        model.load_state_dict(own)


class Local(FedAvg):
    """The server half: sends no model and takes none."""

    train = staticmethod(train)
    evaluate: Any = staticmethod(evaluate)
    role = "alone"
    partial_work = True

    def message(self, kind: str, node: int, client: int, arrays: ArrayRecord | None, config: ConfigRecord) -> Message:
        """A message without arrays: every client starts from the model that the run's seed makes."""
        return super().message(kind, node, client, None, config)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Nothing to aggregate."""
        for _ in replies:
            pass
        return None, None
