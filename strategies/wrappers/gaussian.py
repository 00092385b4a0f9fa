"""Gaussian: an attacker sends x + N(0, std^2), the model that it received and noise; std = 0 sends x back.

The noise of a client in a round is the same whatever else the run does.
"""

import torch
from flwr.app import Context, Message
from torch import Tensor

from fedsky.client import Config, Handler, checks, client_generator
from strategies.fedavg import FedAvg
from strategies.wrappers.attack import Attack, falsified
from strategies.wrappers.wrapper import Wrapper


def mod(message: Message, context: Context, call_next: Handler) -> Message:
    """Sends noise in the place of what was learned."""
    config: Config = message.content.config_records["config"]
    generator = client_generator(config["seed"], config["round"], config["client"], 5)

    def noisy(x: Tensor, y: Tensor) -> Tensor:
        return torch.normal(x, config["attack_std"], generator=generator)

    return falsified(message, context, call_next, noisy)


class Gaussian(Attack):
    """``std``, 0 or more, is the noise's standard deviation, in the unit of the parameters."""

    mod = staticmethod(mod)

    def __init__(self, strategy: FedAvg | Wrapper, num_attackers: int, std: float) -> None:
        super().__init__(strategy, num_attackers)
        self.told["attack_std"] = checks.number("attack.std", std, at_least=0)
