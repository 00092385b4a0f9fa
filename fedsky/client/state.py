"""A client's own tensors from round to round: control variates, a personal model, error feedback.

In simulation they are files of the run folder, ``clients/<client>@<round>.safetensors``: Flower's engine neither
takes nor gives back Contexts and would pickle them with every message. The round before is kept until its successor
is complete, so that an interrupted round can be taken back.
"""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from fedsky.history import write_whole
from fedsky.model.divergence import diverged, not_finite
from fedsky.model.solver import Config

STATES = "states"  # where a message lists its client's states, ``name@round`` each, and a reply those that it saved
UNTOLD = -1  # in place of a round: nobody said which one to start from
_FILE = re.compile(r"(\d+(?:-[\w-]+)?)@(\d+)\.safetensors")

_saved: list[str] = []  # of this process, since it was asked last


class State:
    """The state of one client as it stands before ``round``; what is saved is read again from the next round on.

    ``client`` is the number, or number and name where something beside the client half keeps a state of its own.
    ``last`` is the round that saved it last by what the server knows, None where none has; without the server's word
    the files tell.
    """

    def __init__(self, folder: Path, client: int | str, round: int, last: int | None = UNTOLD) -> None:
        self.folder, self.client, self.round, self.last = folder, client, round, last

    def load(self) -> dict[str, Tensor] | None:
        """The tensors saved last in an earlier round, or None where this client has saved none yet.

        ValueError where there must be some, but the file is damaged or not there.
        """
        last = self.last
        if last == UNTOLD:
            rounds = [number for number in saved_rounds(self.folder, self.client) if number < self.round]
            last = max(rounds, default=None)
        if last is None:
            return None
        path = _path(self.folder, self.client, last)
        try:
            return load(path.read_bytes())
        except FileNotFoundError as error:
            raise ValueError(
                f"what client {self.client} kept of round {last} is not on {socket.gethostname()}: {path} is missing; "
                "all machines of a cluster must see the run's folder"
            ) from error
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged ({error}): start the run anew") from error

    def save(self, tensors: dict[str, Tensor]) -> None:
        """Keeps tensors for the next round; ValueError where they are not finite."""
        if (name := not_finite(tensors)) is not None:
            raise diverged(self.round, "lr", f"{name} of what the client keeps is not finite")
        own = {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
        write_whole(_path(self.folder, self.client, self.round), save(own))
        _saved.append(f"{self.client}@{self.round}")


def told(config: Config, name: int | str) -> int | None:
    """The round in which a state was saved last, by a message's config: None for never, UNTOLD for no word."""
    states = config.get(STATES)
    if not isinstance(states, list):
        return UNTOLD
    rounds = dict(state.split("@") for state in states)
    return int(rounds[str(name)]) if str(name) in rounds else None


def take_saved() -> list[str]:
    """What this process has saved since it was asked last, ``name@round`` each."""
    saved = list(_saved)
    _saved.clear()
    return saved


def _path(folder: Path, client: int | str, round: int) -> Path:
    return folder / f"{client}@{round}.safetensors"


def _files(folder: Path) -> Iterator[tuple[Path, str, int]]:
    """The states on disk, with their names and rounds; what else lies there, as ._0@1.safetensors, is nobody's here."""
    for path in folder.glob("*@*.safetensors"):
        if (parts := _FILE.fullmatch(path.name)) is not None:
            yield path, parts[1], int(parts[2])


def last_rounds(folder: Path) -> dict[str, int]:
    """The last round of every state on disk, by its name."""
    found: dict[str, int] = {}
    for _, name, number in _files(folder):
        found[name] = max(found.get(name, 0), number)
    return found


def saved_rounds(folder: Path, client: int | str | None = None) -> list[int]:
    """The rounds of which states are on disk, of one client or of all."""
    return sorted({number for _, name, number in _files(folder) if client is None or name == str(client)})


def forget_before(folder: Path, round: int) -> None:
    """Removes each client's states older than its newest of rounds 1..round, once that round is complete."""
    newest: dict[str, int] = {}
    files = list(_files(folder))
    for _, client, number in files:
        if number <= round:
            newest[client] = max(newest.get(client, 0), number)
    for path, client, number in files:
        if number < newest.get(client, 0):
            path.unlink()


def forget_after(folder: Path, round: int) -> None:
    """Removes the states of rounds later than ``round``, before a run is resumed there."""
    for path, _, number in list(_files(folder)):
        if number > round:
            path.unlink()
