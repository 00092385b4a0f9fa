"""FedAvg.

H. Brendan McMahan, Eider Moore, Daniel Ramage, Seth Hampson, Blaise Agüera y Arcas (2017). Communication-Efficient
Learning of Deep Networks from Decentralized Data. AISTATS. Algorithm 1:

    every client of the round's cohort S: w_k = SGD on its n_k images from w, for local_epochs passes
    server: w = sum over S of n_k w_k / sum over S of n_k

With one client it is SGD on the pooled images; with one full-batch step and everyone taking part it is a step of SGD
on the pooled images.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from torch import Tensor, nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, sgd


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD on the client's own images, and the whole model back."""
    return model.state_dict(), sgd(model, shard, config)


def draw(num_clients: int, participation: float, seed: int, round: int) -> list[int]:
    """The cohort of a round, sorted: ``participation`` of the clients, at least one, drawn by (seed, round)."""
    size = max(1, round_half_up(participation * num_clients))
    if size == num_clients:
        return list(range(num_clients))
    rng = np.random.default_rng([seed, 2, round])
    return sorted(int(client) for client in rng.choice(num_clients, size, replace=False))


def round_half_up(number: float) -> int:
    """The nearest whole number: int() would cut 0.29 * 100 down to 28, and round() 2.5 to 2."""
    return int(number + 0.5 + 1e-9)


class FedAvg(Strategy):
    """The server half, and the trunk of all others. ``federates`` is False for baselines, which send no models."""

    train: Any = staticmethod(train)  # the client half, named to the clients by reference
    evaluate: Any = None  # of personalised strategies: puts a client's own model in place before it is judged
    federates = True

    def __init__(self) -> None:
        self.parameters: dict[str, float | int | str] = {}  # what the client half reads from its config
        self.arrays = ArrayRecord()

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """The model to every client of the round's cohort."""
        self.arrays = arrays
        nodes = list(grid.get_node_ids())  # in the order of the clients' numbers
        seed, participation = int(_number(config, "seed")), _number(config, "participation")
        for client in draw(len(nodes), participation, seed, server_round):
            yield self.message("train", nodes[client], client, arrays, config)

    def message(self, kind: str, node: int, client: int, arrays: ArrayRecord | None, config: ConfigRecord) -> Message:
        """One message of ``kind`` train or evaluate to a client, with the client half's name and parameters."""
        half = "" if self.evaluate is None else _reference(self.evaluate)
        asked: dict[str, Any] = {"owners": [client], **config, "client": client, **self.parameters}
        content = RecordDict({"config": ConfigRecord(asked | {"train": _reference(self.train), "evaluate": half})})
        if arrays is not None:
            content["arrays"] = arrays
        return Message(content, dst_node_id=node, message_type=kind)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The example-weighted mean of the replies, summed in float64 as they arrive, in the clients' order."""
        total: dict[str, Tensor] = {}
        num_examples = 0
        for reply in replies:
            weight = int(_number(reply.content.metric_records["metrics"], "num_examples"))
            num_examples += weight
            for name, tensor in self.received(reply).items():
                if name not in total:
                    total[name] = torch.zeros(tensor.shape, dtype=torch.float64)
                total[name].add_(tensor, alpha=weight)
        if not num_examples:
            return None, None
        mean = {name: value.div_(num_examples) for name, value in total.items()}
        return self.record(mean), MetricRecord({"num_examples": num_examples})

    def received(self, reply: Message) -> dict[str, Tensor]:
        """The arrays of a reply; ValueError unless they are finite and have the names and shapes that were sent."""
        arrays = {name: torch.from_numpy(a.numpy()) for name, a in reply.content.array_records["arrays"].items()}
        if list(arrays) != list(self.arrays):
            raise ValueError(f"a client sent the arrays {list(arrays)}, not the model's {list(self.arrays)}")
        for name, tensor in arrays.items():
            if tuple(tensor.shape) != tuple(self.arrays[name].shape):
                sent = tuple(self.arrays[name].shape)
                raise ValueError(f"a client sent {name} of shape {tuple(tensor.shape)}, not {sent}")
            if not tensor.isfinite().all():
                raise ValueError(f"a client sent {name} with values that are not finite: lower lr")
        return arrays

    def record(self, arrays: dict[str, Tensor]) -> ArrayRecord:
        """Arrays in the dtypes in which the model was sent: integer counters become the nearest whole number."""
        record = ArrayRecord()
        for name, tensor in arrays.items():
            dtype = np.dtype(self.arrays[name].dtype)
            whole = tensor.round() if dtype.kind in "iu" else tensor
            record[name] = Array.from_numpy_ndarray(whole.numpy().astype(dtype))
        return record

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """The model to every client, to be judged on its own images."""
        for client, node in enumerate(grid.get_node_ids()):
            yield self.message("evaluate", node, client, arrays, config)

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """None: the counts of every client go to the history as they are."""
        for _ in replies:
            pass
        return None

    def summary(self) -> None:
        """Nothing to add: the run folder holds the configuration."""


def _reference(half: Any) -> str:
    return f"{half.__module__}:{half.__qualname__}"


def _number(record: Any, key: str) -> float:
    value = record[key]
    assert isinstance(value, int | float)
    return value
