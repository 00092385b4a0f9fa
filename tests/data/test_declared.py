"""However owners, parts, groups and dates are declared: parts are disjoint, complete, as declared, and groups whole."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fedsky.data import Owner
from fedsky.data.declared import declared, fingerprint, joined, joining
from fedsky.data.manifest import PARTS, Row
from fedsky.data.owners import load

SETTINGS = settings(max_examples=40, deadline=None)
SEEDS = st.integers(0, 2**31)


def drawn(seed: int) -> list[Any]:
    """Rows of label, owner, part, group and taken, and then the group of near duplicates of each."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(40, 90))
    declares = rng.random(2) * [0.5, 0.3]  # how much is said of parts and of groups
    rows = []
    for _ in range(n):
        part = str(rng.choice(PARTS)) if rng.random() < declares[0] else ""
        group = str(rng.choice([*"uvwxyz"])) if rng.random() < declares[1] else ""
        rows.append([int(rng.integers(2)), str(rng.choice([*"ABC"])), "" if group else part, group, rng.random()])
    copies = rng.integers(0, 400, n).tolist()
    order = list(dict.fromkeys(copies))
    return [[*row, order.index(copy)] for row, copy in zip(rows, copies, strict=True)]


def spec(rows: list[Any], **more: Any) -> dict[str, Any]:
    data = {"_target_": "owned_photographs.photos", "rows": json.dumps(rows), "fold": "1/5"}
    partition = {"_target_": f"fedsky.partition.{more.pop('partition', 'natural')}", "min_examples": 1}
    return {
        "data": data | {key: more.pop(key) for key in ("split",) if key in more},
        "partition": partition | ({"owners": more.pop("owners")} if "owners" in more else {}),
        "num_clients": None,
        "data_seed": 0,
    } | more


def place_of(owners: list[Owner], n: int) -> tuple[list[int | None], list[str | None]]:
    """Whose each photograph is and in which part; no photograph is met twice."""
    whose: list[int | None] = [None] * n
    part: list[str | None] = [None] * n
    for client, owner in enumerate(owners):
        for name in PARTS:
            for index in getattr(owner, name).tolist():
                assert whose[index] is None, "in two places"
                whose[index], part[index] = client, name
    return whose, part


@SETTINGS
@given(SEEDS, st.sampled_from(["folds", "time"]), st.sampled_from([["A", "B", "C"], ["A", "C"], ["B"]]))
@pytest.mark.parametrize("partition", ["natural", "iid"])
def test_parts_are_disjoint_complete_as_declared_and_groups_whole(
    partition: str, seed: int, way: str, names: list[str]
) -> None:
    rows = drawn(seed)
    more: dict[str, Any] = {"owners": names} if partition == "natural" else {"num_clients": 3}
    asked = spec(rows, partition=partition, split=way, **more)
    try:
        found, owners = load(asked)
    except ValueError as error:  # too much is declared of one owner
        if "has no photograph to" not in str(error):
            raise
        assume(False)
    whose, part = place_of(owners, len(rows))
    for index, (_, owner, said, *_) in enumerate(rows):
        if partition == "natural":
            client = whose[index]
            assert (owners[client].name if client is not None else None) == (owner if owner in names else None)
        else:
            assert whose[index] is not None
        if said and part[index] is not None:
            assert part[index] == said
    groups = np.arange(len(rows)) if found.groups is None else found.groups
    for number in np.unique(groups):
        members = np.flatnonzero(groups == number).tolist()
        assert partition == "natural" or len({whose[index] for index in members}) == 1
        if len({rows[index][2] for index in members} - {""}) < 2:  # copies may be declared to be in several
            assert len({part[index] for index in members} - {None}) <= 1
    for group in "uvwxyz":
        assert len({int(groups[index]) for index, row in enumerate(rows) if row[3] == group}) <= 1
    again = load(asked)[1]
    assert all(np.array_equal(getattr(a, p), getattr(b, p)) for a, b in zip(owners, again, strict=True) for p in PARTS)


