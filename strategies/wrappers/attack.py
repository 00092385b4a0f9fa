"""The trunk of the attacks: some clients do not do as they should, to see which strategies bear it.

Not an attack of its own. Who attacks is named, or drawn once by the run's seed, and stays so in all rounds; who attacks
among few does so among more. An attack is on the parameters. Buffers, what a strategy sends beside the model, the
metrics and the answers to evaluation are honest: an attacker is still judged on its own images.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Context, Message
from flwr.serverapp import Grid
from torch import Tensor, nn

from fedsky.client import Handler, checks, tensors
from strategies.fedavg import FedAvg
from strategies.wrappers.wrapper import Wrapper, with_mod


class Attack(Wrapper):
    """``num_attackers`` clients, or the ``attackers``, run ``mod``, a Flower mod; 0: all are honest, to the bit."""

    mod: Any = None

    def __init__(self, strategy: FedAvg | Wrapper, num_attackers: int, attackers: Sequence[int] | None = None) -> None:
        super().__init__(strategy)
        self.named = None if attackers is None else list(attackers)
        num = num_attackers if self.named is None else len(self.named)
        self.num_attackers = checks.whole("attack.num_attackers", num)
        self.told: dict[str, float] = {}  # what the mod reads from the message's config

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """Draws the attackers, of whom there must be fewer than clients."""
        super().begin(model, config)
        num_clients = config["num_clients"]
        if self.num_attackers >= num_clients:
            raise ValueError(
                f"attack.num_attackers={self.num_attackers}: fewer than num_clients={num_clients} are needed"
            )
        order = np.random.default_rng([config["seed"], 4]).permutation(num_clients)
        self.attackers = {int(client) for client in order[: self.num_attackers]}
        if self.named is not None:
            if not all(type(client) is int and 0 <= client < num_clients for client in self.named):
                why = f"name clients from 0 to {num_clients - 1}, or null"
                raise ValueError(f"attack.attackers={checks.shown(self.named)}: {why}")
            self.attackers = set(self.named)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        return self.addressed(self.strategy.configure_train(server_round, arrays, config, grid))

    def addressed(self, messages: Iterable[Message]) -> Iterator[Message]:
        """The messages of a round; those to attackers name the mod."""
        for message in messages:
            if self.is_attacker(message):
                yield from with_mod([message], self.mod, attacked=list(self.trainable), **self.told)
            else:
                yield message

    def is_attacker(self, message: Message) -> bool:
        """Whether a message is to an attacker."""
        return message.content.config_records["config"]["client"] in self.attackers


def falsified(
    message: Message, context: Context, call_next: Handler, lie: Callable[[Tensor, Tensor], Tensor]
) -> Message:
    """The reply of the honest client, in which lie(x, y) stands for each parameter y; x is what was received of it."""
    attacked: Any = message.content.config_records["config"]["attacked"]
    received = tensors(message)
    reply = call_next(message, context)
    for name, honest in tensors(reply).items():
        if name in attacked and name in received:
            put(reply, name, lie(received[name].double(), honest.double()).to(honest.dtype))
    return reply


def put(reply: Message, name: str, tensor: Tensor) -> None:
    """Puts a tensor in the place of an array of a reply."""
    reply.content.array_records["arrays"][name] = Array.from_numpy_ndarray(tensor.numpy())
