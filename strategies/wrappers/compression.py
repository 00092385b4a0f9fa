"""Compressed updates with error feedback: the trunk of all compressions.

Frank Seide, Hao Fu, Jasha Droppo, Gang Li, Dong Yu (2014). 1-Bit Stochastic Gradient Descent and its Application to
Data-Parallel Distributed Training of Speech DNNs. Interspeech.
Sai Praneeth Karimireddy, Quentin Rebjock, Sebastian U. Stich, Martin Jaggi (2019). Error Feedback Fixes SignSGD and
other Gradient Compression Schemes. ICML. Algorithm 2, with a client's whole update in the place of a gradient step:

    client, from the x that it got to its y: u = (y - x) + e; sends C(u); keeps e = u - C(u)    (e = 0 at first)
    server: takes x + C(u) for y

So all that a client has sent is the sum of its updates less its last e: nothing is lost, it only comes later.
``error_feedback`` false is e = 0 always.

Compressed are the parameters alone, as one vector in the model's order, and on their way up alone. Whatever else
stands in a reply travels as it is: buffers, such as BatchNorm's statistics, and extra arrays, such as SCAFFOLD's
variates. The model on its way down stays whole.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from numpy.typing import NDArray
from torch import Tensor

from fedsky.client import Config, checks, state_of, tensors
from strategies.fedavg import FedAvg
from strategies.wrappers.wrapper import Wrapper, with_mod

Encoded = dict[str, NDArray[Any]]
Encode = Callable[[Tensor, list[int], Config], Encoded]  # of a vector, made of tensors of these sizes
Decode = Callable[[Encoded, list[int]], Tensor]

PREFIX = "update/"  # before the names of the arrays that hold the compressed parameters


def compress(message: Message, reply: Message, encode: Encode, decode: Decode) -> Message:
    """The client half: the reply with C(u) in the place of the parameters."""
    if "arrays" not in reply.content.array_records:  # of a client that failed
        return reply
    config: Config = dict(message.content.config_records["config"])
    x, y = tensors(message), tensors(reply)
    names = [name for name in x if name in config["compressed"] and name in y and y[name].shape == x[name].shape]
    sizes = [x[name].numel() for name in names]
    update = torch.cat([(y[name] - x[name]).flatten() for name in names])
    state = state_of(message, "feedback") if config["error_feedback"] else None
    kept = None if state is None else state.load()
    if kept is not None:
        update += kept["error"]
    encoded = encode(update, sizes, config)
    if state is not None:
        state.save({"error": update - decode(encoded, sizes)})
    arrays = reply.content.array_records["arrays"]
    whole = {name: array for name, array in arrays.items() if name not in names}
    packed = {PREFIX + name: Array.from_numpy_ndarray(array) for name, array in encoded.items()}
    reply.content["arrays"] = ArrayRecord(whole | packed)
    return reply


class Compression(Wrapper):
    """The server half. Who inherits brings ``encode``, ``decode`` and the client's ``mod`` that uses them."""

    encode: Any
    decode: Any
    mod: Any

    def __init__(self, strategy: FedAvg | Wrapper, error_feedback: bool = True) -> None:
        super().__init__(strategy)
        if not strategy.one_model:
            why = f"{type(strategy).__name__.lower()}'s clients begin from models of several rounds"
            raise ValueError(f"compression={self.name}: {why}; leave it out")
        # what the client half reads
        self.settings: dict[str, Any] = {"error_feedback": checks.flag("compression.error_feedback", error_feedback)}

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """The inner strategy's messages; what changes a reply beside, an attack, does so before it is compressed."""
        messages = super().configure_train(server_round, arrays, config, grid)
        return with_mod(messages, self.mod, compressed=self.strategy.trainable, **self.settings)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """What the inner strategy makes of the replies, unpacked as they arrive."""
        return super().aggregate_train(server_round, (self.unpacked(reply) for reply in replies))

    def refusal(self, reply: Message) -> str | None:
        """What is wrong with a reply as it came, or with what is in it once it is unpacked."""
        packed = reply.content.array_records["arrays"]
        try:
            return self.strategy.refusal(self.unpacked(reply))
        except ValueError as error:
            return str(error).removeprefix("a client ")
        finally:
            reply.content["arrays"] = packed

    def unpacked(self, reply: Message) -> Message:
        """The reply with x + C(u) for its parameters, named, ordered and shaped as they were sent."""
        arrays, sent = reply.content.array_records["arrays"], self.strategy.sent
        names = [name for name in sent if name in self.strategy.trainable and name not in arrays]
        sizes = [int(sent[name].numpy().size) for name in names]
        x = torch.cat([torch.from_numpy(sent[name].numpy()).flatten() for name in names])
        encoded = {name[len(PREFIX) :]: a.numpy() for name, a in arrays.items() if name.startswith(PREFIX)}
        form, wanted = _form(encoded), _form(self.encode(torch.zeros_like(x), sizes, self.settings))
        if form != wanted:
            raise ValueError(f"a client sent an update of the form {form}, not {wanted}")
        y = dict(zip(names, torch.split(x.double() + self.decode(encoded, sizes), sizes), strict=True))
        whole = {name: array for name, array in arrays.items() if not name.startswith(PREFIX)}
        for name in names:
            like = sent[name].numpy()
            whole[name] = Array.from_numpy_ndarray(y[name].numpy().reshape(like.shape).astype(like.dtype))
        order = [*(name for name in sent if name in whole), *(name for name in whole if name not in sent)]
        reply.content["arrays"] = ArrayRecord({name: whole[name] for name in order})
        return reply


def _form(encoded: Encoded) -> dict[str, str]:
    return {name: f"{array.dtype}{list(array.shape)}" for name, array in encoded.items()}
