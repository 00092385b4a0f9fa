"""A client's own tensors from round to round: control variates, a personal model, error feedback.

In simulation they are files of the run folder, ``clients/<client>@<round>.safetensors``: Flower's engine neither
takes nor gives back Contexts and would pickle them with every message. The round before is kept until its successor
is complete, so that an interrupted round can be taken back.
"""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from fedsky.history import write_whole
from fedsky.model.divergence import diverged, not_finite


class State:
    """The state of one client as it stands before ``round``; what is saved is read again from the next round on.

    ``client`` is the number, or number and name where something beside the client half keeps a state of its own.
    """

    def __init__(self, folder: Path, client: int | str, round: int) -> None:
        self.folder, self.client, self.round = folder, client, round

    def load(self) -> dict[str, Tensor] | None:
        """The tensors saved last in an earlier round, or None where this client has saved none yet."""
        rounds = [number for number in saved_rounds(self.folder, self.client) if number < self.round]
        if not rounds:
            return None
        path = _file(self.folder, self.client, max(rounds))
        try:
            return load(path.read_bytes())
        except SafetensorError as error:
            raise ValueError(f"{path} is damaged ({error}): start the run anew") from error

    def save(self, tensors: dict[str, Tensor]) -> None:
        """Keeps tensors for the next round; ValueError where they are not finite."""
        if (name := not_finite(tensors)) is not None:
            raise diverged(self.round, "lr", f"{name} of what the client keeps is not finite")
        own = {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
        write_whole(_file(self.folder, self.client, self.round), save(own))


def _file(folder: Path, client: int | str, round: int) -> Path:
    return folder / f"{client}@{round}.safetensors"


def _parts(path: Path) -> tuple[Path, str, int]:
    client, _, number = path.stem.partition("@")
    return path, client, int(number)


def saved_rounds(folder: Path, client: int | str = "*") -> list[int]:
    """The rounds of which states are on disk, of one client or of all."""
    return sorted({_parts(path)[2] for path in folder.glob(f"{client}@*.safetensors")})


def forget_before(folder: Path, round: int) -> None:
    """Removes each client's states older than its newest of rounds 1..round, once that round is complete."""
    newest: dict[str, int] = {}
    files = [_parts(path) for path in folder.glob("*@*.safetensors")]
    for _, client, number in files:
        if number <= round:
            newest[client] = max(newest.get(client, 0), number)
    for path, client, number in files:
        if number < newest.get(client, 0):
            path.unlink()


def forget_after(folder: Path, round: int) -> None:
    """Removes the states of rounds later than ``round``, before a run is resumed there."""
    for path in folder.glob("*@*.safetensors"):
        if _parts(path)[2] > round:
            path.unlink()
