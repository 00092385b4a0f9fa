"""A strategy around a strategy: everything that it does not change is the inner one's."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from torch import Tensor, nn

from strategies.fedavg import FedAvg, reference


class Wrapper(Strategy):
    """Passes everything on to ``strategy``; those who inherit change messages on their way out, or replies coming in.

    ``kept`` holds the wrapper's own tensors from round to round, saved with the inner strategy's ``memory``.
    """

    def __init__(self, strategy: "FedAvg | Wrapper") -> None:
        self.strategy = strategy
        self.kept: dict[str, Tensor] = {}
        if strategy.role != "federated":
            raise ValueError(f"{self.name} has nothing to go around: {type(strategy).__name__.lower()} sends no models")

    @property
    def name(self) -> str:
        """The wrapper as a user knows it: its group and choice, from its module's place."""
        return type(self).__name__.lower()

    def __getattr__(self, name: str) -> Any:
        if name == "strategy":  # asked for before it is there, by copy and pickle
            raise AttributeError(name)
        return getattr(self.strategy, name)

    @property
    def memory(self) -> dict[str, Tensor]:
        """What the inner strategy and this wrapper keep from round to round."""
        return self.strategy.memory | {f"{self.name}/{key}": value for key, value in self.kept.items()}

    @memory.setter
    def memory(self, memory: dict[str, Tensor]) -> None:
        mine = f"{self.name}/"
        self.kept = {key[len(mine) :]: value for key, value in memory.items() if key.startswith(mine)}
        self.strategy.memory = {key: value for key, value in memory.items() if not key.startswith(mine)}

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        self.strategy.begin(model, config)

    def is_over(self, round: int) -> bool:
        return bool(self.strategy.is_over(round))

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        return self.strategy.configure_train(server_round, arrays, config, grid)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        return self.strategy.aggregate_train(server_round, replies)

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        return self.strategy.configure_evaluate(server_round, arrays, config, grid)

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        return self.strategy.aggregate_evaluate(server_round, replies)

    def summary(self) -> None:
        self.strategy.summary()


def with_mod(messages: Iterable[Message], mod: Callable[..., Message], **parameters: Any) -> Iterator[Message]:
    """Messages that name a Flower mod, to run outside those that they name already, and carry its parameters."""
    for message in messages:
        config = message.content.config_records["config"]
        named = config.get("mods", [])
        assert isinstance(named, list)
        config["mods"] = [reference(mod), *(str(name) for name in named)]
        for key, value in parameters.items():
            config[key] = value
        yield message
