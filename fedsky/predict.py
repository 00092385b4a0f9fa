"""``python -m fedsky.predict RUN PHOTO...``: what a run's model says of photographs."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from hydra.errors import HydraException
from numpy.typing import NDArray
from torch import nn

from fedsky import untrusted
from fedsky.config import make, permitted, start
from fedsky.data.listing import escaped
from fedsky.data.picture import BrokenError, decode
from fedsky.history import changed, read_object
from fedsky.machine import remedies, streams
from fedsky.model.divergence import DIVERGED, not_finite
from fedsky.model.file import read_model
from fedsky.model.pixels import normalise, to_float


def load_model(path: Path, given: permitted.Word = permitted.NOTHING) -> tuple[nn.Module, list[str], int]:
    """The model of a .safetensors file, ready to judge, with its classes and the size of its images in pixels.

    The file may come from anyone: a network that conf/ does not have must be ``given`` by the user.
    """
    arrays, about = read_model(path)
    if (name := not_finite(arrays)) is not None:
        why = f"its {DIVERGED}, {name} is not finite; name another run"
        raise ValueError(f"{path} is not a model to predict with: {why}")
    # The file's own weights follow: pretrained ones are not loaded first.
    try:
        classes, size = untrusted.judges(about)
        settings = dict(about["model"])
        permitted.check({"model": settings}, "its header", given, needed=("model",))
        for key in start.OF_ANY:
            settings.pop(key, None)
        model: nn.Module = make(settings, num_classes=len(classes), _recursive_=False)
        model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    except KeyError as error:
        raise ValueError(f"{path} is not a model to predict with: it does not say its {error}") from error
    except RuntimeError as error:  # torch names every tensor, at length
        raise ValueError(f"{path} is not a model to predict with: its weights are not those of its network") from error
    except (ValueError, TypeError, AttributeError, HydraException) as error:
        raise ValueError(f"{path} is not a model to predict with: {' '.join(str(error).split())}") from error
    return model.eval(), classes, size


def model_files(run: Path) -> dict[str, Path]:
    """The models of a run folder by name: ``model``, or ``client 0`` and so on where clients have their own."""
    if run.suffix == ".safetensors":
        _refuse_changed(run.parent.parent if run.parent.name in ("models", "clients", "checkpoint") else run.parent)
        return {run.stem: run.resolve()}  # a link that the user names is the user's word
    _refuse_changed(run)
    if (run / "model.safetensors").exists():
        return {"model": run / "model.safetensors"}
    untrusted.within(run / "models", run)
    own = sorted((run / "models").glob("*.safetensors"), key=lambda path: (len(path.stem), path.stem))
    if not own:
        raise ValueError(f"{run} holds no model: name the folder of a run that is done, such as outputs/<name>/<time>")
    return {f"client {path.stem}": path for path in own}


def _refuse_changed(run: Path) -> None:
    """Raises ValueError where files of the run are not as it left them."""
    problems: list[str] = []
    info = read_object(run / "run.json", problems) if (run / "run.json").exists() else {}
    if why := "; ".join(problems) or changed(run, info):
        raise ValueError(f"{run}: {why}; bring back what it left, or name another run")


@torch.no_grad()
def predict(path: Path, photos: list[Path], given: permitted.Word = permitted.NOTHING) -> list[dict[str, float]]:
    """The probability of every class, for each photograph, by the model of a .safetensors file."""
    model, classes, size = load_model(path, given)
    return [dict(zip(classes, _judged(model, decode(photo, size)), strict=True)) for photo in photos]


def _judged(model: nn.Module, pixels: NDArray[np.uint8]) -> list[float]:
    return probabilities(model, normalise(to_float(torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None])))


@torch.no_grad()
def probabilities(model: nn.Module, image: torch.Tensor) -> list[float]:
    """A model's probability of every class for one image [1, 3, size, size]; ValueError where they are not finite."""
    judged = torch.softmax(model(image).double(), dim=1)[0]
    if not judged.isfinite().all():  # of finite weights so large that their sums are not
        raise ValueError(f"the model's {DIVERGED}, its answer is not finite: name another run")
    return list(judged.tolist())


def main(
    run: Annotated[Path, typer.Argument(help="A run's folder, or one of its .safetensors files.")],
    photos: Annotated[list[Path], typer.Argument(help="Photographs.")],
    config_dir: Annotated[Path | None, typer.Option(help="Your own configurations, as the run was begun with.")] = None,
) -> None:
    """Says what is in the sky of each PHOTO, with its probability, by the model of RUN.

    A photograph that cannot be read is told on standard error, once, and the exit status is then 1.
    """
    given = permitted.word([config_dir], [])
    broken: set[Path] = set()
    try:
        for name, path in model_files(run).items():
            model, classes, size = load_model(path, given)
            for photo in (each for each in photos if each not in broken):
                try:
                    judged = _judged(model, decode(photo, size))
                except BrokenError as error:
                    broken.add(photo)
                    typer.echo(untrusted.visible(f"fedsky.predict: {escaped(str(error))}"), err=True)
                    continue
                best = int(np.argmax(judged))
                told = f"{escaped(str(photo))}: {classes[best]} {judged[best]:.3f}"
                typer.echo(untrusted.visible(told + ("" if name == "model" else f"  ({name})")))
    except (ValueError, OSError) as error:
        line = remedies.told(error) if isinstance(error, OSError) else str(error)
        typer.echo(untrusted.visible(f"fedsky.predict: {line}"), err=True)
        raise typer.Exit(1) from None
    if broken:
        raise typer.Exit(1)


if __name__ == "__main__":
    streams.settle()
    typer.run(main)
