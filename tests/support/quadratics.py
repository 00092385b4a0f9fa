"""Federations of quadratics f_i(x) = 1/2 (x - t_i)' A_i (x - t_i), whose numbers are known in closed form.

Every round goes through the strategy's ``configure_train``, its client half with ``fedsky.client.sgd``, and its
``aggregate_train``, as in a run, without an engine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.supercore.task_identity import TaskIdentity
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from fedsky.client import TAKEN, Behaviour, State


class Quadratic(nn.Module):
    """f(x), of "images" [1, d, d + 1] that hold A and t side by side."""

    def __init__(self, start: ArrayLike) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(np.atleast_1d(start), dtype=torch.float64))

    def forward(self, rows: Tensor) -> Tensor:
        difference = self.x - rows[0, :, -1]
        return 0.5 * difference @ rows[0, :, :-1] @ difference

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        return outputs


@dataclass
class Owner:
    """One client: A [d, d], t [d], its local full-batch steps and its number of examples."""

    a: NDArray[np.float64]
    t: NDArray[np.float64]
    steps: int
    weight: int


class Rows:
    """The shard of an owner: one batch."""

    def __init__(self, owner: Owner) -> None:
        self.rows = torch.from_numpy(np.concatenate([owner.a, owner.t[:, None]], axis=1))[None]
        self.weight, self.num_classes, self.generator = owner.weight, 2, torch.Generator()
        self.labels = torch.zeros(owner.weight, dtype=torch.int64)

    def __len__(self) -> int:
        return self.weight

    def batches(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield self.rows, self.labels

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        yield self.rows, self.labels


# The golden problem: A = (1, 4), t = (0, 10), p = (1/4, 3/4), K = (1, 5), from x = 1 with steps of 0.1.
GOLDEN = [Owner(np.eye(1), np.zeros(1), 1, 1), Owner(4 * np.eye(1), np.full(1, 10.0), 5, 3)]


class Federation:
    """``strategy`` with ``owners``, from ``start``; clients keep their states in ``folder``."""

    def __init__(
        self,
        strategy: Any,
        owners: Sequence[Owner],
        folder: Path,
        start: ArrayLike = 1.0,
        lr: float = 0.1,
        behaviour: Behaviour | None = None,
        **config: Any,
    ) -> None:
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
        self.strategy, self.owners, self.folder, self.round_number = strategy, owners, folder, 0
        self.model = Quadratic(start)
        self.arrays = ArrayRecord(self.model.state_dict())
        settings = {"lr": lr, "momentum": 0.0, "weight_decay": 0.0, "local_epochs": 1, "batch_size": 1, "seed": 0}
        settings |= {"participation": 1.0, "stragglers": 0.0, "num_clients": len(owners), "num_rounds": 100, **config}
        self.config: dict[str, Any] = settings
        strategy.begin(self.model, self.config)
        self.behaviour = behaviour
        if behaviour is not None:
            strategy.know(behaviour)

    def round(self) -> NDArray[np.float64]:
        """One round; x afterwards."""
        self.round_number += 1
        grid: Any = SimpleNamespace(get_node_ids=lambda: list(range(1, len(self.owners) + 1)))
        asked = ConfigRecord({**self.config, "round": self.round_number})
        messages = self.strategy.configure_train(self.round_number, self.arrays, asked, grid)
        replies = (self._answer(message) for message in messages if self._answers(message))
        arrays, _ = self.strategy.aggregate_train(self.round_number, replies)
        if arrays is not None:
            self.arrays = arrays
        return self.x

    @property
    def x(self) -> NDArray[np.float64]:
        return np.array(self.arrays["x"].numpy())

    def run(self, rounds: int) -> list[NDArray[np.float64]]:
        """x after each of some rounds."""
        return [self.round() for _ in range(rounds)]

    def states(self) -> NDArray[np.float64]:
        """What every client keeps of x now, 0 where it keeps nothing yet."""
        kept = [self.state(client) for client in range(len(self.owners))]
        return np.array([np.zeros_like(self.x) if state is None else state["x"].numpy() for state in kept])

    def state(self, client: int) -> dict[str, Tensor] | None:
        """What a client keeps now."""
        return State(self.folder, client, self.round_number + 1).load()

    def _answers(self, message: Message) -> bool:
        """Whether a reply arrives, of a strategy that keeps a clock."""
        asked: Any = message.content.config_records["config"]
        if self.behaviour is None or TAKEN not in asked:
            return True
        return self.behaviour.answers(self.round_number, asked["client"], asked[TAKEN])

    def _answer(self, message: Message) -> Message:
        config: dict[str, Any] = dict(message.content.config_records["config"])
        client = config["client"]
        owner = self.owners[client]
        received = {n: torch.from_numpy(a.numpy()) for n, a in message.content.array_records["arrays"].items()}
        self.model.load_state_dict({name: received.pop(name) for name in self.model.state_dict()})
        asked = {**config, "local_epochs": owner.steps, "extra": received}
        state = State(self.folder, client, self.round_number)
        arrays, metrics = self.strategy.train(self.model, Rows(owner), asked, state)
        assert metrics["num_steps"] == owner.steps
        return Message(RecordDict({"arrays": ArrayRecord(arrays), "metrics": MetricRecord(metrics)}), reply_to=message)


def check_going_on(make: Callable[[], Any], folder: Path) -> None:
    """A strategy's memory and its clients' states are all that a round needs."""
    owners = random_owners(5, 4, 2)
    whole = Federation(make(), owners, folder / "1", [1, 1], participation=0.5).run(6)
    first = Federation(make(), owners, folder / "2", [1, 1], participation=0.5)
    first.run(3)
    again = Federation(make(), owners, folder / "2", first.x, participation=0.5)
    again.strategy.memory, again.round_number = first.strategy.memory, 3
    assert np.array_equal(again.run(3), whole[3:])


def random_owners(seed: int, num_clients: int, dimension: int) -> list[Owner]:
    """Owners with random positive definite A (eigenvalues 0.5 to 4), t, steps 1 to 5 and weights 1 to 9."""
    rng = np.random.default_rng(seed)
    owners = []
    for _ in range(num_clients):
        basis, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
        a = basis @ np.diag(rng.uniform(0.5, 4.0, dimension)) @ basis.T
        owners.append(
            Owner((a + a.T) / 2, rng.normal(size=dimension) * 5, int(rng.integers(1, 6)), int(rng.integers(1, 10)))
        )
    return owners
