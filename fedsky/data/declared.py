"""What is declared of photographs: whose each is, its part, what it must not be parted from, when it was taken."""

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedsky.data.manifest import PARTS, Row

Indices = NDArray[np.int64]
OPEN = -1  # in place of a part: the split decides


@dataclass(frozen=True)
class Declared:
    """Of n photographs, whatever is said of them; None where nothing is.

    owners: their names, empty for numbers alone; whose: int64 [n], places in owners; part: int64 [n], places in PARTS
    or OPEN; taken: float64 [n], seconds since 1970, NaN where it is not known.
    """

    owners: Sequence[str] = ()
    whose: Indices | None = None
    part: Indices | None = None
    taken: NDArray[np.float64] | None = None


def declared(rows: Sequence[Row]) -> Declared | None:
    """What the rows of photographs say, in their order; None where they say nothing."""
    owners = sorted({row.owner for row in rows if row.owner})
    _refuse_alike(owners)
    place = {name: number for number, name in enumerate(owners)}
    part = np.array([PARTS.index(row.part) if row.part else OPEN for row in rows], dtype=np.int64)
    taken = np.array([row.taken for row in rows], dtype=np.float64)
    told = Declared(
        owners,
        np.array([place[row.owner] for row in rows], dtype=np.int64) if owners else None,
        part if (part != OPEN).any() else None,
        taken if np.isfinite(taken).any() else None,
    )
    return None if told.whose is None and told.part is None and told.taken is None else told


def _refuse_alike(owners: Sequence[str]) -> None:
    """Raises ValueError where two owners are one name, but for its case or for how its letters are encoded."""
    seen: dict[str, str] = {}
    for name in owners:
        first = seen.setdefault(unicodedata.normalize("NFKC", name).casefold(), name)
        if first != name:
            raise ValueError(
                f"owners {first!a} and {name!a} are one name but for case, or for how their letters are "
                "encoded: write it in one way"
            )


def joined(rows: Sequence[Row], groups: Indices | None) -> Indices | None:
    """Groups of near duplicates and those that rows declare as one: what either keeps together stays together.

    int64 [n], numbered by the first member; ValueError where a declared group has photographs of unlike parts.
    """
    parts: dict[str, Row] = {}
    for row in (row for row in rows if row.group and row.part):
        first = parts.setdefault(row.group, row)
        if first.part != row.part:
            raise ValueError(
                f"group {row.group} has {first.name} to {first.part} and {row.name} to {row.part} with: give all of a "
                "group one part"
            )
    names = {name: number for number, name in enumerate(sorted({row.group for row in rows if row.group}))}
    if not names:
        return groups
    from scipy.sparse import coo_array  # here alone: every process of a run would wait for them
    from scipy.sparse.csgraph import connected_components

    n = len(rows)
    own = np.arange(n, dtype=np.int64) if groups is None else groups
    named = np.array([place for place, row in enumerate(rows) if row.group], dtype=np.int64)
    # A graph of photographs, groups of near duplicates and declared groups: what hangs together is a group.
    ends = np.concatenate([n + own, 2 * n + np.array([names[rows[place].group] for place in named], dtype=np.int64)])
    starts = np.concatenate([np.arange(n), named])
    size = 2 * n + len(names)
    graph = coo_array((np.ones(len(starts), dtype=bool), (starts, ends)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][:n]
    _, first_of, inverse = np.unique(component, return_index=True, return_inverse=True)
    made: Indices = np.argsort(np.argsort(first_of))[inverse].astype(np.int64)
    return None if len(np.unique(made)) == n else made


def fingerprint(photographs: str, rows: Sequence[Row]) -> str:
    """The fingerprint of photographs and what their rows declare: the photographs' own where that is nothing."""
    said = [[row.owner, row.part, row.group, None if np.isnan(row.taken) else row.taken] for row in rows]
    if not any(any(line) for line in said):
        return photographs
    return hashlib.sha256(json.dumps([photographs, said]).encode()).hexdigest()[:16]


def joining(owners: Sequence[str], asked: object) -> list[int]:
    """The places of the owners that ``partition.owners`` names, by name or by number, in the owners' order; null: all.

    ValueError where one is not there.
    """
    if asked is None:
        return list(range(len(owners)))
    names = [name or str(number) for number, name in enumerate(owners)]
    wanted = [str(each) for each in asked] if isinstance(asked, list | tuple) else [str(asked)]
    numbers = [int(each) for each in wanted if each.isdecimal() and int(each) < len(names)]
    if not set(wanted) <= set(names) and len(numbers) == len(wanted):
        wanted = [names[number] for number in numbers]
    strange = [each for each in wanted if each not in names]
    if strange or not wanted or len(set(wanted)) < len(wanted):
        why = f"there is no {strange[0]}" if strange else "each once, one at least"
        raise ValueError(f"partition.owners=[{','.join(wanted)}]: {why}; choose of {', '.join(names)}")
    return [number for number, name in enumerate(names) if name in wanted]
