"""What every process of a run works on: photographs, owners and the model, made anew from one line of JSON.

A message carries that line, so that any actor on any machine can make the same task; each process keeps one, that of
the message it answered last.
"""

import functools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fedsky import model as models
from fedsky.config import check_names, make, start
from fedsky.config.making import telling
from fedsky.data.augment import Augment
from fedsky.data.owners import load
from fedsky.data.photos import Photos, settled_cache
from fedsky.data.split import Indices, Owner
from fedsky.machine.remedies import in_full
from fedsky.model import weights
from fedsky.model.freeze import freeze
from fedsky.model.pixels import to_float
from fedsky.model.start import take_over

PLACES = ("root", "manifest", "cache")  # settings of data that name files and folders


class Task:
    """Photographs, owners and one model, as a configuration names them.

    The specification's keys: data, partition, model (as in conf/), num_clients, seed, data_seed, use_gpu, states (the
    folder of the clients' own states), deterministic. Of one owner among others: client, names, and classes of all.
    known: photographs and owners, where they are known from elsewhere.
    """

    def __init__(self, text: str, known: tuple[Photos, list[Owner]] | None = None) -> None:
        self.text = text
        spec = json.loads(text)
        self.augment = Augment(**spec["data"].get("augment") or {})
        self.photos, self.owners = load(spec) if known is None else known
        self.is_whole = "client" not in spec  # all owners' photographs are here
        self.seed: int = spec["seed"]
        self.states = Path(spec["states"])
        _repeat(bool(spec.get("deterministic")))
        self.device = torch.device("cuda" if spec["use_gpu"] and torch.cuda.is_available() else "cpu")
        has_file = start.names_file(spec["model"].get("weights"))
        apart = start.OF_ANY if has_file else start.KEYS
        settings = {key: value for key, value in spec["model"].items() if key not in apart}
        maker = make(settings, "model", _partial_=True)
        with telling("model", settings, maker.func):
            model = models.build(maker, len(self.photos.classes), self.seed)
        if spec["model"].get("init") is not None:
            take_over(model, spec["model"], list(self.photos.classes), self.photos.image_size)
        if has_file:
            weights.take(model, spec["model"])
        freeze(model, spec["model"].get("freeze"))
        self.memory_format: torch.memory_format = getattr(model, "memory_format", torch.contiguous_format)
        self.model = model.to(memory_format=self.memory_format).to(self.device)
        self.stack: Any = None  # of models of several clients, where they are trained together
        self.initial = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def part(self, name: str, clients: list[int]) -> Indices:
        """The indices of the clients' ``train``, ``validation`` or ``test`` images, one client after the other."""
        return np.concatenate([getattr(self.owners[client], name) for client in clients])

    def images(self, indices: Indices) -> Tensor:
        """Float images [n, 3, size, size] with values in [0, 1]; data that is not uint8 stays as it is."""
        if self.held is not None:
            return to_float(self.held[torch.from_numpy(indices).to(self.device)], self.memory_format)
        return to_float(torch.from_numpy(self.photos.pixels[indices]).to(self.device), self.memory_format)

    @functools.cached_property
    def held(self) -> Tensor | None:
        """All images on the GPU, where there is one and they take a quarter of its memory at most."""
        if self.device.type != "cuda":
            return None
        fits = 4 * self.photos.pixels.nbytes <= torch.cuda.get_device_properties(self.device).total_memory
        return torch.tensor(self.photos.pixels, device=self.device) if fits else None


def _repeat(to_the_bit: bool) -> None:
    """Whether torch may choose an algorithm whose sums come in any order, as there are on a GPU."""
    if to_the_bit:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    if to_the_bit != torch.are_deterministic_algorithms_enabled():  # to say so imports torch's compiler
        torch.use_deterministic_algorithms(to_the_bit)


@functools.lru_cache(maxsize=1)
def load_task(text: str) -> Task:
    """The task of a specification, kept until another one is asked for; torch works on one thread from here on."""
    # More than one torch thread a process collapses where cores are contended, and would change the last bits.
    torch.set_num_threads(1)
    return Task(text)


def settle(config: dict[str, Any], task: Task) -> None:
    """Writes into a run's configuration what the data decide: how many clients there are, and what they are called."""
    config["num_clients"] = len(task.owners)
    if config["client_names"] is None and any(owner.name for owner in task.owners):
        config["client_names"] = [owner.name for owner in task.owners]
    check_names(config)


def specification(config: dict[str, Any], states: Path, directory: Path | None = None) -> str:
    """The line of JSON that names a task, from a run's resolved configuration.

    directory: where its relative paths begin. They are told in full where that is not the current folder, and where
    other machines read them.
    """
    keys = ("data", "partition", "model", "num_clients", "seed", "data_seed")
    use_gpu = float(config["engine"].get("num_gpus", 0)) > 0
    spec = {key: config[key] for key in keys} | {"use_gpu": use_gpu, "states": str(states.absolute())}
    if config["engine"].get("deterministic"):
        spec["deterministic"] = True
    is_here = directory in (None, Path.cwd()) and config["engine"].get("address") is None
    if not is_here:
        directory = directory or Path.cwd()
        places = {
            key: str(directory / in_full(value)) for key in PLACES if isinstance(value := config["data"].get(key), str)
        }
        spec["data"] = {**config["data"], **places}
    if "cache" in spec["data"]:  # an actor may see another current folder
        spec["data"] = spec["data"] | {"cache": settled_cache(spec["data"]["cache"])}
    return json.dumps(spec, sort_keys=True)
