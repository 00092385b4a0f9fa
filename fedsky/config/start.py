"""Where a model starts from: an earlier run's (``model.init``), or weights in a file (``model.weights``).

``init`` takes all of it over, the head too: the architecture, the classes and the size of the images must be the same.
``weights`` takes a file of named arrays, whoever trained them, and leaves a head for other classes as it was drawn.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fedsky.machine.remedies import in_full

KEYS = ("init", "init_sha256", "weights_sha256", "freeze")  # of the model's settings, that its class does not take
OF_ANY = (*KEYS, "weights")  # that say where a model starts, and not what it is
FORMS = (".safetensors", ".pth", ".pt", ".bin")


def settle(model: dict[str, Any]) -> None:
    """Makes ``init``, or ``weights`` where it names a file, an absolute path and notes the file's SHA-256 beside it.

    What is null is removed. A SHA-256 that is there already, of a run that is resumed, must be that of the file.
    """
    for key in ("init", "weights", "freeze"):
        if key in model and model[key] is None:
            del model[key]
    if "init" in model and "weights" in model:
        raise ValueError(f"model.init={model['init']} and model.weights={model['weights']}: set one of them to null")
    for key in ("init", "weights"):
        noted = model.pop(f"{key}_sha256", None)
        if key not in model or (key == "weights" and not names_file(model[key])):
            continue
        path = _file(key, model[key]).resolve()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if noted not in (None, digest):
            raise ValueError(f"model.{key}={path} is another file than when the run began: bring that one back")
        model |= {key: str(path), f"{key}_sha256": digest}


def names_file(weights: Any) -> bool:
    """Whether ``model.weights`` names a file, rather than weights that a library knows."""
    return isinstance(weights, str) and ("/" in weights or Path(weights).suffix.lower() in FORMS)


def check_name(weights: Any, model: str, known: Sequence[str]) -> None:
    """Raises ValueError where weights of a model are not among those known by name."""
    if not known or weights not in ("DEFAULT", *known):
        names = ["DEFAULT", *known] if known else []
        choices = ", ".join([*names, f"a file ({', '.join(FORMS)})"])
        raise ValueError(f"model.weights={weights} are not weights of {model}: choose {choices} or null")


def _file(key: str, asked: Any) -> Path:
    path = in_full(str(asked))
    if path.is_file():
        return path
    if (path / "model.safetensors").is_file():
        return path / "model.safetensors"
    if (path / "models").is_dir():
        raise ValueError(f"model.{key}={asked} holds a model for each client: name one of {path / 'models'}")
    forms = f"file ({', '.join(FORMS)})" if key == "weights" else ".safetensors file"
    raise ValueError(f"model.{key}={asked} holds no model: name a {forms} or the folder of a run that is done")
