"""An owner among others finds in its own photographs the parts that it would have in everybody's."""

from pathlib import Path
from typing import Any

import federation as support
import numpy as np
import pytest

from fedsky.data.owners import load
from fedsky.engine.travelling import labels_alone, travelling

DATA: dict[str, Any] = {
    "_target_": "fedsky.data.folder.load",
    "size": 16,
    "fold": "2/5",
    "duplicates": "together",
    "distance": 8,
}
SPEC: dict[str, Any] = {
    "data": DATA,
    "partition": {"_target_": "fedsky.partition.natural", "min_examples": 1},
    "num_clients": None,
    "data_seed": 3,
    "model": {},
    "states": "/somewhere",
}


def own(root: Path, client: int, **more: Any) -> Any:
    data = {**DATA, "root": str(root / support.OWNERS[client])}
    return load({**SPEC, "data": data, "client": client, "names": list(support.OWNERS), **more})


def test_parts_and_labels_are_those_of_all_together(tmp_path: Path) -> None:
    support.draw_photographs(tmp_path)
    for path in (tmp_path / "B" / "cloudy").iterdir():  # an owner of one class
        path.rename(tmp_path / "A" / "cloudy" / f"b-{path.name}")
    (tmp_path / "B" / "cloudy").rmdir()
    everything, owners = load({**SPEC, "data": {**DATA, "root": str(tmp_path)}})
    for client, owner in enumerate(owners):
        photos, mine = own(tmp_path, client, classes=list(everything.classes))
        assert [len(each.train) for place, each in enumerate(mine) if place != client] == [0, 0]
        for part in ("train", "validation", "test"):
            here, there = getattr(mine[client], part), getattr(owner, part)
            assert np.array_equal(photos.pixels[here], everything.pixels[there])
            assert np.array_equal(photos.labels[here], everything.labels[there])


def test_the_server_knows_labels_alone() -> None:
    answers = [
        {"classes": ["b"], "fingerprint": "1", "train": {"b": 2}, "validation": {}, "test": {"b": 1}},
        {
            "classes": ["a", "b"],
            "fingerprint": "2",
            "train": {"a": 1, "b": 1},
            "validation": {"a": 1},
            "test": {"a": 1},
        },
    ]
    photos, owners = labels_alone(answers, ["A", "B"], 16)
    assert photos.classes == ["a", "b"] and photos.pixels.shape == (7, 3, 16, 16) and not photos.pixels.any()
    assert [list(photos.labels[owner.train]) for owner in owners] == [[1, 1], [0, 1]]
    assert [owner.name for owner in owners] == ["A", "B"]
    again, _ = labels_alone([answers[0], {**answers[1], "fingerprint": "3"}], ["A", "B"], 16)
    assert again.fingerprint != photos.fingerprint, "one owner's photographs are others"


def test_no_path_travels() -> None:
    text = travelling({**SPEC, "data": {**DATA, "root": None, "cache": "/home/x", "cache_gb": 10}}, ["A", "B"])
    assert "/" not in text.replace(DATA["fold"], "").replace("fedsky.", "")
    for change, told in (
        ({"data": {**DATA, "root": "x"}}, "data.root=x"),
        ({"num_clients": 3}, "num_clients=3"),
        ({"model": {"init": "x"}}, "model.init"),
        ({"partition": {"_target_": "fedsky.partition.iid"}}, "natural"),
    ):
        with pytest.raises(ValueError, match=told):
            travelling({**SPEC, **change}, ["A", "B"])
