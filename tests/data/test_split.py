"""Every owner's parts are disjoint, complete, stratified, and the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedsky import checks
from fedsky.data import Photos
from fedsky.data.parts import divide
from fedsky.data.split import Indices, Owner, latest, members, split, units

SETTINGS = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**31)
folds = st.integers(3, 7)
labels_of = st.lists(st.integers(0, 3), min_size=21, max_size=90).map(lambda values: np.array(values, dtype=np.int64))


def two_shards(labels: Indices, seed: int) -> list[Indices]:
    """Two owners of unlike sizes."""
    order = np.random.default_rng(seed).permutation(len(labels))
    return [np.sort(order[: len(labels) // 3]), np.sort(order[len(labels) // 3 :])]


def parts(owner: Owner) -> list[Indices]:
    return [owner.train, owner.validation, owner.test]


def same(one: list[Owner], other: list[Owner]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(p, q) for a, b in pairs for p, q in zip(parts(a), parts(b), strict=True))


@SETTINGS
@given(labels_of, seeds, folds, st.data())
def test_parts_are_disjoint_sorted_and_complete(labels: Indices, seed: int, num: int, data: st.DataObject) -> None:
    chosen = data.draw(st.integers(1, num))
    shards = two_shards(labels, seed)
    for owner, shard in zip(split(labels, shards, f"{chosen}/{num}", seed), shards, strict=True):
        together = np.concatenate(parts(owner))
        assert len(set(together.tolist())) == len(together)
        np.testing.assert_array_equal(np.sort(together), shard)
        for part in parts(owner):
            assert np.all(np.diff(part) > 0)


@SETTINGS
@given(labels_of, seeds, folds)
def test_every_image_is_tested_once_and_validated_once_at_most_over_all_folds(
    labels: Indices, seed: int, num: int
) -> None:
    shards = two_shards(labels, seed)
    tested, validated = np.zeros(len(labels), dtype=int), np.zeros(len(labels), dtype=int)
    for chosen in range(1, num + 1):
        for owner in split(labels, shards, f"{chosen}/{num}", seed):
            tested[owner.test] += 1
            validated[owner.validation] += 1
    assert set(tested) == {1}
    assert validated.max() == 1


@SETTINGS
@given(labels_of, seeds, folds)
def test_folds_mirror_the_owners_label_mixture(labels: Indices, seed: int, num: int) -> None:
    shards = two_shards(labels, seed)
    by_fold = [split(labels, shards, f"{chosen}/{num}", seed) for chosen in range(1, num + 1)]
    for client in range(len(shards)):
        for part in ("test", "validation"):
            counts = np.array([np.bincount(labels[getattr(o[client], part)], minlength=4) for o in by_fold])
            assert np.ptp(counts, axis=0).max() <= 1
            assert np.ptp(counts.sum(axis=1)) <= 1


@SETTINGS
@given(labels_of, seeds)
def test_about_half_of_the_fold_tested_next_is_validated_on(labels: Indices, seed: int) -> None:
    shards = two_shards(labels, seed)
    for chosen in range(1, 6):
        owners = split(labels, shards, f"{chosen}/5", seed)
        after = split(labels, shards, f"{chosen % 5 + 1}/5", seed)
        for owner, following in zip(owners, after, strict=True):
            assert set(owner.validation) <= set(following.test)
            assert len(owner.validation) - len(following.test) / 2 in (0, 0.5)


def test_five_folds_are_70_10_20() -> None:
    labels = np.arange(100) % 2
    owner = split(labels, [np.arange(100)], "1/5", 0)[0]
    assert [len(part) for part in parts(owner)] == [70, 10, 20]
    assert [int(labels[part].sum()) for part in parts(owner)] == [35, 5, 10]


def test_of_few_photographs_one_is_tested_on_and_the_one_taken_before_validated_on() -> None:
    [four] = latest(np.array([3.0, 1.0, 2.0, 0.0]), [np.arange(4)], "1/5")
    assert [part.tolist() for part in parts(four)] == [[1, 3], [2], [0]]
    [one] = latest(np.zeros(1), [np.arange(1)], "1/5")
    assert [part.tolist() for part in parts(one)] == [[], [], [0]]


def test_the_pooled_folds_of_many_small_owners_are_alike_in_size() -> None:
    shards = list(np.arange(70).reshape(10, 7))
    labels = np.zeros(70, dtype=np.int64)
    pooled = [sum(len(owner.test) for owner in split(labels, shards, f"{chosen}/5", 0)) for chosen in range(1, 6)]
    assert pooled == [14] * 5


def test_an_owner_with_fewer_images_than_folds_is_refused_with_advice_that_works() -> None:
    labels = np.zeros(24, dtype=np.int64)
    photos = Photos(np.empty((24, 0)), labels, [str(number) for number in range(24)], ["a"], "")
    with pytest.raises(ValueError, match=r"client 1 has 4 images, .*data.fold=2/5.*set partition.min_examples=5 "):
        divide(photos, [np.arange(20), np.arange(20, 24)], "2/5", 0, "folds")
    assert all(len(part) for part in parts(split(labels, [np.arange(5)], "2/5", 0)[0]))


def test_the_seed_alone_decides() -> None:
    labels = np.random.default_rng(0).integers(0, 2, 200)
    shards = two_shards(labels, 0)
    assert same(split(labels, shards, "1/5", 3), split(labels, shards, "1/5", 3))
    assert not same(split(labels, shards, "1/5", 3), split(labels, shards, "1/5", 4))


def test_an_owners_parts_do_not_depend_on_the_other_owners() -> None:
    labels = np.random.default_rng(0).integers(0, 2, 200)
    shards = two_shards(labels, 0)
    whole = split(labels, shards, "2/5", 3)
    assert same(whole[:1], split(labels, shards[:1], "2/5", 3))
    assert same(whole[1:], split(labels, shards[1:], "2/5", 3, first=1)), "an owner's number goes with it"


@pytest.mark.parametrize(
    "fold", ["6/5", "0/5", "x", "1", "1/2", "-1/5", "1.5/5", "/5", "1/", "", "1/5/5", "²/5", "None"]
)
def test_a_fold_that_is_none_is_refused(fold: str) -> None:
    with pytest.raises(ValueError, match=f"data.fold={fold}: write k/5"):
        checks.fold(fold)


def test_folds_are_read() -> None:
    assert [checks.fold(fold) for fold in ("1/5", "5/5", "10/10", "3/3")] == [(1, 5), (5, 5), (10, 10), (3, 3)]


def test_groups_are_cut_in_place_of_their_photographs() -> None:
    groups, labels = np.array([0, 1, 0, 2, 1]), np.array([5, 6, 5, 7, 6])
    assert units(labels, groups).tolist() == [5, 6, 7] and units(labels, None) is labels
    shards = [np.array([0, 2]), np.array([1])]
    assert [found.tolist() for found in members(shards, groups)] == [[0, 2, 3], [1, 4]]
    assert members(shards, None) == shards
