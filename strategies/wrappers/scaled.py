"""Scaled: an attacker sends x + factor * (y - x) where it received x and trained to y.

Eugene Bagdasaryan, Andreas Veit, Yiqing Hua, Deborah Estrin, Vitaly Shmatikov (2020). How To Backdoor Federated
Learning. AISTATS: with as large a factor as there are clients, the mean of all becomes the attacker's model ("model
replacement"). factor = 1 is honest, up to rounding.
"""

from flwr.app import Context, Message

from fedsky.client import Config, Handler, checks
from strategies.fedavg import FedAvg
from strategies.wrappers.attack import Attack, falsified
from strategies.wrappers.wrapper import Wrapper


def mod(message: Message, context: Context, call_next: Handler) -> Message:
    """Makes the client's step longer."""
    config: Config = message.content.config_records["config"]
    factor = config["attack_factor"]
    return falsified(message, context, call_next, lambda x, y: x + factor * (y - x))


class Scaled(Attack):
    """``factor``, 0 or more, is the length of the attackers' step in honest ones."""

    mod = staticmethod(mod)

    def __init__(self, strategy: FedAvg | Wrapper, num_attackers: int, factor: float) -> None:
        super().__init__(strategy, num_attackers)
        self.told["attack_factor"] = checks.number("attack.factor", factor, at_least=0)
