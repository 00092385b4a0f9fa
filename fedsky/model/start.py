"""Gives a model at its start the weights of another one's file (``model.init``)."""

from pathlib import Path
from typing import Any

from torch import from_numpy, nn

from fedsky.config import start
from fedsky.model.divergence import DIVERGED, not_finite
from fedsky.model.file import read_model
from fedsky.untrusted import printable, section


def take_over(model: nn.Module, settings: dict[str, Any], classes: list[str], size: int | None) -> None:
    """Gives ``model`` the weights and buffers of the file ``init`` names; ValueError where they are not its own."""
    path = Path(settings["init"])
    start.settle(dict(settings))  # of an actor: still the same file
    arrays, about = read_model(path)
    if (name := not_finite(arrays)) is not None:
        raise ValueError(f"model.init={path}: its {DIVERGED}, {name} is not finite; name another model, or null")

    def refuse(what: str, its: Any, ours: Any) -> ValueError:
        return ValueError(f"model.init={path}: {what} {its}, this run's {ours}; name a model of the same, or null")

    its, ours = (
        {key: value for key, value in made.items() if key not in start.OF_ANY}
        for made in (section(about, "model"), settings)
    )
    if its != ours:
        raise refuse("its architecture is", _told(its), _told(ours))
    if about.get("classes") != classes:
        raise refuse("its classes are", _listed(about.get("classes")), ", ".join(classes))
    if about.get("size") != size:
        raise refuse("its images have", f"{printable(about.get('size'))} pixels a side", size)
    try:
        model.load_state_dict({name: from_numpy(array) for name, array in arrays.items()})
    except RuntimeError as error:  # torch names every tensor, at length
        raise ValueError(f"model.init={path}: its weights are not those of {_told(its)}") from error


def _listed(classes: Any) -> str:
    return printable(", ".join(map(str, classes)) if isinstance(classes, list) else "unknown", 400)


def _told(settings: dict[str, Any]) -> str:
    name = str(settings.get("_target_", "unknown")).rpartition(".")[2]
    return printable(" ".join([name, *(f"{key}={value}" for key, value in settings.items() if key != "_target_")]))
