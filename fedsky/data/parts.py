"""Every owner's training, validation and test photographs: what is declared stays, groups stay whole."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fedsky import checks
from fedsky.checks import listed
from fedsky.data.declared import OPEN
from fedsky.data.manifest import PARTS
from fedsky.data.photos import Photos
from fedsky.data.split import Indices, Owner, latest, split

TRAIN = PARTS.index("train")
LEAVE_OUT = "leave the owner out with +partition.owners=[...]"


def divide(
    photos: Photos,
    shards: Sequence[Indices],
    fold: str,
    seed: int,
    by: str,
    names: Sequence[str] | None = None,
    first: int = 0,
) -> list[Owner]:
    """The three parts of every owner's photographs, ``shards``; names: what the data call owners of their own.

    first: the number of the first of them, of an owner whose photographs are all that is here.

    A declared part is kept, and what is in one group with it follows. The rest is split by folds or by time, a group as
    one: where several owners have it, as the first of them has it. An owner with declared test photographs gets no
    others to test with; likewise for validation. ValueError where an owner has none to train or to test with.
    """
    called = [f"owner {name or place}" for place, name in enumerate(names or ())]
    groups = np.arange(len(photos)) if photos.groups is None else photos.groups
    told = photos.declared.part if photos.declared is not None else None
    told = np.full(len(photos), OPEN) if told is None else told
    of_group = np.full(len(photos), OPEN)
    for index in np.flatnonzero(told != OPEN)[::-1]:  # so that the first one's counts
        of_group[groups[index]] = told[index]
    part = np.where(told == OPEN, of_group[groups], told)
    open_units = [_units(shard[part[shard] == OPEN], groups) for shard in shards]
    for client, (shard, open_ones) in enumerate(zip(shards, open_units, strict=True)):
        if (told[shard] == OPEN).all():
            _check_size(len(open_ones), fold, called[client] if called else "", client)
    if by == "folds":
        dealt = split(photos.labels, open_units, fold, seed, first)
    else:
        dealt = latest(_last(photos, groups, open_units, fold), open_units, fold)
    for shard, owner in reversed([*zip(shards, dealt, strict=True)]):  # so that the first owner's counts
        for place, name in enumerate(PARTS):
            has_own = place != TRAIN and (told[shard] == place).any()
            of_group[groups[getattr(owner, name)]] = TRAIN if has_own else place
    part = np.where(part == OPEN, of_group[groups], part)
    owners = []
    for shard, name in zip(shards, names or [""] * len(shards), strict=True):
        train, validation, test = (np.sort(shard[part[shard] == place]) for place in range(len(PARTS)))
        owners.append(Owner(train, validation, test, name))
    _check_parts(owners, called or [f"client {client}" for client in range(len(shards))])
    return owners


def _units(shard: Indices, groups: Indices) -> Indices:
    """The first photograph of every group that an owner has."""
    return np.sort(shard[np.unique(groups[shard], return_index=True)[1]])


def _last(photos: Photos, groups: Indices, units: Sequence[Indices], fold: str) -> NDArray[np.float64]:
    """When the last photograph of each one's group was taken; ValueError where that is not known."""
    if checks.fold(fold)[0] != 1:
        raise ValueError(f"data.fold={fold}: with data.split=time there is one part to test on, the latest: set 1/5")
    taken = photos.declared.taken if photos.declared is not None else None
    taken = np.full(len(photos), np.nan) if taken is None else taken
    for unit in units:
        if len(unknown := unit[np.isnan(taken[unit])]):
            raise ValueError(
                f"data.split=time: {photos.names[unknown[0]]} has no date ({len(unknown)} of its owner have none): "
                "fill in the column taken of manifest.csv, or set data.split=folds"
            )
    last = np.full(len(photos), -np.inf)
    np.maximum.at(last, groups, np.where(np.isnan(taken), -np.inf, taken))
    return np.asarray(last[groups])


def _check_size(num: int, fold: str, owner: str, client: int) -> None:
    num_folds = checks.fold(fold)[1]
    if num >= num_folds:
        return
    if owner:
        remedy = f"add some, write their part into a manifest.csv, or {LEAVE_OUT}"
        raise ValueError(
            f"{owner} has {num} photographs (copies as one), too few for {num_folds} folds (data.fold={fold}): {remedy}"
        )
    raise ValueError(
        f"client {client} has {num} images, too few for {num_folds} folds (data.fold={fold}): "
        f"set partition.min_examples={num_folds} or ask for fewer clients"
    )


def _check_parts(owners: Sequence[Owner], called: Sequence[str]) -> None:
    for owner, who in zip(owners, called, strict=True):
        for name in ("train", "test"):
            if not len(getattr(owner, name)):
                remedy = "add some, or leave parts in manifest.csv empty, for data.fold to decide"
                raise ValueError(f"{who} has no photograph to {name} with: {remedy}")
    if not any(len(owner.validation) for owner in owners):
        raise ValueError(
            "no owner has a photograph to validate with, which is what chooses the best round: write part=validation "
            "for some, or leave the part of those to train with empty, of which one in ten is taken then"
        )


def remarks(photos: Photos, owners: Sequence[Owner]) -> Iterator[str]:
    """What a person should know of declared owners and parts, and what can be done about it, a line each."""
    own = [np.concatenate([owner.train, owner.validation, owner.test]) for owner in owners]
    if owners[0].name:
        yield from _missing(photos, owners, own)
    if photos.groups is not None and photos.declared is not None:
        for (one, mine), (other, its) in combinations(zip(owners, own, strict=True), 2):
            yield from _shared(photos, one.name, mine, other.name, its)
        yield from _leaks(photos, owners)


def _missing(photos: Photos, owners: Sequence[Owner], own: Sequence[Indices]) -> Iterator[str]:
    everything = np.unique(photos.labels[np.concatenate(own)])
    for owner, mine in zip(owners, own, strict=True):
        if missing := [photos.classes[label] for label in everything if label not in photos.labels[mine]]:
            yield (
                f"owner {owner.name} has no photograph of {listed(missing)}: a model that it trains alone never says "
                f"so, and its balanced accuracy is over the classes that it has; add some, or {LEAVE_OUT}"
            )


def _shared(photos: Photos, one: str, mine: Indices, other: str, its: Indices) -> Iterator[str]:
    assert photos.groups is not None
    shared = np.intersect1d(photos.groups[mine], photos.groups[its])
    if len(shared):
        first, second = (photos.names[each[photos.groups[each] == shared[0]].min()] for each in (mine, its))
        yield (
            f"owners {one} and {other} share {len(shared)} picture{'s' * (len(shared) > 1)} (near duplicates, or one "
            f"group; first {first} and {second}): both keep theirs, in one part, so that none is trained on here and "
            "tested on there; data.duplicates=drop leaves one of each"
        )


def _leaks(photos: Photos, owners: Sequence[Owner]) -> Iterator[str]:
    assert photos.groups is not None
    train, test = (np.concatenate([getattr(owner, part) for owner in owners]) for part in ("train", "test"))
    both = np.intersect1d(photos.groups[train], photos.groups[test])
    if len(both):
        first, second = (photos.names[part[photos.groups[part] == both[0]].min()] for part in (train, test))
        yield (
            f"{len(both)} picture{'s are' if len(both) > 1 else ' is'} declared to train and to test with (first "
            f"{first} and {second}): that test is too easy; give near duplicates one part, or set data.duplicates=drop"
        )
