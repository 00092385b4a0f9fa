"""ALIE.

Gilad Baruch, Moran Baruch, Yoav Goldberg (2019). A Little Is Enough: Circumventing Defenses For Distributed Learning.
NeurIPS. The attackers of a round, who know each other's honest models y_k alone, all send

    mean of y_k - z * standard deviation of y_k        (over the attackers, coordinate by coordinate)

so far from the mean that it harms, and so near that s = floor(n / 2 + 1) - f honest clients are further away and hide
them, of n clients and f attackers:

    z = Phi^-1((n - f - s) / (n - f))

with Phi the normal distribution function, and n and f those of the whole federation. An attacker that is alone in a
round's cohort deviates by nothing. The deviation has the divisor f, not f - 1.

The collusion is simulated by the server's half of this wrapper, once all replies of a round are there. What colluders
send would have to be compressed anew, so this is not for use with compression.
"""

from collections.abc import Iterable, Iterator, Mapping
from statistics import NormalDist
from typing import Any

import torch
from flwr.app import ArrayRecord, Message, MetricRecord
from torch import nn

from fedsky.client import checks, tensors
from strategies.fedavg import FedAvg
from strategies.wrappers.attack import Attack, put
from strategies.wrappers.wrapper import Wrapper


class Alie(Attack):
    """``z``, above 0, is the distance from the mean in standard deviations; None for the paper's."""

    def __init__(self, strategy: FedAvg | Wrapper, num_attackers: int, z: float | None = None) -> None:
        super().__init__(strategy, num_attackers)
        self.given = None if z is None else checks.number("attack.z", z, above=0)

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """Refuses what cannot collude, or cannot hide."""
        super().begin(model, config)
        if not self.attackers:
            return
        if self.num_attackers == 1:
            raise ValueError("attack.num_attackers=1: alie needs 2 or more, who collude, or 0")
        if (config.get("compression") or {}).get("_target_") is not None:
            raise ValueError("attack=alie with compression: colluders send what was not compressed: leave out either")
        self.z = self.given or largest_z(config["num_clients"], self.num_attackers)

    def addressed(self, messages: Iterable[Message]) -> Iterator[Message]:
        """The messages of a round, as they are; notes which go to attackers."""
        self.nodes: set[int] = set()  # of the attackers in the round's cohort
        for message in messages:
            if self.is_attacker(message):
                self.nodes.add(message.metadata.dst_node_id)
            yield message

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        return self.strategy.aggregate_train(server_round, self.colluding(replies))

    def colluding(self, replies: Iterable[Message]) -> Iterator[Message]:
        """All replies in their order, those of attackers with what they agree on."""
        everyone = list(replies)
        attackers = [reply for reply in everyone if reply.metadata.src_node_id in self.nodes]
        honest = [tensors(reply) for reply in attackers]
        for name in [name for name in (honest[0] if honest else {}) if name in self.trainable]:
            rows = torch.stack([arrays[name].double() for arrays in honest])
            agreed = rows.mean(0) - self.z * rows.std(0, correction=0)
            for reply in attackers:
                put(reply, name, agreed.to(honest[0][name].dtype))
        yield from everyone


def largest_z(num_clients: int, num_attackers: int) -> float:
    """The paper's z; ValueError where it says nothing or is no attack."""
    supporters = num_clients // 2 + 1 - num_attackers
    share = (num_clients - num_attackers - supporters) / (num_clients - num_attackers)
    if not 0.5 < share < 1:
        what = "need nobody to hide them" if share >= 1 else "are too few to hide at any distance from the mean"
        raise ValueError(
            f"attack.num_attackers={num_attackers}: of {num_clients} clients they {what}: give attack.z too"
        )
    return NormalDist().inv_cdf(share)
