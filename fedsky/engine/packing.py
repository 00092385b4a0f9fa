"""A message's content in as few objects as can be: Flower sends each record, and each array, by a request of its own.

Arrays become one record of bytes: the length of a head, the head (JSON: name, dtype and shape of each array) and their
bytes, one after the other. It is the same for all whom a model is sent to, and travels to the SuperLink once. Bytes are
counted before, so that a federation's count equals a simulation's.
"""

import json
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord

from fedsky.engine.nodes import Shared, held, shared

PACKED = "packed"
KINDS = "biuf"  # of numbers: booleans, whole ones, floats
LENGTH = 8  # bytes of the head's length


def pack(record: ArrayRecord) -> ConfigRecord:
    """The record's arrays as bytes."""
    return packed(shared(record), {name: array.shape for name, array in record.items()})


def packed(arrays: Shared, shapes: Mapping[str, Sequence[int]] = MappingProxyType({})) -> ConfigRecord:
    """Arrays as bytes; shapes: of those that are to have another one there."""
    head = json.dumps(
        [[name, array.dtype.str, list(shapes.get(name, array.shape))] for name, array in arrays.items()]
    ).encode()
    parts = [len(head).to_bytes(LENGTH, "little"), head, *(array.tobytes() for array in arrays.values())]
    return ConfigRecord({PACKED: b"".join(parts)})


def unpack(record: ConfigRecord) -> ArrayRecord:
    """The arrays that were packed; ValueError where the bytes are not those of ``pack``."""
    try:
        packed: Any = record[PACKED]
        content = memoryview(packed)
        start = LENGTH + int.from_bytes(content[:LENGTH], "little")
        arrays: Shared = {}
        for name, kind, shape in json.loads(bytes(content[LENGTH:start])):
            dtype = np.dtype(str(kind))
            if dtype.kind not in KINDS or not all(type(size) is int and size >= 0 for size in shape):
                raise ValueError(f"{name} is {kind} {shape}")
            count = math.prod(shape)
            arrays[str(name)] = np.frombuffer(content, dtype, count, start).reshape(shape)
            start += count * dtype.itemsize
        if start != len(content):
            raise ValueError(f"{len(content)} bytes, not {start}")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"arrays came that were not packed by fedsky ({error})") from error
    return held(arrays)
