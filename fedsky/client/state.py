"""A client's own tensors from round to round: control variates, a personal model, error feedback.

In simulation they are files of the run folder, ``clients/<client>@<round>.safetensors``: Flower's engine neither
takes nor gives back Contexts and would pickle them with every message. The round before is kept until its successor
is complete, so that an interrupted round can be taken back.
"""

import hashlib
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from fedsky.client.turns import current
from fedsky.history import write_whole
from fedsky.model.divergence import diverged, not_finite
from fedsky.model.solver import Config

STATES = "states"  # where a message lists its client's states, ``name@round=sha256`` each, and a reply what it saved


@dataclass(frozen=True)
class Saved:
    """Which state was saved last: its round, and its file's sha256, None where an older version did not note it."""

    round: int
    digest: str | None = None

    def told(self, name: int | str) -> str:
        """The state of that name as messages tell it."""
        return f"{name}@{self.round}" + (f"={self.digest}" if self.digest else "")


UNTOLD = Saved(-1)  # nobody said which one to start from
_FILE = re.compile(r"(\d+(?:-[\w-]+)?)@(\d+)\.safetensors")

_saved: list[str] = []  # of this process, since it was asked last


class State:
    """The state of one client as it stands before ``round``; what is saved is read again from the next round on.

    ``client`` is the number, or number and name where something beside the client half keeps a state of its own.
    ``last`` is what was saved last by what the server knows, None where nothing was; without the server's word the
    files tell.
    """

    def __init__(self, folder: Path, client: int | str, round: int, last: Saved | None = UNTOLD) -> None:
        self.folder, self.client, self.round, self.last = folder, client, round, last

    def load(self) -> dict[str, Tensor] | None:
        """The tensors saved last in an earlier round, or None where this client has saved none yet.

        ValueError where there must be some, but the file is not there, is damaged or is not the one that was saved.
        """
        last = self.last
        if last == UNTOLD:
            rounds = [number for number in saved_rounds(self.folder, self.client) if number < self.round]
            last = Saved(rounds[-1]) if rounds else None
        if last is None:
            return None
        path, host = _path(self.folder, self.client, last.round), socket.gethostname()
        its = f"what client {self.client} kept of round {last.round}"
        try:
            content = path.read_bytes()
            if last.digest not in (None, _digest(content)):
                raise ValueError(
                    f"{its} is not what {path} holds on {host}: it was changed since, or this machine does not see "
                    "the run's folder; bring that file back, or start the run anew"
                )
            return load(content)
        except FileNotFoundError as error:
            raise ValueError(
                f"{its} is not on {host}: {path} is missing; all machines of a cluster must see the run's folder"
            ) from error
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged ({error}): start the run anew") from error

    def save(self, tensors: dict[str, Tensor]) -> None:
        """Keeps tensors for the next round; ValueError where they are not finite."""
        if (name := not_finite(tensors)) is not None:
            raise diverged(self.round, "lr", f"{name} of what the client keeps is not finite")
        own = {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
        content = save(own)
        write_whole(_path(self.folder, self.client, self.round), content, self.folder.parent)
        _list().append(Saved(self.round, _digest(content)).told(self.client))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def parsed(text: str) -> tuple[str, Saved]:
    """A state's name and what was saved, of the text by which a message tells it."""
    name, _, saved = text.partition("@")
    round, _, digest = saved.partition("=")
    return name, Saved(int(round), digest or None)


def told(config: Config, name: int | str) -> Saved | None:
    """What was saved last of a state, by a message's config: None for nothing, UNTOLD for no word."""
    states = config.get(STATES)
    if not isinstance(states, list):
        return UNTOLD
    return dict(map(parsed, states)).get(str(name))


def take_saved() -> list[str]:
    """What this process, or the client whose turn it is, has saved since it was asked, ``name@round=sha256`` each."""
    saved = list(_list())
    _list().clear()
    return saved


def _list() -> list[str]:
    turn = current()
    return _saved if turn is None else turn.saved


def _path(folder: Path, client: int | str, round: int) -> Path:
    return folder / f"{client}@{round}.safetensors"


def _files(folder: Path) -> Iterator[tuple[Path, str, int]]:
    """The states on disk, with their names and rounds; what else lies there, as ._0@1.safetensors, is nobody's here."""
    for path in folder.glob("*@*.safetensors"):
        if (parts := _FILE.fullmatch(path.name)) is not None:
            yield path, parts[1], int(parts[2])


def last_saved(folder: Path) -> dict[str, Saved]:
    """The last round of every state on disk, by its name."""
    return {name: Saved(number) for _, name, number in sorted(_files(folder), key=itemgetter(2))}


def saved_rounds(folder: Path, client: int | str | None = None) -> list[int]:
    """The rounds of which states are on disk, of one client or of all."""
    return sorted({number for _, name, number in _files(folder) if client is None or name == str(client)})


def forget_before(folder: Path, round: int, kept: Mapping[str, Saved] | None = None) -> None:
    """Removes, once round is complete, the states up to it that no client starts from any more.

    kept: what was saved last of each by what the server knows; without its word, the newest files of rounds 1..round.
    """
    files = [(path, name, number) for path, name, number in _files(folder) if number <= round]
    newest = {name: number for _, name, number in sorted(files, key=itemgetter(2))}
    if kept is not None:
        newest = {name: saved.round for name, saved in kept.items()}
    for path, name, number in files:
        if number != newest.get(name):
            path.unlink()


def forget_after(folder: Path, round: int) -> None:
    """Removes the states of rounds later than ``round``, before a run is resumed there."""
    for path, _, number in list(_files(folder)):
        if number > round:
            path.unlink()
