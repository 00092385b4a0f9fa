"""A collection with all that is found in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fedsky.photographs.curate.copies import Group, find_copies, group_numbers, prefer_likely
from fedsky.photographs.curate.features import features
from fedsky.photographs.curate.pictures import Collection, read
from fedsky.photographs.curate.suspects import Agreement, LabelCheck, check_labels, compare

REVIEW = "review"  # the manifest's column of a person's doubts


@dataclass(frozen=True)
class Findings:
    """Duplicates and suspects of a collection; label_check is None where a class has too few photographs for one."""

    collection: Collection
    groups: Sequence[Group]
    label_check: LabelCheck | None

    @property
    def agreement(self) -> Agreement | None:
        """The suspects against the manifest's column review; None without such a column, a doubt or a check."""
        if self.label_check is None or REVIEW not in self.collection.columns:
            return None
        return compare(self.label_check.suspects, [each.row[REVIEW] for each in self.collection.pictures])


def find(folder: Path) -> Findings:
    """Reads a folder of photographs and looks for copies and for likely wrong labels."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: name one that holds photographs")
    collection = read(folder)
    groups = find_copies(collection.pictures)
    numbers = group_numbers(groups, len(collection.pictures))
    label_check = check_labels(features(collection.pictures), collection.labels, numbers)
    if label_check is not None:
        labels = collection.labels
        likely = label_check.probabilities[np.arange(len(labels)), labels]
        groups = prefer_likely(groups, collection.pictures, likely)
    return Findings(collection, groups, label_check)
