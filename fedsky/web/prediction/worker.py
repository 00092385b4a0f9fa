"""The process that decodes photographs and asks models: ``python -m fedsky.web.prediction.worker``.

fedsky.web.isolated says why it is one of its own, and what bounds it.
"""

import base64
import io
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from fedsky import language
from fedsky.language import _
from fedsky.web.isolated import Work, serve
from fedsky.web.prediction import detector, upload

ROOM_BYTES = 1_500_000_000  # of memory, above what it has when torch is loaded
MODELS_BYTES = 300_000_000  # of the files of the models that stay loaded

Answer = dict[str, Any]
Loaded = tuple[Any, list[str], int]


class Models:
    """The models asked for last, loaded; by path and SHA-256, so that a file that changed is refused."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[Loaded, int]] = OrderedDict()

    def get(self, path: str, sha256: str) -> Loaded:
        """The network, its classes and the size of its images in pixels; ValueError where the file is another."""
        from fedsky.predict import load_model
        from fedsky.web.prediction.registry import digest

        key = (path, sha256)
        if key not in self._kept:
            if digest(Path(path)) != sha256:
                raise ValueError(_("The model's file has changed: load the page again."))
            self._kept[key] = load_model(Path(path)), Path(path).stat().st_size
            while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > MODELS_BYTES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key][0]


def answer(request: Mapping[str, Any], content: bytes, models: Models) -> Answer:
    """What is said of a photograph: {photo, sky, prediction, heatmap, others}; {refused, status} for none.

    request: ``model`` and ``others``, each {id, path, sha256}; ``language`` of what is said.
    """
    try:
        picture = upload.read(content)
    except upload.RefusedError as error:
        return {"refused": str(error), "status": error.status}
    try:
        network, classes, size = models.get(request["model"]["path"], request["model"]["sha256"])
        probabilities = _judge(network, picture, size)
        others = []
        for other in request["others"]:
            another, its_classes, its_size = models.get(other["path"], other["sha256"])
            others.append({"id": other["id"]} | _best(its_classes, _judge(another, picture, its_size)))
        best = _best(classes, probabilities)
        heatmap = _heatmap(network, picture, size, classes.index(best["label"]))
    except ValueError as error:
        return {"refused": str(error), "status": 409}
    photo = upload.to_jpeg(picture)
    return {
        "photo": {"jpeg": _text(photo), "width": picture.width, "height": picture.height},
        "sky": detector.shipped().judge(picture),
        "prediction": best | {"probabilities": dict(zip(classes, probabilities, strict=True))},
        "heatmap": heatmap,
        "others": others,
    }


def _input(picture: Image.Image, size: int) -> Any:
    """The square in the middle as models learn from it, float [1, 3, size, size]."""
    import torch

    from fedsky.data.picture import square
    from fedsky.model.pixels import normalise, to_float

    pixels = square(picture, size).transpose(2, 0, 1).copy()
    return normalise(to_float(torch.from_numpy(pixels)[None]))


def _judge(network: Any, picture: Image.Image, size: int) -> list[float]:
    from fedsky.predict import probabilities

    return probabilities(network, _input(picture, size))


def _best(classes: list[str], probabilities: list[float]) -> Answer:
    best = max(range(len(classes)), key=probabilities.__getitem__)
    return {"label": classes[best], "probability": probabilities[best]}


def label(loaded: Loaded, picture: Image.Image) -> str:
    """What a loaded model takes a picture for."""
    network, classes, size = loaded
    return str(_best(classes, _judge(network, picture, size))["label"])


def _heatmap(network: Any, picture: Image.Image, size: int, target: int) -> Answer:
    """The Grad-CAM overlay as a PNG of the photograph's size."""
    from matplotlib import colormaps

    from fedsky.web.prediction.gradcam import gradcam, overlay, relative, square_of

    attention = relative(gradcam(network, _input(picture, size), target))
    rows, columns = attention.shape
    buffer = io.BytesIO()
    overlay(attention, picture.size, colormaps["viridis"]).save(buffer, "PNG")
    left, top, side = square_of(*picture.size)
    text = (
        f"Yellow: what spoke most for this answer; dark blue: what did not. The model sees the square in the middle, "
        f"at {size} x {size} pixels, and its last layers tell {rows} x {columns} places apart: the map is coarse."
    )
    return {
        "width": picture.width,
        "height": picture.height,
        "png": _text(buffer.getvalue()),
        "text": text,
        "places": [rows, columns],
        "square": {"left": left, "top": top, "side": side},
        "is_empty": not bool(attention.any()),
    }


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def rehearse() -> None:
    """Does once what every answer does, so that whatever libraries load late is loaded before somebody waits."""
    import torch

    from fedsky.model import resnet8

    torch.set_num_threads(1)
    network, picture = resnet8(num_classes=2, width=0.5).eval(), Image.new("RGB", (64, 64), "skyblue")
    _judge(network, upload.read(upload.to_jpeg(picture)), 64)
    _heatmap(network, picture, 64, 0)
    detector.shipped().judge(picture)


def begin() -> Work:
    """Loads torch and all that reads a model; returns what judges a photograph."""
    import fedsky.predict  # noqa: F401

    rehearse()
    models = Models()

    def judge(request: Answer, content: bytes) -> Answer:
        with language.use(request["language"]):
            try:
                return answer(request, content, models)
            except MemoryError:
                return {"refused": _(upload.TOO_LARGE), "status": 413}

    return judge


if __name__ == "__main__":
    serve(begin, ROOM_BYTES)
