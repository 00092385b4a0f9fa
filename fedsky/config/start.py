"""``model.init``: starts a run from a model that an earlier one left, such as one trained on rendered skies.

All of it is taken over, the head too: the architecture, the classes and the size of the images must be the same.
"""

import hashlib
from pathlib import Path
from typing import Any

from fedsky.machine.remedies import in_full

KEYS = ("init", "init_sha256", "freeze")  # of the model's settings, that do not tell its architecture


def settle(model: dict[str, Any]) -> None:
    """Makes ``init`` the absolute path of one file and notes its SHA-256 beside it; removes it where it is null.

    A SHA-256 that is there already, of a run that is resumed, must be that of the file.
    """
    asked = model.pop("init", None)
    noted = model.pop("init_sha256", None)
    if model.get("freeze") is None:
        model.pop("freeze", None)
    if asked is None:
        return
    if model.get("weights") is not None:
        raise ValueError(f"model.init={asked} and model.weights={model['weights']}: set one of them to null")
    path = _file(asked).resolve()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if noted not in (None, digest):
        raise ValueError(f"model.init={path} is another file than when the run began: bring that one back")
    model |= {"init": str(path), "init_sha256": digest}


def _file(asked: Any) -> Path:
    path = in_full(str(asked))
    if path.is_file():
        return path
    if (path / "model.safetensors").is_file():
        return path / "model.safetensors"
    if (path / "models").is_dir():
        raise ValueError(f"model.init={asked} holds a model for each client: name one of {path / 'models'}")
    raise ValueError(f"model.init={asked} holds no model: name a .safetensors file or the folder of a run that is done")
