"""Cuts every owner's photographs into training, validation and test parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedsky import checks

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Owner:
    """One client's photographs, as sorted index arrays into the whole: train, validation and test are disjoint."""

    train: Indices
    validation: Indices
    test: Indices


def split(labels: NDArray[np.int64], shards: Sequence[Indices], fold: str, seed: int) -> list[Owner]:
    """Every owner's parts: fold k is tested on, half of the next one validated on, the others trained on.

    Each owner's photographs are shuffled, class by class, and dealt to the folds in turn, so that every fold mirrors
    the owner's label mixture and the folds' sizes differ by one at most. With 5 folds this is 70/10/20. Over all k
    every photograph is tested once. The same ``seed`` gives the same folds.
    """
    chosen, num_folds = checks.fold(fold)
    owners = []
    for client, shard in enumerate(shards):
        if len(shard) < num_folds:
            raise ValueError(
                f"client {client} has {len(shard)} images, too few for {num_folds} folds (data.fold={fold}): "
                f"set partition.min_examples={num_folds} or ask for fewer clients"
            )
        rng = np.random.default_rng([seed, 1, client])
        dealt: list[Any] = [rng.permutation(shard[labels[shard] == label]) for label in np.unique(labels[shard])]
        order = np.concatenate(dealt)
        # Starting with another fold at each owner keeps the pooled folds alike in size too.
        place = np.arange(len(order))
        part, turn = (place + client) % num_folds, place // num_folds
        test, validation = part == chosen - 1, (part == chosen % num_folds) & (turn % 2 == 0)
        owners.append(
            Owner(np.sort(order[~(test | validation)]), np.sort(order[validation]), np.sort(order[test])),
        )
    return owners


def units(labels: NDArray[np.int64], groups: Indices | None) -> NDArray[np.int64]:
    """One label per group, its first member's, to be cut and split in place of the photographs.

    groups: int64 [n], numbered 0, 1, ... by the first member; None where every photograph is a group of its own.
    """
    return labels if groups is None else labels[np.unique(groups, return_index=True)[1]]


def members(owners: Sequence[Owner], groups: Indices | None) -> list[Owner]:
    """Owners of groups as owners of all the groups' photographs: each follows its group into one part."""
    if groups is None:
        return list(owners)

    def all_of(part: Indices) -> Indices:
        return np.flatnonzero(np.isin(groups, part))

    return [Owner(all_of(owner.train), all_of(owner.validation), all_of(owner.test)) for owner in owners]
