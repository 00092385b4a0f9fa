"""Photographs that are one and the same picture, byte by byte or by its looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedsky.data.duplicates import group
from fedsky.photographs.curate.pictures import Picture

EXACT, NEAR = "exact", "near"


@dataclass(frozen=True)
class Group:
    """Copies of one picture: kept is the index to keep, copies maps each other index to exact or near and its bits."""

    kept: int
    copies: dict[int, tuple[str, int]]

    @property
    def members(self) -> tuple[int, ...]:
        """All of the group, the kept one first."""
        return (self.kept, *self.copies)


def find_copies(pictures: Sequence[Picture]) -> list[Group]:
    """Groups of two or more: equal bytes, or near duplicates as training takes them, chained.

    Of a group the one with the most pixels, then the most bytes, then the first by name is kept.
    """
    numbers = group([each.look for each in pictures])
    groups = []
    for number in np.flatnonzero(np.bincount(numbers) > 1):
        members = [int(index) for index in np.flatnonzero(numbers == number)]
        groups.append(_group(pictures, members, min(members, key=lambda index: _worst_last(pictures[index]))))
    return groups


def prefer_likely(groups: Sequence[Group], pictures: Sequence[Picture], likely: NDArray[np.float64]) -> list[Group]:
    """The groups, of which those with unlike labels keep the copy whose own label is the likeliest, float64 [n]."""
    return [
        each
        if len({pictures[index].label for index in each.members}) == 1
        else _group(pictures, sorted(each.members), max(each.members, key=lambda index: likely[index]))
        for each in groups
    ]


def _group(pictures: Sequence[Picture], members: Sequence[int], kept: int) -> Group:
    best = pictures[kept]
    copies = {
        index: (
            EXACT if pictures[index].sha256 == best.sha256 else NEAR,
            int(np.bitwise_count(pictures[index].look.bits ^ best.look.bits)),
        )
        for index in members
        if index != kept
    }
    return Group(kept, copies)


def _worst_last(picture: Picture) -> tuple[int, int, str]:
    return -picture.width * picture.height, -picture.num_bytes, picture.file


def group_numbers(groups: Sequence[Group], num: int) -> list[int]:
    """A number for each of ``num`` photographs, the same for all copies of one picture."""
    numbers = list(range(num))
    for each in groups:
        for member in each.members:
            numbers[member] = each.kept
    return numbers
