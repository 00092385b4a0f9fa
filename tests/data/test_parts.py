"""Parts in the order of time, and what is told of declared owners and parts, line by line."""

from collections.abc import Sequence

import numpy as np

from fedsky.data import Photos
from fedsky.data.declared import Declared
from fedsky.data.parts import divide, remarks
from fedsky.data.split import Owner


def owner(name: str, train: Sequence[int], test: Sequence[int]) -> Owner:
    return Owner(np.array(train, dtype=np.int64), np.array([], dtype=np.int64), np.array(test, dtype=np.int64), name)


def photos(labels: Sequence[int], groups: Sequence[int], declared: Declared) -> Photos:
    names = [f"{number}.png" for number in range(len(labels))]
    return Photos(
        np.empty((len(labels), 0)),
        np.array(labels),
        names,
        ["cloudy", "sunny", "foggy"],
        "",
        groups=np.array(groups),
        declared=declared,
    )


def told(groups: Sequence[int]) -> list[str]:
    owners = [owner("Ada", [0, 1], []), owner("Bo", [2], [3]), owner("Di", [], [4, 5])]
    return list(remarks(photos([0, 1, 0, 1, 0, 0], groups, Declared(["Ada", "Bo", "Di"])), owners))


def test_of_which_classes_owners_have_none_and_what_two_of_them_share() -> None:
    missing, shared, leak = told([0, 1, 2, 3, 4, 1])
    assert missing.startswith("owner Di has no photograph of sunny: a model that it trains alone never says so")
    assert shared.startswith("owners Ada and Di share 1 picture (near duplicates, or one group; first 1.png and 5.png)")
    assert leak.startswith("1 picture is declared to train and to test with (first 1.png and 5.png): that test is too")
    _, shared, leak = told([0, 1, 2, 3, 1, 0])
    assert shared.startswith("owners Ada and Di share 2 pictures (near duplicates, or one group; first 0.png and 5.png")
    assert leak.startswith("2 pictures are declared to train and to test with (first 0.png and 5.png): that test")
    [_missing] = told([0, 1, 2, 3, 4, 5])


def test_in_the_order_of_time_a_group_is_as_late_as_its_last_photograph() -> None:
    """The first and the last of six are one group: of five groups it is the latest."""
    dated = photos([0] * 6, [0, 1, 2, 3, 4, 0], Declared(taken=np.arange(6.0)))
    [found] = divide(dated, [np.arange(6)], "1/5", 0, "time")
    assert [part.tolist() for part in (found.train, found.validation, found.test)] == [[1, 2, 3], [4], [0, 5]]
