"""The arrays of messages, kept as they are in memory: they are neither serialised nor copied until somebody must.

flwr's own ``Array`` holds the bytes of numpy's file format: to make and to read them copies a model twice a message.
"""

import functools
import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from flwr.app import Array, ArrayRecord
from numpy.typing import NDArray
from torch import Tensor

NUMPY = "numpy.ndarray"  # flwr's word for numpy's file format

with warnings.catch_warnings():  # torch warns once in a process of memory that is for reading alone: here
    warnings.simplefilter("ignore")
    torch.from_numpy(np.frombuffer(b"0", dtype=np.uint8))


class Held(Array):
    """An ``Array`` that holds a numpy array; its bytes are made for whoever asks for them."""

    array: NDArray[Any]

    def __init__(self, array: NDArray[Any]) -> None:
        # Not one by one: flwr's own notes of each that it changed.
        self.__dict__.update(array=array, dtype=_name(array.dtype), shape=array.shape, stype=NUMPY)

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The bytes of numpy's file format."""
        file = io.BytesIO()
        np.save(file, self.array, allow_pickle=False)
        return file.getvalue()

    def numpy(self) -> NDArray[Any]:
        """A copy, which the caller may change."""
        return self.array.copy()


def record_of(tensors: Mapping[str, Tensor]) -> ArrayRecord:
    """A record of tensors that shares their memory: it is to be sent before they change."""
    made = ArrayRecord()
    for name, tensor in tensors.items():
        made[name] = Held(tensor.detach().cpu().contiguous().numpy())
    return made


def view(array: Array) -> Tensor:
    """The tensor of an array, to be read alone: it may lie in memory that several processes share."""
    return torch.from_numpy(array.array if isinstance(array, Held) else array.numpy())


def num_bytes(arrays: ArrayRecord) -> int:
    """What flwr's ``count_bytes`` says: the bytes of the arrays in numpy's file format, and those of their names."""
    return sum(len(name) + _num_bytes(array) for name, array in arrays.items())


def _num_bytes(array: Array) -> int:
    if isinstance(array, Held):
        return int(array.array.nbytes) + _header_bytes(array.dtype, array.shape)
    return len(array.data)


@functools.cache
def _name(dtype: Any) -> str:
    return str(dtype)  # which numpy takes some microseconds to say


@functools.cache
def _header_bytes(dtype: str, shape: tuple[int, ...]) -> int:
    """The bytes before the numbers in a file of numpy's format."""
    file = io.BytesIO()
    described: Any = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
    return file.tell()
