"""The trunk of the robust strategies: something better than the mean, where some clients may send anything.

Not a strategy of its own. Every reply becomes a row of differences to the model that was sent, in float64: large
weights do not swallow the small differences between clients. Parameters come first, then buffers. A rule that works
coordinate by coordinate does so on all columns. One that measures distances does so on the parameters alone, since
counters and running variances are on other scales, and what it finds holds for all columns.

Clients count alike, as in the papers: an attacker would tell any number of examples. All replies of a round are in
memory at once, eight bytes a number.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from flwr.app import Message
from torch import Tensor, nn

from fedsky.client import draw_stragglers
from strategies.fedavg import FedAvg


class Robust(FedAvg):
    """FedAvg's client half; those who inherit ``combine`` the rows and ``check`` how many there are."""

    averages = False

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """Refuses a number of replies a round that the rule cannot work with."""
        super().begin(model, config)
        num_members = len(self.members(config["num_clients"]))
        cohort = self.cohort(num_members, config["participation"], config["seed"], 1)
        slow = {} if self.partial_work else draw_stragglers(cohort, config["stragglers"], 1, config["seed"], 1)
        self.check(len(cohort) - len(slow))

    def check(self, num_replies: int) -> None:
        """ValueError, with a remedy, where ``num_replies`` a round are too few; any number will do for some rules."""

    def combine(self, differences: Tensor, num_parameters: int) -> Tensor:
        """The server's step, one number a column, from one row a client; the first columns are parameters."""
        raise NotImplementedError

    def mean(self, replies: Iterable[Message]) -> dict[str, Tensor] | None:
        """What takes the mean's place: the model that was sent, and the step that the rule makes of the differences."""
        before = self.before()
        names = sorted(before, key=lambda name: name not in self.trainable)
        rows = [
            torch.cat([(received[name].double() - before[name]).flatten() for name in names])
            for received in map(self.received, replies)
        ]
        if not rows:
            return None
        try:
            self.check(len(rows))
        except ValueError as error:
            raise ValueError(f"{error}, or set min_replies, so that a round with fewer keeps the model") from error
        differences = torch.stack(rows)
        num_parameters = sum(before[name].numel() for name in names if name in self.trainable)
        # Every rule stays between the smallest and the largest difference; its rounding must too, or a variance of 0
        # could end below 0.
        step = self.combine(differences, num_parameters).clamp(differences.amin(0), differences.amax(0))
        parts = dict(zip(names, torch.split(step, [before[name].numel() for name in names]), strict=True))
        return {name: x + parts[name].view_as(x) for name, x in before.items()}


def ascending(rows: Tensor) -> Tensor:
    """Every column sorted; numpy takes a third of torch's time."""
    return torch.from_numpy(np.sort(rows.numpy(), axis=0))


def median(rows: Tensor) -> Tensor:
    """The median of every column of sorted rows: the middle one, or the mean of the two in the middle."""
    return (rows[(len(rows) - 1) // 2] + rows[len(rows) // 2]) / 2
