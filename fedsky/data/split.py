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
    """One client's photographs, as sorted index arrays into the whole: train, validation and test are disjoint.

    name: what the data call the owner; empty where they do not.
    """

    train: Indices
    validation: Indices
    test: Indices
    name: str = ""


def split(labels: NDArray[np.int64], shards: Sequence[Indices], fold: str, seed: int, first: int = 0) -> list[Owner]:
    """Every owner's parts: fold k is tested on, half of the next one validated on, the others trained on.

    Each owner's photographs are shuffled, class by class, and dealt to the folds in turn, so that every fold mirrors
    the owner's label mixture and the folds' sizes differ by one at most. With 5 folds this is 70/10/20. Over all k
    every photograph is tested once. The same ``seed`` gives the same folds. first: the number of the first owner.
    """
    chosen, num_folds = checks.fold(fold)
    owners = []
    for client, shard in enumerate(shards, first):
        rng = np.random.default_rng([seed, 1, client])
        dealt: list[Any] = [rng.permutation(shard[labels[shard] == label]) for label in np.unique(labels[shard])]
        order = np.concatenate([shard[:0], *dealt])
        # Starting with another fold at each owner keeps the pooled folds alike in size too.
        place = np.arange(len(order))
        part, turn = (place + client) % num_folds, place // num_folds
        test, validation = part == chosen - 1, (part == chosen % num_folds) & (turn % 2 == 0)
        owners.append(Owner(np.sort(order[~(test | validation)]), np.sort(order[validation]), np.sort(order[test])))
    return owners


def latest(taken: NDArray[np.float64], shards: Sequence[Indices], fold: str) -> list[Owner]:
    """Every owner's parts in the order of time: the latest are tested on, those before validated on.

    taken: [n]. The parts are as large as ``split`` makes them: with 5 folds 70/10/20, of which 1/5 alone is there.
    """
    _, num_folds = checks.fold(fold)
    owners = []
    for shard in shards:
        order = shard[np.lexsort((shard, taken[shard]))]
        num_test = min(len(shard), max(1, round(len(shard) / num_folds)))
        num_validation = min(len(shard) - num_test, max(1, round(len(shard) / (2 * num_folds))))
        ends = np.cumsum([len(shard) - num_test - num_validation, num_validation])
        train, validation, test = (np.sort(part) for part in np.split(order, ends))
        owners.append(Owner(train, validation, test))
    return owners


def units(labels: NDArray[np.int64], groups: Indices | None) -> NDArray[np.int64]:
    """One label per group, its first member's, to be cut in place of the photographs.

    groups: int64 [n], numbered 0, 1, ... by the first member; None where every photograph is a group of its own.
    """
    return labels if groups is None else labels[np.unique(groups, return_index=True)[1]]


def members(shards: Sequence[Indices], groups: Indices | None) -> list[Indices]:
    """Shards of groups as shards of all the groups' photographs."""
    return list(shards) if groups is None else [np.flatnonzero(np.isin(groups, shard)) for shard in shards]
