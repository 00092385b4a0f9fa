"""``model.weights=FILE``: gives a model at its start the arrays of a state dict, but for a head of other classes."""

import logging
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from fedsky import untrusted
from fedsky.config import start
from fedsky.model.divergence import DIVERGED, not_finite
from fedsky.model.freeze import head_of
from fedsky.untrusted import printable

LOG = logging.getLogger("fedsky")
INSIDE = ("state_dict", "model_state_dict", "model")  # where training programs keep it, beside their optimizer's
WRAPPED = "module."  # before every name, of a model that several GPUs trained
# Of training alone (GoogLeNet, Inception), and counters that old files lack.
UNUSED, COUNTER = ("aux1.", "aux2.", "AuxLogits."), "num_batches_tracked"
REMEDY = "save them by torch.save(model.state_dict(), FILE)"


def take(model: nn.Module, settings: dict[str, Any]) -> None:
    """Gives ``model`` the arrays of the file that ``weights`` names; ValueError where they are not its own.

    A head that is missing there or has other shapes, of other classes, stays as it is, which the log says.
    """
    start.settle(dict(settings))  # of an actor: still the same file
    path = Path(settings["weights"])
    arrays, own = read(path), model.state_dict()
    if (name := not_finite(arrays)) is not None:
        raise ValueError(f"model.weights={path}: its {DIVERGED}, {name} is not finite; name another file, or null")
    head = head_of(model)
    if not all(name in arrays and arrays[name].shape == own[name].shape for name in head):
        there = [f"{printable(name)} {_shape(arrays[name])}" for name in head if name in arrays]
        LOG.info(
            "model.weights=%s: the head starts anew (%s here, %s there), all else is taken over",
            path.name,
            ", ".join(f"{name} {_shape(own[name])}" for name in head),
            ", ".join(there) or "none",
        )
        arrays = {name: array for name, array in arrays.items() if name not in head}
        arrays |= {name: own[name] for name in head}
    arrays = {name: array for name, array in arrays.items() if name in own or not name.startswith(UNUSED)}
    arrays |= {name: tensor for name, tensor in own.items() if name.endswith(COUNTER) and name not in arrays}
    if unlike := _unlike(arrays, own):
        raise ValueError(
            f"model.weights={path} are not this model's: {unlike}; choose the model, with its settings, that they were "
            "trained as, or null"
        )
    model.load_state_dict(arrays)


def read(path: Path) -> dict[str, Tensor]:
    """The named tensors of a .safetensors file or of one that torch.save wrote; ValueError where it holds none.

    Nothing that a file names is ever called: torch's own list of what may stand in a state dict decides.
    """
    try:
        if path.suffix.lower() == ".safetensors":
            untrusted.header(path, path.parent)
            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        with untrusted.opened(path, path.parent, untrusted.LARGEST_MODEL) as file:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch tells at length how to call what the file names all the same
        raise ValueError(f"model.weights={path} holds more than named arrays, or is damaged: {REMEDY}") from error
    except Exception as error:  # of safetensors, of torch's readers of archives, of the system
        why = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise ValueError(f"model.weights={path} cannot be read ({printable(why)}): {REMEDY}") from error
    for key in INSIDE:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found or not all(map(_is_array, found.items())):
        raise ValueError(f"model.weights={path} holds no named arrays: {REMEDY}")
    cut = len(WRAPPED) if all(name.startswith(WRAPPED) for name in found) else 0
    return {name[cut:]: tensor for name, tensor in found.items()}


def _is_array(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], Tensor)


def _unlike(arrays: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> str:
    """How the arrays of a file are not a model's own; empty where they are."""
    missing, strange = [name for name in own if name not in arrays], [name for name in arrays if name not in own]
    shapes = [name for name in own if name in arrays and arrays[name].shape != own[name].shape]
    told = []
    if missing:
        told.append(f"{len(missing)} of its {len(own)} arrays are missing there (first {missing[0]})")
    if strange:
        told.append(f"{len(strange)} are none of its own (first {printable(strange[0])})")
    if shapes:
        first = shapes[0]
        there, here = _shape(arrays[first]), _shape(own[first])
        told.append(f"{len(shapes)} have another shape (first {first}, {there} there, {here} here)")
    return ", ".join(told)


def _shape(tensor: Tensor) -> str:
    return f"{list(tensor.shape)}"
