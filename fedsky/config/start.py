"""``model.init``: starts a run from a model that an earlier one left, such as one trained on rendered skies.

All of it is taken over, the head too: the architecture, the classes and the size of the images must be the same.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

KEYS = ("init", "init_sha256")  # of the model's settings, that do not tell its architecture
_APART = (*KEYS, "weights")


def settle(model: dict[str, Any]) -> None:
    """Makes ``init`` the absolute path of one file and notes its SHA-256 beside it; removes it where it is null.

    A SHA-256 that is there already, of a run that is resumed, must be that of the file.
    """
    asked = model.pop("init", None)
    noted = model.pop("init_sha256", None)
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
    path = Path(str(asked)).expanduser()
    if path.is_file():
        return path
    if (path / "model.safetensors").is_file():
        return path / "model.safetensors"
    if (path / "models").is_dir():
        raise ValueError(f"model.init={asked} holds a model for each client: name one of {path / 'models'}")
    raise ValueError(f"model.init={asked} holds no model: name a .safetensors file or the folder of a run that is done")


def take_over(model: "nn.Module", settings: dict[str, Any], classes: list[str], size: int | None) -> None:
    """Gives ``model`` the weights and buffers of the file ``init`` names; ValueError where they are not its own."""
    from torch import from_numpy  # a configuration is checked without it

    from fedsky.run.checkpoint import read_model

    path = Path(settings["init"])
    settle(dict(settings))  # of an actor: still the same file
    arrays, about = read_model(path)

    def refuse(what: str, its: Any, ours: Any) -> ValueError:
        return ValueError(f"model.init={path}: {what} {its}, this run's {ours}; name a model of the same, or null")

    its, ours = ({key: value for key, value in dict(made or {}).items() if key not in _APART}
                 for made in (about.get("model"), settings))  # fmt: skip
    if its != ours:
        raise refuse("its architecture is", _told(its), _told(ours))
    if list(about.get("classes") or ()) != classes:
        raise refuse("its classes are", ", ".join(map(str, about.get("classes") or ["unknown"])), ", ".join(classes))
    if about.get("size") != size:
        raise refuse("its images have", f"{about.get('size')} pixels a side", size)
    try:
        model.load_state_dict({name: from_numpy(array) for name, array in arrays.items()})
    except RuntimeError as error:  # torch names every tensor, at length
        raise ValueError(f"model.init={path}: its weights are not those of {_told(its)}") from error


def _told(settings: dict[str, Any]) -> str:
    name = str(settings.get("_target_", "unknown")).rpartition(".")[2]
    return " ".join([name, *(f"{key}={value}" for key, value in settings.items() if key != "_target_")])
