"""``python -m benchmarks.rendered_to_real FOLDER``: learns from rendered skies alone and judges photographs.

What the renderer lacks shows here: no photograph is trained on. A photograph belongs to the even half where the
SHA-256 of its file, read as one whole number, is even. The renderer was improved by looking at the even half of a
folder; the odd half tells what came of it. Prints one JSON line: class-balanced accuracy for every seed, of all seeds
together (the mean of their probabilities), and of all together on five crops of each photograph too.
"""

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from fedsky.data import rendered, sky
from fedsky.data.listing import list_files
from fedsky.data.picture import decode
from fedsky.model import build, resnet8, resnet18
from fedsky.model.file import write_model
from fedsky.model.pixels import normalise, to_float

MODELS: dict[str, tuple[Callable[..., nn.Module], dict[str, Any]]] = {
    "resnet8": (resnet8, {"width": 0.5, "norm": "batch"}),
    "resnet18": (resnet18, {"norm": "batch"}),
}
BATCH = 64


def photographs(folder: Path, half: str, size: int) -> tuple[list[Path], Tensor, NDArray[np.int64]]:
    """The files of a half of FOLDER/<class>/, their images [n, 3, size, size] in [0, 1], and their labels [n]."""
    files, labels = [], []
    for label, own in list_files(folder).files.items():
        if label not in sky.CLASSES:
            raise ValueError(f"{folder} has a class {label}: the renderer draws {' and '.join(sky.CLASSES)} alone")
        for _, path in own:
            parity = int(hashlib.sha256(path.read_bytes()).hexdigest(), 16) % 2
            if half == "all" or parity == ("even", "odd").index(half):
                files.append(path)
                labels.append(sky.CLASSES.index(label))
    pixels = np.stack([decode(path, size).transpose(2, 0, 1) for path in files])
    return files, to_float(torch.from_numpy(pixels)), np.array(labels)


