"""What the models of several groups judged, as a table of entries: one a run that all of them have, and photograph."""

from collections.abc import Sequence
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
        key for key, result in group.results.items()
        if result.predictions is not None and (metric != "loss" or result.losses is not None)
    }  # fmt: skip


def shared_repetitions(groups: Sequence[Group]) -> Repetitions:
    """What of the runs that all groups have is independent; of the groups' shares of images the largest counts."""
    keys = [key for key in groups[0].results if all(key in group.results for group in groups)]
    found = [repetitions({key: group.results[key] for key in keys}) for group in groups]
    return replace(found[0], shared=_largest([each.shared for each in found]))


def _largest(shares: Sequence[float]) -> float:
    """The largest; NaN, which is unknown, if there is one."""
    return max(shares, key=lambda share: (share != share, share))


def entries_of(groups: Sequence[Group], metric: str = "balanced_accuracy") -> Entries | None:
    """The entries of the repetitions that all groups share; None where there are none.

    A photograph is a group of near duplicates where these are known, else an image; draws of the data have images of
    their own. A split is a fold or data_seed with test images of its own, and its runs are the seeds.
    """
    table = _table(groups, metric)
    return _entries(groups, table, metric) if len(table) else None


def entries_by_owner(groups: Sequence[Group]) -> dict[str, Entries]:
    """The entries of each owner's test images, by client number; every photograph counts alike, as in an accuracy."""
    table = _table(groups, "accuracy")
    if not len(table):
        return {}
    return {str(client): _entries(groups, part, "accuracy") for client, part in table.groupby("client", sort=True)}


def _table(groups: Sequence[Group], metric: str) -> pd.DataFrame:
    """One row a run and image, a column a group, and what makes it an entry."""
    repeated = shared_repetitions(groups)
    tables = []
    for key in sorted(set.intersection(*(judged(group, metric) for group in groups))):
        results = [group.results[key] for group in groups]
        frames = [result.predictions for result in results if result.predictions is not None]
        values = [result.losses for result in results] if metric == "loss" else [each["correct"] for each in frames]
        table = pd.concat(values, axis=1, keys=range(len(groups)), join="inner")
        about = frames[0].loc[table.index, ["label", "photograph", "client"]]
        split = "" if repeated.unit == "seed" else " ".join(map(str, (repeated.of[key], *key[1:3])))
        run = str(key) if repeated.unit == "seed" else str((key[0], *key[3:]))
        tables.append(table.assign(**about, draw=results[0].fingerprint, split=split, run=run))
    return pd.concat(tables) if tables else pd.DataFrame()


def _entries(groups: Sequence[Group], table: pd.DataFrame, metric: str) -> Entries:
    photograph: Numbers = np.asarray(table.groupby(["draw", "photograph"], sort=True).ngroup(), dtype=np.int64)
    label, split, run = (np.unique(table[name].to_numpy(str), return_inverse=True)[1].astype(np.int64)
                         for name in ("label", "split", "run"))  # fmt: skip
    strata: Numbers = label if metric == "balanced_accuracy" else np.zeros_like(label)
    values = table[list(range(len(groups)))].to_numpy(np.float64).T
    shared = _largest([test_share(group.results) for group in groups]) if len(np.unique(split)) > 1 else 0.0
    return Entries(values, balanced(strata, photograph), strata, photograph, split, run, shared)
