"""What a model with a solver of its own gets and gives: settings, the points of a client, a correction of gradients."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from numpy import int64
from numpy.typing import NDArray
from torch import Tensor, nn

Config = Mapping[str, Any]
Correct = Callable[[list[nn.Parameter]], None]


class Source(Protocol):
    """Where a client's points come from."""

    def images(self, indices: NDArray[int64]) -> Tensor:
        """The points of these indices, [n, num_features]."""


class Points(Protocol):
    """The training points of one client (fedsky.client.Shard is one)."""

    labels: Tensor

    @property
    def indices(self) -> NDArray[int64]:
        """Which of the data's points they are."""

    @property
    def task(self) -> Source:
        """Where they come from."""

    def __len__(self) -> int: ...

    def order(self) -> NDArray[int64]:
        """The points of one pass, in a new order, as numbers from 0."""

    def ends(self, batch_size: int) -> list[int]:
        """Where in a pass each batch ends."""
