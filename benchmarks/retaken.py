"""``python -m benchmarks.retaken PHOTOS FOLDER``: the photographs of owners who have unlike cameras.

Every photograph of PHOTOS goes to one of five owners, class by class in turn, and is taken anew by that owner's camera:
one as it is, one dim, one grey, one too red, one too blue, whose overcast skies are bluish. FOLDER then is for
``data=folder data.root=FOLDER partition=natural``; names stay, so that what a further camera would have taken can be
made of PHOTOS. The arithmetic is another than that of data.augment and of the renderer's cameras.
"""

import argparse
import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fedsky.data.listing import list_files
from fedsky.data.picture import decode

Floats = NDArray[np.float64]
Pictures = NDArray[np.uint8]  # [n, 3, size, size]
SIZE = 128  # pixels a side of what is written
QUALITY = 95


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


FOREIGN = (dim, grey, hazy, burnt, warm, cold, webcam)
CAMERAS: dict[str, Callable[[Floats, float], Floats] | None] = {"home": None}
CAMERAS |= {camera.__name__: camera for camera in FOREIGN}
OWNERS = ("home", "dim", "grey", "warm", "cold")
UNSEEN = tuple(name for name in CAMERAS if name not in OWNERS)


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


def retake(photos: Path, folder: Path) -> None:
    """Writes the owners' photographs and their manifest.csv."""
    rng, rows = np.random.default_rng(0), []
    for label, own in sorted(list_files(photos).files.items()):
        order = [own[place] for place in rng.permutation(len(own))]
        for number, camera in enumerate(OWNERS):
            mine = order[number :: len(OWNERS)]
            pictures = taken_by(camera, np.stack([decode(path, SIZE).transpose(2, 0, 1) for _, path in mine]))
            for (_, path), picture in zip(mine, pictures, strict=True):
                file = Path(label) / path.name
                (folder / label).mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture.transpose(1, 2, 0)).save(folder / file, "JPEG", quality=QUALITY)
                rows.append([file.as_posix(), label, camera])
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["file", "label", "owner"], *sorted(rows)])


def main() -> None:
    """Writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="one folder for each class")
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    retake(asked.photos, asked.folder)


if __name__ == "__main__":
    main()
