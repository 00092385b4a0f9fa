"""Sign flip: an attacker sends x - scale * (y - x) where it received x and trained to y; scale = 0 sends x back."""

from flwr.app import Context, Message

from fedsky.client import Config, Handler, checks
from strategies.fedavg import FedAvg
from strategies.wrappers.attack import Attack, falsified
from strategies.wrappers.wrapper import Wrapper


def mod(message: Message, context: Context, call_next: Handler) -> Message:
    """Turns the client's step round."""
    config: Config = message.content.config_records["config"]
    scale = config["attack_scale"]
    return falsified(message, context, call_next, lambda x, y: x - scale * (y - x))


class SignFlip(Attack):
    """``scale``, 0 or more, is the length of the false step in honest ones."""

    mod = staticmethod(mod)

    def __init__(self, strategy: FedAvg | Wrapper, num_attackers: int, scale: float) -> None:
        super().__init__(strategy, num_attackers)
        self.told["attack_scale"] = checks.number("attack.scale", scale, at_least=0)
