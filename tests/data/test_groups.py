"""Photographs of one group have one owner and fall into one part; groups of one change nothing."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from fedsky.client.task import Task, specification
from fedsky.config import compose, resolve
from fedsky.data import Photos
from fedsky.data.parts import divide
from fedsky.data.split import Indices, Owner, members, split, units
from fedsky.partition import cut, dirichlet, iid, shards

SETTINGS = settings(max_examples=30, deadline=None)
PARTITIONS: dict[str, Any] = {"iid": iid, "shards": shards, "dirichlet": partial(dirichlet, alpha=1.0)}


def numbered(groups: list[int]) -> Indices:
    """The groups numbered by their first members."""
    order = list(dict.fromkeys(groups))
    return np.array([order.index(number) for number in groups], dtype=np.int64)


def owned(labels: Indices, groups: Indices | None, name: str, num_clients: int, seed: int, fold: str) -> list[Owner]:
    shards = members(cut(units(labels, groups), num_clients, PARTITIONS[name], seed, 3), groups)
    names = [str(number) for number in range(len(labels))]
    photos = Photos(np.empty((len(labels), 0)), labels, names, ["a", "b", "c"], "", groups=groups)
    return divide(photos, shards, fold, seed, "folds")


def parts(owners: list[Owner]) -> list[Indices]:
    return [part for owner in owners for part in (owner.train, owner.validation, owner.test)]


@SETTINGS
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2)), min_size=30, max_size=120),
    st.sampled_from(sorted(PARTITIONS)),
    st.integers(1, 4),
    st.integers(0, 99),
    st.sampled_from(["1/3", "2/3", "3/3"]),
)
def test_a_group_is_never_split(rows: list[tuple[int, int]], name: str, num_clients: int, seed: int, fold: str) -> None:
    groups, labels = numbered([number for number, _ in rows]), np.array([label for _, label in rows], dtype=np.int64)
    assume(groups.max() + 1 >= 10 * num_clients)
    try:
        found = parts(owned(labels, groups, name, num_clients, seed, fold))
    except ValueError:
        assume(False)
    together = np.concatenate(found)
    np.testing.assert_array_equal(np.sort(together), np.arange(len(labels)))
    place = np.empty(len(labels), dtype=int)
    for number, part in enumerate(found):
        assert np.all(np.diff(part) > 0)
        place[part] = number
    for number in range(int(groups.max()) + 1):
        assert len(set(place[groups == number].tolist())) == 1


@SETTINGS
@given(st.lists(st.integers(0, 2), min_size=30, max_size=90), st.sampled_from(sorted(PARTITIONS)), st.integers(0, 99))
def test_groups_of_one_change_no_byte(values: list[int], name: str, seed: int) -> None:
    labels = np.array(values, dtype=np.int64)
    without = parts(owned(labels, None, name, 2, seed, "1/3"))
    plain = parts(split(labels, cut(labels, 2, PARTITIONS[name], seed, 3), "1/3", seed))
    alone = parts(owned(labels, np.arange(len(labels)), name, 2, seed, "1/3"))
    for one, other, third in zip(without, plain, alone, strict=True):
        assert one.tobytes() == other.tobytes() == third.tobytes()


def test_a_groups_label_is_its_first_members() -> None:
    labels, groups = np.array([2, 0, 1, 1, 0]), np.array([0, 1, 0, 2, 1])
    assert units(labels, groups).tolist() == [2, 0, 1]
    assert units(labels, None) is labels


@pytest.mark.parametrize(("duplicates", "kept"), [("together", 60), ("drop", 40), ("keep", 60)])
def test_a_run_keeps_duplicates_with_one_owner_and_in_one_part(tmp_path: Path, duplicates: str, kept: int) -> None:
    for number in range(40):
        folder = tmp_path / "photos" / ("cloudy", "sunny")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(number).integers(0, 255, (6, 6, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:02d}.png")
        if number < 20:
            picture.save(folder / f"zz{number:02d}.jpg", quality=70)
    asked = [
        "data=folder",
        f"data.root={tmp_path / 'photos'}",
        f"data.cache={tmp_path / 'cache'}",
        "data.size=16",
        f"data.duplicates={duplicates}",
        "num_clients=3",
        "partition=iid",
    ]
    task = Task(specification(resolve(compose(asked)), tmp_path))
    place = {task.photos.names[i]: number for number, part in enumerate(parts(task.owners)) for i in part}
    assert len(place) == len(task.photos) == kept
    pairs = [(name, name.replace("zz", "").replace("jpg", "png")) for name in place if "zz" in name]
    parted = sum(place[copy] != place[original] for copy, original in pairs)
    assert len(pairs) == (0 if duplicates == "drop" else 20)
    assert parted > 5 if duplicates == "keep" else parted == 0
    assert json.loads(task.text)["data"]["duplicates"] == duplicates