@SETTINGS
@given(SEEDS)
def test_the_latest_photographs_of_each_owner_are_tested_on(seed: int) -> None:
    rows = [[label, owner, "", "", taken, place] for place, (label, owner, *_, taken, _) in enumerate(drawn(seed))]
    for owner in load(spec(rows, split="time"))[1]:
        dates = [np.array([rows[index][4] for index in getattr(owner, name)]) for name in PARTS]
        assert dates[0].max() <= dates[1].min() and dates[1].max() <= dates[2].min()
        n = sum(map(len, dates))
        assert [len(part) for part in dates[1:]] == [max(1, round(n / 10)), max(1, round(n / 5))]


def test_an_owners_declared_test_is_its_only_one_and_one_in_ten_of_the_others_validates() -> None:
    rows = [(n % 2, "AB"[n // 50], "test" if n % 50 < 10 else "", "", None, n) for n in range(100)]
    for number, owner in enumerate(load(spec(rows))[1]):
        assert owner.test.tolist() == list(range(50 * number, 50 * number + 10))
        assert (len(owner.train), len(owner.validation)) == (36, 4)


def test_a_group_of_several_owners_is_in_one_part_and_stays_with_each() -> None:
    rows = [(n % 2, "AB"[n // 20], "", "g" if n % 20 < 2 else "", None, n) for n in range(40)]
    for fold in range(1, 6):
        asked = spec(rows)
        asked["data"]["fold"] = f"{fold}/5"
        whose, part = place_of(load(asked)[1], 40)
        assert [whose[index] for index in (0, 1, 20, 21)] == [0, 0, 1, 1]
        assert len({part[index] for index in (0, 1, 20, 21)}) == 1


def test_what_nobody_declares_changes_nothing() -> None:
    rows = [Row("a", f"{n}.png", Path()) for n in range(4)]
    groups = np.array([0, 1, 1, 2])
    assert declared(rows) is None and joined(rows, None) is None and joined(rows, groups) is groups
    assert fingerprint("abc", rows) == "abc"
    others = [Row("a", f"{n}.png", Path(), owner="A") for n in range(4)]
    marks = {fingerprint("abc", each) for each in (rows, others, [*others[:3], Row("a", "3.png", Path(), owner="B")])}
    assert len(marks) == 3, "a run does not go on with photographs that are another owner's now"


def test_declared_groups_and_near_duplicates_join() -> None:
    rows = [Row("a", f"{n}.png", Path(), group=group) for n, group in enumerate(["x", "", "x", "y", "y", ""])]
    made = joined(rows, np.array([0, 1, 2, 1, 3, 4]))
    assert made is not None and made.tolist() == [0, 1, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("owners", "asked", "found"),
    [
        (["A", "B", "C"], None, [0, 1, 2]),
        (["A", "B", "C"], ["C", "A"], [0, 2]),
        (["A", "B", "C"], [0, 2], [0, 2]),
        (["", "", ""], [2], [2]),
        (["1", "2", "3"], [1, 2], [0, 1]),
        (["A", "B"], "B", [1]),
    ],
)
def test_owners_join_by_name_or_number(owners: list[str], asked: object, found: list[int]) -> None:
    assert joining(owners, asked) == found


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (["A", "D"], "partition.owners=[A,D]: there is no D; choose of A, B, C"),
        ([0, 3], "partition.owners=[0,3]: there is no 0; choose of A, B, C"),
        ([], "partition.owners=[]: each once, one at least; choose of A, B, C"),
        (["A", "A"], "partition.owners=[A,A]: each once, one at least; choose of A, B, C"),
    ],
)
def test_owners_that_are_not_there_are_refused(asked: list[Any], line: str) -> None:
    with pytest.raises(ValueError) as raised:
        joining(["A", "B", "C"], asked)
    assert str(raised.value) == line
