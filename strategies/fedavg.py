"""FedAvg.

H. Brendan McMahan, Eider Moore, Daniel Ramage, Seth Hampson, Blaise Agüera y Arcas (2017). Communication-Efficient
Learning of Deep Networks from Decentralized Data. AISTATS. Algorithm 1:

    every client of the round's cohort S: w_k = SGD on its n_k images from w, for local_epochs passes
    server: w = sum over S of n_k w_k / sum over S of n_k

With one client it is SGD on the pooled images; with one full-batch step and everyone taking part it is a step of SGD
on the pooled images.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from torch import Tensor, nn

from fedsky.client import (
    Arrays,
    Behaviour,
    Config,
    Metrics,
    Shard,
    State,
    checks,
    draw_stragglers,
    frozen,
    is_finite,
    round_half_up,
    sgd,
    view,
)


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


class FedAvg(Strategy):
    """The server half, and the trunk of all others.

    What others change: ``outgoing`` (what is sent), ``weight`` (of a reply in the mean), ``update`` (the server's step
    from its model to the next), or ``mean`` as a whole. ``memory`` holds what the server itself keeps from round to
    round, as named tensors: it is saved with every checkpoint.

    ``owners`` makes it a coalition, the federation that these clients would be by themselves, judged on everybody's
    images: client numbers, or the whole number whose binary digits name them (5 is 101: owners 0 and 2); None: all.
    """

    train: Any = staticmethod(train)  # the client half, named to the clients by reference
    evaluate: Any = None  # of personalised strategies: puts a client's own model in place before it is judged
    role = "federated"  # of baselines, which send no models: alone (every owner for itself) or pooled
    averages = True  # the aggregate is a mean of the clients' models, and what is sent nothing but the model
    one_model = True  # all replies of a round are to the model that is ``sent``
    partial_work = False  # a straggler's few passes count, rather than being dropped

    def __init__(self, owners: Sequence[int] | int | None = None) -> None:
        self.owners = owners
        self.parameters: dict[str, float | int | str] = {}  # what the client half reads from its config
        self.memory: dict[str, Tensor] = {}
        self.trainable: list[str] = []  # the arrays that are trained; the others are buffers
        self.frozen: frozenset[str] = frozenset()  # the arrays that stay as they start, and that clients have
        self.arrays = ArrayRecord()  # the server's model
        self.sent = ArrayRecord()  # what the clients get of it, and what they are to send back

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """Called once before the first round; ValueError for a configuration that this strategy cannot run with."""
        self.members(config["num_clients"])
        self.trainable = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
        self.frozen = frozenset(frozen(model))

    def know(self, behaviour: Behaviour) -> None:
        """Called once before the first round: how the clients behave, for a strategy that keeps a clock of its own."""

    def is_over(self, round: int) -> bool:
        """Whether the strategy asks for the run to end after this round."""
        return False

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """The model to every client of the round's cohort."""
        # Now, and not with the first message asked for.
        self.arrays, self.sent = arrays, self.outgoing(self.moving(arrays), "train")
        return self._messages(server_round, config, grid)

    def _messages(self, server_round: int, config: ConfigRecord, grid: Grid) -> Iterator[Message]:
        nodes = list(grid.get_node_ids())  # in the order of the clients' numbers
        seed, epochs = int(_number(config, "seed")), int(_number(config, "local_epochs"))
        members = self.members(len(nodes))
        drawn = self.cohort(len(members), _number(config, "participation"), seed, server_round)
        cohort = [members[place] for place in drawn]
        slow = draw_stragglers(cohort, _number(config, "stragglers"), epochs, seed, server_round)
        for client in cohort:
            if client not in slow:
                yield self.message("train", nodes[client], client, self.sent, config)
            elif self.partial_work:
                part = ConfigRecord({**config, "local_epochs": slow[client]})
                yield self.message("train", nodes[client], client, self.sent, part)

    def members(self, num_clients: int) -> list[int]:
        """The clients that may train, of ``num_clients`` that there are; ValueError where one is not there."""
        if self.owners is None:
            return list(range(num_clients))
        named: list[int] = []
        if isinstance(self.owners, int) and not isinstance(self.owners, bool):
            named = [client for client in range(self.owners.bit_length()) if self.owners >> client & 1]
        elif isinstance(self.owners, Sequence) and not isinstance(self.owners, str):
            named = list(self.owners)
        if not named or not all(type(client) is int and 0 <= client < num_clients for client in named):
            raise ValueError(
                f"strategy.owners={checks.shown(self.owners)}: name owners from 0 to {num_clients - 1}, such as [0]"
            )
        return sorted(set(named))

    def cohort(self, num_clients: int, participation: float, seed: int, round: int) -> list[int]:
        """The places of the clients that train in a round, among the ``num_clients`` that may."""
        return draw(num_clients, participation, seed, round)

    def moving(self, arrays: ArrayRecord) -> ArrayRecord:
        """The arrays but for those that are frozen."""
        return ArrayRecord({name: array for name, array in arrays.items() if name not in self.frozen})

    def outgoing(self, arrays: ArrayRecord, kind: str) -> ArrayRecord:
        """What a message of ``kind`` train or evaluate carries; a reply to train has the same names and shapes."""
        return arrays

    def message(self, kind: str, node: int, client: int, arrays: ArrayRecord | None, config: ConfigRecord) -> Message:
        """One message of ``kind`` train or evaluate to a client, with the client half's name and parameters."""
        half = "" if self.evaluate is None else reference(self.evaluate)
        asked: dict[str, Any] = {"owners": [client], **config, "client": client, **self.parameters}
        content = RecordDict({"config": ConfigRecord(asked | {"train": reference(self.train), "evaluate": half})})
        if arrays is not None:
            content["arrays"] = arrays
        return Message(content, dst_node_id=node, message_type=kind)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The server's model after the round, None where nobody answered; arrays that are left out stay as they are."""
        mean = self.mean(replies)
        return (None if mean is None else self.record(self.update(mean))), None

    def mean(self, replies: Iterable[Message]) -> dict[str, Tensor] | None:
        """The weighted mean of the replies, summed in float64 as they arrive, in the clients' order."""
        total: dict[str, Tensor] = {}
        weights = 0.0
        for reply in replies:
            weight = self.weight(reply)
            weights += weight
            for name, tensor in self.received(reply).items():
                if name not in total:
                    total[name] = torch.zeros(tensor.shape, dtype=torch.float64)
                total[name].add_(tensor, alpha=weight)
        return {name: value.div_(weights) for name, value in total.items()} if weights else None

    def weight(self, reply: Message) -> float:
        """The weight of a reply: the number of the client's examples."""
        return metric(reply, "num_examples")

    def update(self, mean: dict[str, Tensor]) -> dict[str, Tensor]:
        """The next model, in float64, from the mean of the clients': FedAvg takes the mean itself."""
        return mean

    def before(self) -> dict[str, Tensor]:
        """The arrays as they were sent, in float64."""
        return {name: torch.from_numpy(array.numpy()).double() for name, array in self.sent.items()}

    def received(self, reply: Message) -> dict[str, Tensor]:
        """The arrays of a reply, for reading; ValueError unless finite, of the names and shapes that were sent."""
        arrays = arrays_of(reply)
        if (why := self._wrong(arrays)) is not None:
            raise ValueError(f"a client {why}")
        return arrays

    def refusal(self, reply: Message) -> str | None:
        """What is wrong with a reply to train, in words that follow its sender's name; None where nothing is."""
        return self._wrong(arrays_of(reply))

    def _wrong(self, arrays: dict[str, Tensor]) -> str | None:
        if list(arrays) != list(self.sent):
            return f"sent the arrays {list(arrays)}, not those it got, {list(self.sent)}"
        for name, tensor in arrays.items():
            if tuple(tensor.shape) != (sent := tuple(self.sent[name].shape)):
                return f"sent {name} of shape {tuple(tensor.shape)}, not {sent}"
            if not is_finite(tensor):
                return f"sent {name} with values that are not finite: lower lr"
        return None

    def record(self, arrays: dict[str, Tensor]) -> ArrayRecord:
        """Arrays in the dtypes in which the model was sent: integer counters become the nearest whole number."""
        record = ArrayRecord()
        for name, tensor in arrays.items():
            dtype = np.dtype(self.sent[name].dtype)
            whole = tensor.round() if dtype.kind in "iu" else tensor
            with np.errstate(over="ignore"):  # the run sees, and tells, what is not finite
                record[name] = Array.from_numpy_ndarray(whole.numpy().astype(dtype))
        return record

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """The model to every client, to be judged on its own images."""
        sent = self.outgoing(self.moving(arrays), "evaluate")
        for client, node in enumerate(grid.get_node_ids()):
            yield self.message("evaluate", node, client, sent, config)

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """None: the counts of every client go to the history as they are."""
        for _ in replies:
            pass
        return None

    def summary(self) -> None:
        """Nothing to add: the run folder holds the configuration."""


def reference(half: Any) -> str:
    """How a message names a function."""
    return f"{half.__module__}:{half.__qualname__}"


def arrays_of(reply: Message) -> dict[str, Tensor]:
    """The arrays of a reply as tensors, for reading."""
    return {name: view(array) for name, array in reply.content.array_records["arrays"].items()}


def metric(reply: Message, key: str) -> float:
    """A number among the metrics of a reply."""
    return _number(reply.content.metric_records["metrics"], key)


def _number(record: Any, key: str) -> float:
    value = record[key]
    assert isinstance(value, int | float)
    return value
