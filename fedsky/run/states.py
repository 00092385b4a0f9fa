"""Which states of their own the clients have: the server knows of each the round that saved it last, and its sha256.

With every message it tells a client which to start from, so that one whose file is not there or is another refuses
rather than start from what is not its own. On a Ray cluster with machines that do not see the run's folder nothing can
be kept from round to round: the first client that does ends the run.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flwr.app import Message

from fedsky.client.state import STATES, Saved, parsed
from fedsky.engine.grid import ClientError


class States:
    """kept: of every state by its name (a client's number, or number and what keeps it), what was saved last.

    folder: the run's.
    """

    def __init__(self, kept: dict[str, Saved], folder: Path) -> None:
        self.kept, self.folder = kept, folder
        self.names: dict[str, dict[str, None]] = {}  # of each client's states, in the order in which they came
        for name in kept:
            self._named(name)
        self.apart: list[str] = []  # machines that do not see the run's folder
        self.last: dict[str, Saved] = {}  # saved while the models were judged, after a round: none starts from them

    def told(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Messages that tell each client its own."""
        for message in messages:
            config: Any = message.content.config_records["config"]
            mine = self.names.get(str(config["client"]), ())
            config[STATES] = [self.kept[name].told(name) for name in mine if name in self.kept]
            yield message

    def noted(self, replies: Iterable[Message], round: int) -> Iterator[Message]:
        """Replies of a round, in which clients say what they saved."""
        for reply in self._told_apart(replies):
            for name, saved in map(parsed, _saved(reply)):
                if self.apart:
                    raise _refusal(name.split("-")[0], ", ".join(self.apart))
                (self.kept if saved.round <= round else self.last)[name] = saved
                self._named(name)
            yield reply

    def _told_apart(self, replies: Iterable[Message]) -> Iterator[Message]:
        """Replies; that a machine has no such folder, which its client may tell first, is told as what it comes of."""
        try:
            yield from replies
        except ClientError as error:
            if self.apart and str(self.folder) in error.reason:
                raise _refusal(str(error.client), ", ".join(self.apart)) from error
            raise

    def _named(self, name: str) -> None:
        self.names.setdefault(name.split("-")[0], {})[name] = None

    def of(self, client: int) -> Saved | None:
        """What was saved last of a client's own state; None where nothing was."""
        return self.last.get(str(client), self.kept.get(str(client)))


def _refusal(client: str, machines: str) -> ValueError:
    return ValueError(
        f"client {client} keeps something from round to round in the run's folder, which is not seen from {machines}: "
        "name a folder that all nodes share (hydra.run.dir=...)"
    )


def _saved(reply: Message) -> list[str]:
    if STATES not in reply.content.config_records:
        return []
    saved = reply.content.config_records[STATES]["saved"]
    return [str(each) for each in saved] if isinstance(saved, list) else []
