"""Folders of small photographs, each unlike all others, with owners; and rows that declare things, as data."""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fedsky.data import Photos
from fedsky.data.declared import declared, joined
from fedsky.data.manifest import Row

CLASSES = ("cloudy", "sunny")
COLUMNS = ("file", "label", "owner", "part", "group", "taken")


def photograph(path: Path, number: int) -> None:
    """A picture that no other number gives, brighter where it is sunny."""
    path.parent.mkdir(parents=True, exist_ok=True)
    low = 90 if "sunny" in path.as_posix() else 0
    coarse = np.random.default_rng(number).integers(low, low + 160, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC).save(path)


def owner_folders(root: Path, counts: Mapping[str, Mapping[str, int]]) -> Path:
    """``root/OWNER/CLASS/0.png`` and so on, as many of each as asked for."""
    start = 0
    for owner, classes in counts.items():
        for label, count in classes.items():
            for number in range(count):
                photograph(root / owner / label / f"{number:02d}.png", start + number)
            start += count
    return root


def with_manifest(root: Path, lines: Sequence[Mapping[str, str]]) -> Path:
    """Photographs and the manifest that names them; a line lacks what it does not say."""
    for number, line in enumerate(lines):
        photograph(root / line["file"], number)
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(lines)
    return root


def photos(rows: str) -> Photos:
    """Photographs without pixels. rows: JSON, of each its label, owner, part, group, date and group of duplicates."""
    told = json.loads(rows)
    made = [
        Row(CLASSES[label], f"{place}.png", Path(), owner, part, group, math.nan if taken is None else taken)
        for place, (label, owner, part, group, taken, _) in enumerate(told)
    ]
    labels = np.array([CLASSES.index(row.label) for row in made], dtype=np.int64)
    groups = np.array([row[-1] for row in told], dtype=np.int64)
    names = [row.name for row in made]
    return Photos(
        np.empty((len(made), 0)), labels, names, CLASSES, "0" * 16, groups=joined(made, groups), declared=declared(made)
    )
