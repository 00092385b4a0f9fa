"""Model files: named tensors, and what is needed to use them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from fedsky import untrusted
from fedsky.history import write_whole
from fedsky.history.kept import METADATA

Tensors = dict[str, NDArray[Any]]


def write_model(path: Path, arrays: Tensors, about: dict[str, Any]) -> None:
    """Writes tensors and what is needed to use them, by rename, the same bytes for the same content."""
    write_whole(path, packed(arrays, about))


def packed(arrays: Tensors, about: dict[str, Any]) -> bytes:
    """The content of a model's file."""
    # Not ascontiguousarray, which makes a scalar (BatchNorm's counter) a vector.
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    # safetensors writes metadata keys in random order: with one key alone the file is the same bytes each time.
    return save(whole, {METADATA: json.dumps(about, sort_keys=True)})


def read_model(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """The tensors of a file and what is written about them; ValueError where fedsky did not write it."""
    try:
        untrusted.header(path, path.parent)
        with safe_open(path, framework="np") as file:
            about = json.loads((file.metadata() or {}).get(METADATA, "null"))
            if not isinstance(about, dict):
                raise ValueError("it does not say which")
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118 - no mapping
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except Exception as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else " ".join(str(error).split())
        raise ValueError(f"{path} is not a model of fedsky: {why}") from error
