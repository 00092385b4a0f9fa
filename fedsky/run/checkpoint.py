"""Saves a run's last completed round, whole, and reads it back."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flwr.app import Array, ArrayRecord

from fedsky.client.state import Saved
from fedsky.history import Row, kept, write_whole
from fedsky.model.divergence import DIVERGED, not_finite
from fedsky.model.file import Tensors, packed, read_model

MEMORY = "server/"  # before the names of the strategy's own tensors in a checkpoint


@dataclass
class Progress:
    """How far a run has come: its last complete round, and the best round by validation so far.

    The best has the highest validation accuracy and, among equals, the lowest loss; ``improved_round`` is the last one
    in which the accuracy rose.
    """

    round: int = 0
    improved_round: int = 0
    best_round: int = 0
    best_accuracy: float = -1.0
    best_loss: float = float("inf")
    virtual_seconds: float = 0.0  # by its end
    states: dict[str, Saved] | None = None  # what was saved last of each client's state; None: not kept
    sums: dict[str, Row] | None = None  # of files of the folder, as fedsky.history.kept has them; None: not kept


def to_numpy(record: ArrayRecord) -> Tensors:
    """The arrays of a record by name."""
    return {name: array.numpy() for name, array in record.items()}


def to_record(arrays: Tensors) -> ArrayRecord:
    """A record of arrays."""
    return ArrayRecord({name: Array.from_numpy_ndarray(array) for name, array in arrays.items()})


def save_round(folder: Path, arrays: ArrayRecord, progress: Progress, memory: Tensors) -> None:
    """Keeps the global model, the strategy's memory and the progress of a complete round; forgets those before."""
    home = folder / "checkpoint"
    whole = to_numpy(arrays) | {MEMORY + name: array for name, array in memory.items()}
    about = asdict(progress) | {"whole": kept.NOT_YET}
    write_whole(home / f"{progress.round}.safetensors", kept.sealed(packed(whole, about)), folder)
    for number, path in kept.rounds(folder):
        if number < progress.round:
            path.unlink()


def load_round(folder: Path, names: list[str]) -> tuple[ArrayRecord, Progress, Tensors] | None:
    """The last complete round: arrays in the order of ``names``, progress, memory; None where none is kept."""
    rounds = kept.rounds(folder)
    if not rounds:
        return None
    path = rounds[-1][1]
    arrays, about = read_model(path)
    if (name := not_finite(arrays)) is not None:
        raise ValueError(f"{path}: {DIVERGED}, {name} is not finite: start another run with a lower lr")
    memory = {name[len(MEMORY) :]: array for name, array in arrays.items() if name.startswith(MEMORY)}
    about.pop("whole", None)  # which fedsky.history.kept looks at
    try:
        progress = Progress(**about)
        if (states := about.get("states")) is not None:
            progress.states = {name: _saved(each) for name, each in states.items()}
        return to_record({name: arrays[name] for name in names}), progress, memory
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error}): start another run") from error


def _saved(told: Any) -> Saved:
    """What was saved last of a state, as a checkpoint tells it; older versions kept the round alone."""
    saved = Saved(**told) if isinstance(told, dict) else Saved(told)
    if type(saved.round) is not int or not isinstance(saved.digest, str | None):
        raise TypeError("states")
    return saved