def augment(images: Tensor, rng: torch.Generator) -> Tensor:
    """Images [n, 3, size, size] in [0, 1], each cropped, mirrored, and changed in light, contrast and saturation."""
    n = len(images)

    def draw(low: float, high: float) -> Tensor:
        return torch.rand(n, 1, 1, 1, generator=rng) * (high - low) + low

    scale, mirror = draw(0.6, 1.0), torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    turn = torch.zeros(n, 2, 3)
    turn[:, 0, 0], turn[:, 1, 1] = (scale * mirror).flatten(), scale.flatten()
    turn[:, 0, 2], turn[:, 1, 2] = ((1 - scale) * draw(-1, 1)).flatten(), ((1 - scale) * draw(-1, 1)).flatten()
    grid = F.affine_grid(turn, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * draw(0.6, 1.4)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    images = (middle + (images - middle) * draw(0.7, 1.4)) * draw(0.7, 1.3)
    return images.clamp_(0, 1)


def train(model: nn.Module, pixels: NDArray[np.uint8], labels: NDArray[np.int64], epochs: int, seed: int) -> None:
    """SGD with momentum, weight decay and one cosine from the full step to nothing."""
    rng = torch.Generator().manual_seed(seed)
    target = torch.from_numpy(labels)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    steps = epochs * (len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for _ in range(epochs):
        order = torch.randperm(len(labels), generator=rng)
        for batch in order[: len(labels) // BATCH * BATCH].split(BATCH):  # type: ignore[no-untyped-call]
            images = augment(to_float(torch.from_numpy(pixels[batch.numpy()])), rng)
            images = images.contiguous(memory_format=torch.channels_last)  # a third faster on a CPU
            optimizer.zero_grad()
            F.cross_entropy(model(normalise(images)), target[batch], label_smoothing=0.1).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()


@torch.no_grad()
def judge(model: nn.Module, images: Tensor) -> NDArray[np.float64]:
    """The probability [n, classes] of every class, the mean over an image and its mirror image."""
    model.eval()
    logits = model(normalise(images)).softmax(1) + model(normalise(images.flip(3))).softmax(1)
    return np.asarray(logits.double().numpy() / 2)


def crops(images: Tensor) -> list[Tensor]:
    """The images, and four crops of them, each of three quarters of a side from one corner, at their size."""
    size, side = images.shape[-1], images.shape[-1] * 3 // 4
    corners = [(top, left) for top in (0, size - side) for left in (0, size - side)]
    parts = [images[:, :, top : top + side, left : left + side] for top, left in corners]
    return [images, *(F.interpolate(part, size=(size, size), mode="bilinear", antialias=True) for part in parts)]


def save_failures(path: Path, images: Tensor, labels: NDArray[np.int64], right: NDArray[np.float64]) -> None:
    """A contact sheet of the photographs most often judged wrongly: sunny ones above, cloudy ones below."""
    rows = []
    for label in (sky.CLASSES.index("sunny"), sky.CLASSES.index("cloudy")):
        wrong = [i for i in np.argsort(right, kind="stable") if labels[i] == label and right[i] < 0.5]
        rows += [wrong[start : start + 16] for start in range(0, len(wrong), 16)]
    side = images.shape[-1]
    sheet = Image.new("RGB", (16 * (side + 2), max(len(rows), 1) * (side + 2)))
    for y, row in enumerate(rows):
        for x, i in enumerate(row):
            pixels = (images[i].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
            sheet.paste(Image.fromarray(pixels), (x * (side + 2), y * (side + 2)))
    sheet.save(path)


def main() -> None:
    """Prints the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="photographs, one folder for each class: cloudy and sunny")
    parser.add_argument("--half", choices=("even", "odd", "all"), default="even")
    parser.add_argument("--count", type=int, default=4000, help="rendered skies to learn from")
    parser.add_argument("--render-seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=64, help="pixels a side")
    parser.add_argument("--label-noise", type=float, default=0.4, help="share of skies of 2 to 6 oktas among them")
    parser.add_argument("--cameras", choices=rendered.CAMERAS, default="good", help="of the rendered skies")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3, help="models, each from other initial weights and batches")
    parser.add_argument("--model", choices=sorted(MODELS), default="resnet8")
    parser.add_argument("--cache", help="folder of rendered skies; else fedsky's in the user's cache folder")
    parser.add_argument("--failures", type=Path, help="a contact sheet of what is judged wrongly, FILE.png")
    parser.add_argument(
        "--save", type=Path, help="the first seed's model, FILE.safetensors, for model.init; others -1 ..."
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    try:
        files, images, labels = photographs(asked.folder, asked.half, asked.size)
        drawn = rendered.load(
            asked.count, asked.size, asked.render_seed, asked.cache, None, asked.label_noise, asked.cameras
        )
    except ValueError as error:
        parser.error(str(error))
    from sklearn.metrics import balanced_accuracy_score

    make, settings = MODELS[asked.model]
    start, scores, known, right = time.perf_counter(), [], [], np.zeros(len(files))
    every, cropped = (np.zeros((len(files), len(sky.CLASSES))) for _ in range(2))
    fresh = rendered.load(400, asked.size, asked.render_seed + 1, asked.cache)
    unseen = to_float(torch.from_numpy(np.array(fresh.pixels)))  # other skies, not trained on
    for seed in range(asked.seeds):
        model = build(partial(make, **settings), len(sky.CLASSES), seed)
        model = model.to(memory_format=torch.channels_last)
        train(model, drawn.pixels, drawn.labels, asked.epochs, seed)
        chances = [judge(model, part) for part in crops(images)]
        every += chances[0]
        cropped += np.sum(chances, axis=0)
        said = chances[0].argmax(1)
        scores.append(balanced_accuracy_score(labels, said))
        known.append(balanced_accuracy_score(fresh.labels, judge(model, unseen).argmax(1)))
        right += said == labels
        if asked.save:
            arrays = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
            about = {
                "model": {"_target_": f"fedsky.model.{asked.model}", **settings},
                "classes": list(sky.CLASSES),
                "round": asked.epochs,
                "size": asked.size,
            }
            path = asked.save if seed == 0 else asked.save.with_stem(f"{asked.save.stem}-{seed}")
            write_model(path, arrays, about)
    right /= asked.seeds
    if asked.failures:
        save_failures(asked.failures, images, labels, right)
    told = {
        "half": asked.half,
        "num_photographs": len(files),
        "num_of_class": {name: int((labels == i).sum()) for i, name in enumerate(sky.CLASSES)},
        "balanced_accuracy": round(statistics.mean(scores), 4),
        "of_seeds": [round(score, 4) for score in scores],
        "together": round(balanced_accuracy_score(labels, every.argmax(1)), 4),
        "together_on_crops": round(balanced_accuracy_score(labels, cropped.argmax(1)), 4),
        "recall": {name: round(float(right[labels == i].mean()), 4) for i, name in enumerate(sky.CLASSES)},
        "on_other_rendered_skies": round(statistics.mean(known), 4),
        "renderer": sky.VERSION,
        "count": asked.count,
        "cameras": asked.cameras,
        "label_noise": asked.label_noise,
        "model": asked.model,
        "size": asked.size,
        "epochs": asked.epochs,
        "seconds": round(time.perf_counter() - start),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
