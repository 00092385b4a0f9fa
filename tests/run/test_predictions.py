"""predictions.csv: near duplicates are told by a number that they share."""

import csv
import io
from types import SimpleNamespace
from typing import Any

import numpy as np

from fedsky.run.rows import predictions_csv


def lines(groups: Any) -> list[dict[str, str]]:
    photos = SimpleNamespace(
        classes=("cloudy", "sunny"), groups=groups, names=["a", "b", "c", "d"], labels=np.array([0, 1, 1, 0])
    )
    work: Any = SimpleNamespace(photos=photos, owners=[SimpleNamespace(test=[0, 2]), SimpleNamespace(test=[1])])
    judged: Any = SimpleNamespace(predictions=[np.log([[0.75, 0.25], [0.5, 0.5]]), np.log([[0.1, 0.9]])])
    text = predictions_csv(work, judged)
    assert text.splitlines()[0] == "image,client,label,predicted,probability_cloudy,probability_sunny,group"
    return list(csv.DictReader(io.StringIO(text)))


def test_a_photograph_alone_has_no_group_and_near_duplicates_share_one() -> None:
    rows = lines(np.array([0, 1, 0, 2]))
    assert [(row["image"], row["client"], row["group"]) for row in rows] == [
        ("a", "0", "0"),
        ("c", "0", "0"),
        ("b", "1", ""),
    ]
    assert rows[0] == {
        "image": "a",
        "client": "0",
        "label": "cloudy",
        "predicted": "cloudy",
        "probability_cloudy": "0.750000",
        "probability_sunny": "0.250000",
        "group": "0",
    }


def test_without_near_duplicates_the_column_is_empty() -> None:
    assert [row["group"] for row in lines(None)] == ["", "", ""]
