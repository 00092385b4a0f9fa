"""Which states of their own the clients have: the server knows of each the round that saved it last.

With every message it tells a client which to start from, so that one whose file is not there (another machine of a Ray
cluster, which does not see the run's folder) refuses rather than start from nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from flwr.app import Message

from fedsky.client.state import STATES


class States:
    """rounds: of every state by its name (a client's number, or number and what keeps it), the round that saved it."""

    def __init__(self, rounds: dict[str, int]) -> None:
        self.rounds = rounds
        self.names: dict[str, dict[str, None]] = {}  # of each client's states, in the order in which they came
        for name in rounds:
            self._named(name)
        self.last: dict[str, int] = {}  # saved while the models were judged, after a round: none starts from them

    def told(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Messages that tell each client its own."""
        for message in messages:
            config: Any = message.content.config_records["config"]
            mine = self.names.get(str(config["client"]), ())
            config[STATES] = [f"{name}@{self.rounds[name]}" for name in mine if name in self.rounds]
            yield message

    def noted(self, replies: Iterable[Message], round: int) -> Iterator[Message]:
        """Replies of a round, in which clients say what they saved."""
        for reply in replies:
            for saved in _saved(reply):
                name, _, number = saved.partition("@")
                (self.rounds if int(number) <= round else self.last)[name] = int(number)
                self._named(name)
            yield reply

    def _named(self, name: str) -> None:
        self.names.setdefault(name.split("-")[0], {})[name] = None

    def of(self, client: int) -> int | None:
        """The round that saved a client's own state last; None where none has."""
        return self.last.get(str(client), self.rounds.get(str(client)))


def _saved(reply: Message) -> list[str]:
    if STATES not in reply.content.config_records:
        return []
    saved = reply.content.config_records[STATES]["saved"]
    return [str(each) for each in saved] if isinstance(saved, list) else []
