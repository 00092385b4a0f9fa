"""Two groups of a kind against each other, over runs and over test images, and what an owner gains by joining."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from . import statistics
from .groups import Group, Kind
from .statistics import Estimate, Floats


@dataclass(frozen=True)
class Comparison:
    """first minus second, as fractions of balanced accuracy: over shared runs, and over the shared test images."""

    first: Group
    second: Group
    runs: Estimate | None
    images: Estimate | None


@dataclass(frozen=True)
class Joining:
    """What one federated group gains over alone, loses against pooled, and the share of that gap it closes."""

    federated: Group
    gain: Comparison | None
    loss: Comparison | None
    share: Estimate | None


def shared_correctness(groups: Sequence[Group]) -> tuple[Floats, NDArray[np.str_]]:
    """How often each group judged each test image rightly: (n, groups) in [0, 1] and the n labels.

    Only repetitions that all groups share count; an image is averaged over those in which it was tested.
    """
    shared = set.intersection(*(
        {key for key, result in group.results.items() if result.predictions is not None} for group in groups
    ))  # fmt: skip
    tables = []
    for key in sorted(shared):
        results = [group.results[key] for group in groups]
        frames = [result.predictions for result in results if result.predictions is not None]
        table = pd.concat([frame["correct"] for frame in frames], axis=1, keys=range(len(groups)), join="inner")
        table["label"], table["draw"] = frames[0]["label"], results[0].fingerprint
        tables.append(table.rename_axis("image").reset_index())
    if not tables:
        return np.empty((0, len(groups))), np.empty(0, dtype=np.str_)
    images = pd.concat(tables).groupby(["draw", "image", "label"], as_index=False).mean()
    return images[list(range(len(groups)))].to_numpy(float), images["label"].to_numpy(np.str_)


def compare(first: Group, second: Group) -> Comparison:
    """The difference of the last round's balanced accuracy of two groups."""
    runs = statistics.paired_difference(first.finals("balanced_accuracy"), second.finals("balanced_accuracy"))
    return Comparison(first, second, runs, statistics.image_difference(*shared_correctness([first, second])))


def compare_all(kind: Kind) -> list[Comparison]:
    """Every pair of groups, the later of the page's order minus the earlier."""
    return [compare(second, first) for first, second in combinations(kind.groups, 2)]


def joining(groups: Sequence[Group]) -> list[Joining]:
    """For each federated group of one context: its gain over alone and its loss against pooled training."""
    alone = next((group for group in groups if group.is_alone), None)
    pooled = next((group for group in groups if group.is_pooled), None)
    found = []
    for group in groups:
        if group.is_federated and (alone or pooled):
            gain = compare(group, alone) if alone else None
            loss = compare(pooled, group) if pooled else None
            share = None
            if alone and pooled:
                gap = compare(pooled, alone)
                if not (gap.runs and gap.runs.low is not None and gap.runs.low <= 0):
                    share = statistics.share_closed(*shared_correctness([alone, group, pooled]))
            found.append(Joining(group, gain, loss, share))
    return found
