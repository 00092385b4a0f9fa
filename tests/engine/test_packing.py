"""Arrays that travel as one record of bytes come out as they went in, and nothing else is taken for such."""

import json
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord
from numpy.typing import NDArray

from fedsky.engine.packing import LENGTH, PACKED, pack, unpack


def test_arrays_come_out_as_they_went_in() -> None:
    arrays: dict[str, NDArray[Any]] = {
        "w": np.arange(6, dtype=np.float32).reshape(2, 3),
        "steps": np.array(7, dtype=np.int64),
        "none": np.zeros((0, 4)),
        "turned": np.arange(6.0).reshape(2, 3).T,
    }
    record = ArrayRecord({name: Array.from_numpy_ndarray(array) for name, array in arrays.items()})
    found = unpack(pack(record))
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].numpy().dtype == array.dtype and found[name].shape == array.shape, name
        assert np.array_equal(found[name].numpy(), array)


def packed(head: object, content: bytes = b"") -> ConfigRecord:
    written = json.dumps(head).encode()
    return ConfigRecord({PACKED: len(written).to_bytes(LENGTH, "little") + written + content})


@pytest.mark.parametrize(
    "record",
    [
        ConfigRecord(),
        ConfigRecord({PACKED: b"\xff" * 20}),
        packed([["w", "<f4", [2]]], b"1234"),
        packed({"w": 1}),
        packed([["w", "|O", [1]]], bytes(8)),
        packed([["w", "<f4", [-1]]], bytes(4)),
        packed([["w", "<f4", [1]]], bytes(9)),
    ],
)
def test_other_bytes_are_refused(record: ConfigRecord) -> None:
    with pytest.raises(ValueError, match="not packed by fedsky"):
        unpack(record)
