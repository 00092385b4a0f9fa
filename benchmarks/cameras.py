"""``python -m benchmarks.cameras RUN...``: how models on photographs judge the same photographs by other cameras.

A run's own photographs are changed as other cameras would have them: dim, grey, hazy, burnt out, warm, cold, a webcam.
The program makes those itself, by other arithmetic than data.augment and the renderer's cameras. ``--part validation``
is what levers are chosen by; the test images are for the judgement. Prints a row for each run and camera: balanced
accuracy at one half, that at the best threshold, the expected calibration error (ten bins) as it is and with the one
temperature that fits the run's validation photographs at home best, and how sure the model is on average.
"""

import argparse
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy.optimize import minimize_scalar
from torch import nn

from fedsky.client.task import Task, load_task, specification
from fedsky.history import DONE, find_runs, read_run
from fedsky.model.pixels import normalise, to_float
from fedsky.predict import load_model, model_files

Floats = NDArray[np.float64]
Pictures = NDArray[np.uint8]  # [n, 3, size, size]
BINS = 10


def _light(picture: Floats) -> Floats:
    return picture**2.2


def _shown(light: Floats) -> Floats:
    return np.asarray(np.clip(light, 0, 1) ** (1 / 2.2))


def _grey(picture: Floats, left: float) -> Floats:
    mean = picture @ np.array([0.299, 0.587, 0.114])
    return np.asarray(mean[..., None] + (picture - mean[..., None]) * left)


def dim(picture: Floats, much: float) -> Floats:
    """Exposed by 1.5 to 3 stops too little."""
    return _shown(_light(picture) * 2 ** -(1.5 + 1.5 * much))


def grey(picture: Floats, much: float) -> Floats:
    """With a half to a tenth of its colour."""
    return _grey(picture, 0.5 - 0.4 * much)


def hazy(picture: Floats, much: float) -> Floats:
    """Under a veil of light grey, a quarter to a half of the light."""
    return _shown(_light(picture) + (0.25 + 0.25 * much) * (np.array([0.62, 0.66, 0.70]) - _light(picture)))


def burnt(picture: Floats, much: float) -> Floats:
    """Exposed by 0.7 to 1.7 stops too much, as for somebody who stands before the sky."""
    return _shown(_light(picture) * 2 ** (0.7 + much))


def warm(picture: Floats, much: float) -> Floats:
    """White balance of a lamp: too red."""
    return _shown(_light(picture) * np.array([1.15 + 0.3 * much, 1.0, 0.8 - 0.3 * much]))


def cold(picture: Floats, much: float) -> Floats:
    """White balance of the shade: too blue."""
    return _shown(_light(picture) * np.array([0.8 - 0.25 * much, 0.97, 1.15 + 0.25 * much]))


