"""The photographs that the final models misjudge most confidently, as small pictures where they can be had."""

import base64
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from fedsky.data import sky
from fedsky.data.listing import locate
from fedsky.data.picture import read
from fedsky.language import _
from fedsky.untrusted import section

from .groups import Group
from .results import Result

PIXELS = 96  # a side of a small picture
MOST = 12
RENDERED = re.compile(r"rendered-(\d{1,9})-(\d{5,9})")


@dataclass(frozen=True)
class Mistake:
    """A test image that runs of a group judge wrongly. picture: a JPEG's data address; without one, why says so."""

    image: str
    label: str
    predicted: str
    probability: float
    wrong: int
    runs: int
    picture: str
    why: str


def mistakes(group: Group) -> list[Mistake]:
    """The wrongly judged images with the least probability of their label, mean over the runs that tested them."""
    frames: list[pd.DataFrame] = []
    source: dict[str, Result] = {}
    for result in group.results.values():
        table = result.probabilities()
        if table is None or result.predictions is None:
            continue
        labels = result.predictions["label"]
        chance = table.to_numpy(float)[np.arange(len(table)), table.columns.get_indexer(pd.Index(labels))]
        frames.append(result.predictions.assign(chance=chance, wrong=1 - result.predictions["correct"]))
        # An image's name stands for the same image only within one draw of the data.
        frames[-1].index = pd.MultiIndex.from_product([[result.fingerprint], frames[-1].index])
        source.setdefault(result.fingerprint, result)
    if not frames:
        return []
    everything = pd.concat(frames)
    missed = everything[everything["wrong"] > 0]
    by_image = everything.groupby(level=[0, 1]).agg(
        chance=("chance", "mean"), wrong=("wrong", "sum"), runs=("wrong", "size"), label=("label", "first")
    )
    by_image = by_image[by_image["wrong"] > 0].sort_values("chance", kind="stable").head(MOST)
    found = []
    for row in by_image.reset_index(names=["draw", "image"]).to_dict("records"):
        image, label = str(row["image"]), str(row["label"])
        here = (missed.index.get_level_values(0) == row["draw"]) & (missed.index.get_level_values(1) == image)
        predicted = str(missed.loc[here, "predicted"].mode().iloc[0])
        picture, why = thumbnail(source[row["draw"]], image, label)
        found.append(
            Mistake(
                image, label, predicted, 1 - float(row["chance"]), int(row["wrong"]), int(row["runs"]), picture, why
            )
        )
    return found


def thumbnail(result: Result, image: str, label: str) -> tuple[str, str]:
    """A test image as a JPEG's data address, drawn anew or the file of its name; else nothing and why."""
    data = section(result.run.config, "data")
    target = str(data.get("_target_") or "")
    try:
        if target.startswith("fedsky.data.rendered"):
            return _rendered(data.get("size"), image, label)
        if target.startswith("fedsky.data.folder"):
            return _file(data.get("root") or Path(str(data.get("manifest") or "")).parent, image)
    except (OSError, ValueError, TypeError):
        return "", _("cannot be read")
    return "", _("no photograph")


def _rendered(size: object, image: str, label: str) -> tuple[str, str]:
    match = RENDERED.fullmatch(image)
    if match is None or not isinstance(size, int) or not 16 <= size <= 512:
        return "", _("cannot be drawn anew")
    pixels, drawn = sky.render(int(match[1]), int(match[2]), size)
    if sky.CLASSES[drawn] != label:
        return "", _("drawn anew it is another")
    return _jpeg(Image.fromarray(pixels)), ""


def _file(root: object, image: str) -> tuple[str, str]:
    name = PurePosixPath(image)
    folder = Path(os.path.expanduser(str(root))).resolve()
    path = locate(folder, image).resolve()
    if name.is_absolute() or not path.is_relative_to(folder) or not path.is_file():
        return "", _("not found where the run had it")
    return _jpeg(read(path, 4 * PIXELS)), ""


def _jpeg(picture: Image.Image) -> str:
    """The largest square in the middle, as the models see it, without any of the file's metadata."""
    small = ImageOps.fit(picture, (PIXELS, PIXELS), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(small)).save(buffer, format="JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
