"""What the models of several groups judged, as tables of entries: one a run that all of them have, and photograph."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from .crossed import Entries, Numbers, balanced
from .groups import Group, repetitions, test_share
from .results import Key
from .statistics import Repetitions


def judged(group: Group, metric: str = "balanced_accuracy") -> set[Key]:
    """The repetitions of which it is known what each test image was taken for; for a loss, with its probability."""
    return {
        key
        for key, result in group.results.items()
        if result.predictions is not None and (metric != "loss" or result.losses is not None)
    }


def shared_repetitions(groups: Sequence[Group]) -> Repetitions:
    """What of the runs that all groups have is independent; of the groups' shares of images the largest counts."""
    keys = [key for key in groups[0].results if all(key in group.results for group in groups)]
    found = [repetitions({key: group.results[key] for key in keys}) for group in groups]
    return replace(found[0], shared=_largest([each.shared for each in found]))


def _largest(shares: Sequence[float]) -> float:
    """The largest; NaN, which is unknown, if there is one."""
    return max(shares, key=lambda share: (share != share, share))


def entries_of(groups: Sequence[Group], metric: str = "balanced_accuracy") -> list[tuple[list[Group], Entries]]:
    """The entries of the repetitions that all groups share, none where there are none.

    Groups that were tested on the same images in every run have one table; those whose settings cut the photographs in
    other ways have tables of their own, in which a photograph has the same number.

    A photograph is a group of near duplicates where these are known, else an image; draws of the data have images of
    their own. A split is a fold or data_seed with test images of its own, and its runs are the seeds.
    """
    keys = sorted(set.intersection(*(judged(group, metric) for group in groups)))
    if not keys:
        return []
    alike: dict[tuple[object, ...], list[Group]] = {}
    for group in groups:
        tested = ((group.results[key].fingerprint, group.results[key].test_images) for key in keys)
        alike.setdefault(tuple(tested), []).append(group)
    members = list(alike.values())
    tables = [_table(each, keys, metric) for each in members]
    return list(zip(members, _numbered(members, tables, metric), strict=True))


def entries_together(
    groups: Sequence[Group], metric: str = "balanced_accuracy", clients: Collection[int] | None = None
) -> Entries | None:
    """The one table of groups that were all tested on the same images, of these clients' images; None without any."""
    found = entries_of(groups, metric)
    if len(found) != 1 or clients is None:
        return found[0][1] if len(found) == 1 else None
    table = _table(groups, sorted(set.intersection(*(judged(group, metric) for group in groups))), metric)
    table = table[table["client"].isin([str(client) for client in clients])]
    return _numbered([groups], [table], metric)[0] if len(table) else None


def entries_by_owner(groups: Sequence[Group]) -> dict[str, Entries]:
    """The entries of each owner's test images, by client number; every photograph counts alike, as in an accuracy."""
    keys = sorted(set.intersection(*(judged(group) for group in groups)))
    if not keys:
        return {}
    parts = {str(client): part for client, part in _table(groups, keys, "accuracy").groupby("client", sort=True)}
    return {client: _numbered([groups], [part], "accuracy")[0] for client, part in parts.items()}


def _table(groups: Sequence[Group], keys: Sequence[Key], metric: str) -> pd.DataFrame:
    """One row a run and image, a column a group, and what makes it an entry."""
    repeated = shared_repetitions(groups)
    tables = []
    for key in keys:
        results = [group.results[key] for group in groups]
        frames = [result.predictions for result in results if result.predictions is not None]
        values = [result.losses for result in results] if metric == "loss" else [each["correct"] for each in frames]
        table = pd.concat(values, axis=1, keys=range(len(groups)), join="inner")
        about = frames[0].loc[table.index, ["label", "photograph", "client"]]
        split = "" if repeated.unit == "seed" else " ".join(map(str, (repeated.of[key], *key[1:3])))
        run = str(key) if repeated.unit == "seed" else str((key[0], *key[3:]))
        tables.append(table.assign(**about, draw=results[0].fingerprint, split=split, run=run))
    return pd.concat(tables)


def _numbered(members: Sequence[Sequence[Group]], tables: Sequence[pd.DataFrame], metric: str) -> list[Entries]:
    """The tables as entries, with one number for a photograph in all of them."""
    named = pd.concat([table[["draw", "photograph"]] for table in tables])
    numbers = np.asarray(named.groupby(["draw", "photograph"], sort=True).ngroup(), dtype=np.int64)
    places = np.split(numbers, np.cumsum([len(table) for table in tables])[:-1])
    return [_entries(groups, table, own, metric) for groups, table, own in zip(members, tables, places, strict=True)]


def _entries(groups: Sequence[Group], table: pd.DataFrame, photograph: Numbers, metric: str) -> Entries:
    label, split, run = (
        np.unique(table[name].to_numpy(str), return_inverse=True)[1].astype(np.int64)
        for name in ("label", "split", "run")
    )
    strata: Numbers = label if metric == "balanced_accuracy" else np.zeros_like(label)
    values = table[list(range(len(groups)))].to_numpy(np.float64).T
    shared = _largest([test_share(group.results) for group in groups]) if len(np.unique(split)) > 1 else 0.0
    return Entries(values, balanced(strata, photograph), strata, photograph, split, run, shared)
