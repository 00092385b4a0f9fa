"""What each owner has, and how alike two owners are, as tables."""

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon

from fedsky.partition.heterogeneity import label_distances
from fedsky.photographs.curate import Findings
from fedsky.photographs.curate.copies import find_copies, group_numbers
from fedsky.photographs.curate.features import light
from fedsky.photographs.curate.pictures import read
from fedsky.untrusted import printable

MOST_PAIRS = 45  # those of ten owners
NUM_CAMERAS = 3
NUM_BINS = 10


def measured(folder: Path) -> list[dict[str, Any]]:
    """The tables of a folder's owners, as JSON has them: caption, columns and rows."""
    collection = read(folder)
    found = Findings(collection, find_copies(collection.pictures), None)
    return [
        {"caption": caption, "columns": list(table.columns), "rows": table.astype(str).to_numpy().tolist()}
        for caption, table in owner_tables(found)
    ]


def owner_tables(found: Findings) -> list[tuple[str, pd.DataFrame]]:
    """Captions and tables; none where no owner is named."""
    owners = found.collection.owners
    if not owners:
        return []
    tables = [
        ("Labels, cameras and the medians of light of each owner; distance: of its labels to all, 0 to 1", _each(found))
    ]
    if len(owners) > 1:
        more = f"; the first {MOST_PAIRS}" if len(owners) * (len(owners) - 1) // 2 > MOST_PAIRS else ""
        tables.append(
            (
                "How unlike two owners are, the most unlike first: Jensen-Shannon distances (0: alike, 1: nothing in "
                f"common) of their labels and of their light, and the pictures that both have{more}",
                _pairs(found),
            )
        )
    return tables


def _each(found: Findings) -> pd.DataFrame:
    collection = found.collection
    whose, labels = collection.whose, collection.labels
    counts = np.array(
        [
            np.bincount(labels[whose == place], minlength=len(collection.classes))
            for place in range(len(collection.owners))
        ]
    )
    values = light(collection.pictures)
    rows = []
    for place, (name, distance) in enumerate(zip(collection.owners, label_distances(counts), strict=True)):
        own = np.flatnonzero(whose == place)
        cameras = Counter(collection.pictures[index].camera or "not told" for index in own)
        told = ", ".join(f"{printable(camera, 40)} {count}" for camera, count in cameras.most_common(NUM_CAMERAS))
        more = len(cameras) - NUM_CAMERAS
        rows.append(
            [
                printable(name, 60),
                len(own),
                *counts[place],
                f"{distance:.3f}",
                told + (f", {more} others" if more > 0 else ""),
                *(f"{np.median(column[own]):.2f}" for column in values.values()),
            ]
        )
    columns = ["owner", "photographs", *(printable(label, 60) for label in collection.classes), "distance", "cameras"]
    return pd.DataFrame(rows, columns=[*columns, *(name.replace("_", " ") for name in values)])


def _pairs(found: Findings) -> pd.DataFrame:
    collection = found.collection
    whose, labels, values = collection.whose, collection.labels, light(collection.pictures)
    groups = np.array(group_numbers(found.groups, len(whose)))
    rows = []
    for one, other in combinations(range(len(collection.owners)), 2):
        both = [whose == one, whose == other]
        label = _unlike(*[np.bincount(labels[own], minlength=len(collection.classes)) for own in both])
        lights = [
            _unlike(*[np.histogram(column[own], NUM_BINS, (0, 1))[0] for own in both]) for column in values.values()
        ]
        shared = len(np.intersect1d(groups[both[0]], groups[both[1]]))
        names = [printable(collection.owners[place], 60) for place in (one, other)]
        rows.append(
            (label + float(np.mean(lights)), [*names, f"{label:.3f}", *(f"{each:.3f}" for each in lights), shared])
        )
    rows.sort(key=lambda row: -row[0])
    columns = ["owner", "and", "labels", *(name.replace("_", " ") for name in values), "pictures shared"]
    return pd.DataFrame([row for _, row in rows[:MOST_PAIRS]], columns=columns)


def _unlike(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """The Jensen-Shannon distance of two distributions, given as counts."""
    return float(jensenshannon(one, other, base=2))
