"""The largest coordinates of an update, the others later.

Sebastian U. Stich, Jean-Baptiste Cordonnier, Martin Jaggi (2018). Sparsified SGD with Memory. NeurIPS. The operator
top_k of definition 2.1, over all parameters together:

    C(u) = u in the k = fraction n coordinates of largest |u|, 0 elsewhere

sent as values, in u's own dtype, and their places, in the smallest unsigned integers that hold n - 1. At fraction 1
C(u) = u and e stays 0: no compression, up to the rounding of y - x and of x + u, and at more bytes. 10 % of a model
above 65536 float32 numbers is a fifth of its bytes.
"""

import numpy as np
import torch
from flwr.app import Context, Message
from torch import Tensor

from fedsky.client import Config, Handler, checks
from strategies.fedavg import FedAvg
from strategies.wrappers.compression import Compression, Encoded, compress
from strategies.wrappers.wrapper import Wrapper


def encode(update: Tensor, sizes: list[int], config: Config) -> Encoded:
    """values [k], places [k] in ascending order."""
    k = max(1, round(config["fraction"] * len(update)))
    places = torch.topk(update.abs(), k, sorted=False).indices.sort().values
    return {"values": update[places].numpy(), "places": places.numpy().astype(np.min_scalar_type(len(update) - 1))}


def decode(encoded: Encoded, sizes: list[int]) -> Tensor:
    """The whole vector."""
    values = torch.from_numpy(encoded["values"])
    whole = torch.zeros(sum(sizes), dtype=values.dtype)
    whole[torch.from_numpy(encoded["places"].astype(np.int64))] = values
    return whole


def mod(message: Message, context: Context, call_next: Handler) -> Message:
    """The client half: a Flower mod."""
    return compress(message, call_next(message, context), encode, decode)


class TopK(Compression):
    """The server half; ``fraction`` of the parameters, above 0 and at most 1, is sent, one number at least."""

    encode, decode, mod = staticmethod(encode), staticmethod(decode), staticmethod(mod)

    def __init__(self, strategy: FedAvg | Wrapper, fraction: float, error_feedback: bool = True) -> None:
        super().__init__(strategy, error_feedback)
        checks.number("compression.fraction", fraction, above=0, at_most=1)
        self.settings["fraction"] = float(fraction)