def webcam(picture: Floats, much: float) -> Floats:
    """Soft, pale, flat and a little green, with the blocks of a strong JPEG."""
    pale = _grey(picture, 0.7 - 0.3 * much) * np.array([0.93, 1.0, 0.93]) * 0.75 + 0.08
    image = Image.fromarray((np.clip(pale, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))
    image.save(file := io.BytesIO(), "JPEG", quality=35)
    return np.asarray(Image.open(file), dtype=np.float64) / 255


CAMERAS: dict[str, Callable[[Floats, float], Floats] | None] = {
    "home": None, "dim": dim, "grey": grey, "hazy": hazy, "burnt": burnt, "warm": warm, "cold": cold, "webcam": webcam,
}  # fmt: skip


def taken_by(camera: str, pictures: Pictures) -> Pictures:
    """The pictures as a camera would have taken them, each with a fault of a strength of its own, drawn."""
    change = CAMERAS[camera]
    if change is None:
        return pictures
    strengths = np.random.default_rng((0, [*CAMERAS].index(camera))).uniform(size=len(pictures))
    made = [
        change(each.transpose(1, 2, 0) / 255, much) for each, much in zip(pictures, strengths.tolist(), strict=True)
    ]
    return np.stack([(each * 255 + 0.5).astype(np.uint8).transpose(2, 0, 1) for each in made])


@torch.no_grad()
def logits(model: nn.Module, pictures: Pictures) -> Floats:
    """What a model answers [n, 2]."""
    return np.asarray(model(normalise(to_float(torch.from_numpy(pictures)))).double().numpy())


def probabilities(answers: Floats, temperature: float = 1.0) -> Floats:
    """The probability of the second class [n]."""
    return np.asarray(1 / (1 + np.exp(-np.clip((answers[:, 1] - answers[:, 0]) / temperature, -700, 700))))


def temperature(answers: Floats, labels: NDArray[np.int64]) -> float:
    """The temperature of the least cross-entropy (Guo et al. 2017, On Calibration of Modern Neural Networks)."""

    def loss(logarithm: float) -> float:
        right = np.where(labels == 1, 1, -1) * (answers[:, 1] - answers[:, 0]) / np.exp(logarithm)
        return float(np.logaddexp(0, -right).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 5), method="bounded").x))


def balanced(chance: Floats, labels: NDArray[np.int64], threshold: float = 0.5) -> float:
    """Balanced accuracy of calling the second class what has more than a threshold."""
    said = chance > threshold
    return float(np.mean([(said[labels == each] == each).mean() for each in (0, 1)]))


def calibration_error(chance: Floats, labels: NDArray[np.int64]) -> float:
    """The expected calibration error of the class that is named, in ten bins of equal width."""
    sure, right = np.maximum(chance, 1 - chance), (chance > 0.5) == labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    within = [bins == each for each in set(bins.tolist())]
    return float(sum(abs(right[each].mean() - sure[each].mean()) * each.mean() for each in within))


def judge(run: Path, part: str, of: Path) -> list[str]:
    """The rows of a run on the photographs of another: home, each camera, and the mean of the foreign ones."""
    task: Task = load_task(specification(read_run(of).config, of / "clients"))
    model, _, _ = load_model(model_files(run)["model"])
    clients = list(range(len(task.owners)))
    home, at = (task.part(name, clients) for name in ("validation", part))
    heat = temperature(logits(model, task.photos.pixels[home]), task.photos.labels[home])
    pictures, labels = np.asarray(task.photos.pixels[at]), task.photos.labels[at]
    rows, found = [], []
    for camera in CAMERAS:
        answers = logits(model, taken_by(camera, pictures))
        chance = probabilities(answers)
        best = max(balanced(chance, labels, each) for each in np.unique(chance))
        raw, mended = (calibration_error(probabilities(answers, each), labels) for each in (1.0, heat))
        sure = float(np.maximum(chance, 1 - chance).mean())
        found.append([balanced(chance, labels), best, raw, mended, sure])
        rows.append(_row(run.name, camera, len(labels), found[-1]))
    return [*rows, _row(run.name, "foreign", len(labels), np.mean(found[1:], axis=0)), f"temperature {heat:.2f}"]


def _row(run: str, camera: str, num: int, values: Sequence[float] | Floats) -> str:
    return f"| {run} | {camera} | {num} | " + " | ".join(f"{value:.3f}" for value in values) + " |"


def main() -> None:
    """Prints the rows of all runs as a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+")
    parser.add_argument("--part", choices=("validation", "test"), default="validation")
    parser.add_argument("--of", type=Path, help="The run on whose photographs all are judged; else its own.")
    asked = parser.parse_args()
    print(
        "| run | camera | n | balanced | at the best threshold | ECE | ECE, temperature | sure |\n" + "|---" * 8 + "|"
    )
    for run in find_runs(asked.run):
        if read_run(run).status == DONE:
            print("\n".join(judge(run, asked.part, asked.of or run)), flush=True)


if __name__ == "__main__":
    main()
