"""What may leave an owner's machine, and what a message may ask for there."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict

from fedsky.engine.packing import unpack
from fedsky.node.answering import Answering
from fedsky.node.leaving import RefusedError, leaving
from fedsky.node.owner import LEAVES, OwnerFile, read

ARRAYS = ArrayRecord({"w": Array.from_numpy_ndarray(np.ones(3))})
SPEC: dict[str, Any] = {
    "data": {"_target_": "fedsky.data.folder.load", "size": 16, "fold": "1/5", "duplicates": "keep"},
    "partition": {"_target_": "fedsky.partition.natural", "min_examples": 1},
    "model": {"_target_": "fedsky.model.resnet8"},
    "num_clients": 2,
    "seed": 0,
    "data_seed": 0,
    "use_gpu": False,
    "states": "0" * 16,
    "classes": ["a", "b"],
}
CONFIG: dict[str, Any] = {"owner": "A", "client": 0, "round": 1, "train": "strategies.fedavg:train", "evaluate": ""}


def reply(**records: Any) -> RecordDict:
    return RecordDict({"metrics": MetricRecord({"num_examples": 3}), **records})


def test_what_is_allowed_leaves_and_no_more() -> None:
    states = ConfigRecord({"saved": ["0@1=abc", "../photographs/x.jpg"]})
    out = leaving(reply(arrays=ARRAYS, states=states), "A", LEAVES)
    assert unpack(out.config_records["arrays"])["w"].numpy().tolist() == [1, 1, 1]
    assert out.config_records["states"]["saved"] == ["0@1=abc"], "a text that is no state could be a path"
    for what, record in (("weights", {"arrays": ARRAYS}), ("predictions", {"predictions": ARRAYS}), ("counts", {})):
        with pytest.raises(RefusedError, match=rf"owner A lets no {what} leave \(leaves.{what} in owner.yaml\)"):
            leaving(reply(**record), "A", LEAVES | {what: False})
    with pytest.raises(RefusedError, match="holds pixels"):
        leaving(reply(pixels=ARRAYS), "A", LEAVES)
    assert "arrays" in leaving(reply(arrays=ArrayRecord()), "A", LEAVES | {"weights": False}), "local sends none"


def test_an_errors_text_stays_but_for_divergence() -> None:
    for reason, told in (
        ("/home/a/cloudy/1.jpg is broken", False),
        ("", False),
        ("training diverged in round 2", True),
    ):
        content = RecordDict({"failure": ConfigRecord({"reason": reason, "traceback": f'File "/home/a": {reason}'})})
        record = leaving(content, "A", LEAVES).config_records["failure"]
        assert "/home/a" not in str(dict(record))
        assert (record["reason"] == reason) is told


def answered(tmp_path: Path, kind: str = "train", spec: dict[str, Any] | None = None, **config: Any) -> str:
    """What the server hears of a message that is refused."""
    owner = OwnerFile("A", "h:1", tmp_path, tmp_path, tmp_path / "photographs", tmp_path / "home", dict(LEAVES))
    text = json.dumps(SPEC | (spec or {}))
    content = RecordDict({"config": ConfigRecord({**CONFIG, "task": text, **config})})
    told = Answering(owner).answer(Message(content, dst_node_id=1, message_type=kind))
    return str(told.content.config_records["failure"]["reason"])


@pytest.mark.parametrize(
    ("spec", "config", "told"),
    [
        ({}, {"owner": "B"}, "the key of this node is registered for B, and owner.yaml says A"),
        ({}, {"predictions": True}, "lets no predictions leave"),
        ({}, {"client": 2}, "the task is for client 2 of 2"),
        ({}, {"owners": [0, 1]}, "other owners' photographs"),
        ({}, {"train": "os:system"}, "os:system called, which is no strategy"),
        ({}, {"train": "strategies.fedavg:train", "mods": ["subprocess:run"]}, "subprocess:run called"),
        ({"data": {**SPEC["data"], "root": "/etc"}}, {}, "names photographs itself"),
        ({"data": {"_target_": "fedsky.data.rendered.load"}}, {}, "names photographs itself"),
        ({"model": {"_target_": "os.system"}}, {}, "os.system"),
        ({"model": {"_target_": "fedsky.model.resnet8", "init": "/etc/passwd"}}, {}, "names files of this machine"),
        ({"states": "../../home"}, {}, "names files of this machine"),
        ({"more": 1}, {}, "settings that no server sends: more"),
    ],
)
def test_a_task_that_asks_for_more_is_refused(
    tmp_path: Path, spec: dict[str, Any], config: dict[str, Any], told: str
) -> None:
    assert told in answered(tmp_path, spec=spec, **config)


def test_what_fails_on_the_owners_machine_is_not_told_at_length(tmp_path: Path) -> None:
    told = answered(tmp_path, "query")
    assert told == "it failed on A's machine (ValueError), whose log says why"


def test_owner_yaml(tmp_path: Path) -> None:
    path = tmp_path / "owner.yaml"
    text = "owner: A\nsuperlink: h:8000\ncertificate: ca.crt\nkey: A.key\nphotographs: /p\n"
    path.write_text(text)
    owner = read(path)
    assert owner.photographs == Path("/p") and owner.key == tmp_path / "A.key" and owner.leaves == LEAVES
    for more, told in (
        ("leaves: {photographs: true}\n", "leaves"),
        ("leaves: {weights: maybe}\n", "leaves.weights"),
        ("x: 1\n", "x"),
        ("leaves: all\n", "leaves=all"),
    ):
        path.write_text(text + more)
        with pytest.raises(ValueError, match=told):
            read(path)
    path.write_text(text.replace("key: A.key\n", ""))
    with pytest.raises(ValueError, match="key is missing"):
        read(path)
    with pytest.raises(ValueError, match="does not exist"):
        read(tmp_path / "other.yaml")
