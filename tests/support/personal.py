"""Models with a body and a head, data whose owners disagree, and what a run left for every client."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from run_files import info_of
from safetensors.numpy import load_file
from torch import nn

from fedsky.client.task import Task, load_task, specification
from fedsky.data import Photos

Model = dict[str, NDArray[Any]]


def deep(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, num_classes)).double()


def normed(num_classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, num_classes)).double()


def swapped(count: int = 240, seed: int = 0) -> Photos:
    """Points [n, 6] of two classes, well apart; in the second half each is called by the other's name."""
    rng = np.random.default_rng(seed)
    sides = np.arange(count) % 2
    labels = np.where(np.arange(count) < count // 2, sides, 1 - sides)
    pixels = rng.normal(size=(count, 6)) + (2 * sides - 1)[:, None] * 0.8
    return Photos(pixels, labels, [f"p{i}" for i in range(count)], ("no", "yes"), f"swapped-{count}-{seed}")


def in_turn(labels: NDArray[np.int64], num_clients: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The first images to the first client, and so on."""
    return np.array_split(np.arange(len(labels)), num_clients)


def task_of(folder: Path) -> Task:
    """What a run worked on."""
    return load_task(specification(info_of(folder)["config"], folder / "clients"))


def own_models(folder: Path) -> list[Model]:
    """The clients' models, in the clients' order."""
    return [load_file(path) for path in sorted((folder / "models").iterdir(), key=lambda path: int(path.stem))]


def server_model(folder: Path) -> Model:
    """The server's model after the last round."""
    (path,) = (folder / "checkpoint").iterdir()
    return load_file(path)


def own_state(folder: Path, client: int) -> Model | None:
    """What a client kept last."""
    paths = sorted((folder / "clients").glob(f"{client}@*"), key=lambda path: int(path.stem.split("@")[1]))
    return load_file(paths[-1]) if paths else None


def same(one: Model, other: Model) -> bool:
    """Whether two models are equal to the bit."""
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)
