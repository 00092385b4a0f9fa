"""Arrays of messages that are neither serialised nor copied say and hold what flwr's own do."""

import pickle

import numpy as np
import pytest
import torch
from flwr.app import ArrayRecord

from fedsky.client.arrays import Held, num_bytes, record_of, view

TENSORS = {
    "weight": torch.randn(5, 3, 7, 7).to(memory_format=torch.channels_last),
    "steps": torch.tensor(3),
    "half": torch.arange(6).reshape(2, 3).t().half(),
    "none": torch.zeros(0, 4),
}


def test_a_held_array_is_flwrs_to_whoever_asks() -> None:
    held, flwrs = record_of(TENSORS), ArrayRecord(dict(TENSORS))
    assert num_bytes(held) == num_bytes(flwrs) == flwrs.count_bytes() == held.count_bytes()
    for name, array in held.items():
        assert (array.dtype, array.shape, array.stype) == (flwrs[name].dtype, flwrs[name].shape, flwrs[name].stype)
        assert torch.equal(view(array), TENSORS[name]) and torch.equal(view(flwrs[name]), TENSORS[name])
        np.testing.assert_array_equal(ArrayRecord({name: array})[name].numpy(), TENSORS[name].numpy())


def test_what_is_read_as_flwr_reads_it_is_a_copy() -> None:
    tensor = torch.ones(3)
    array = record_of({"x": tensor})["x"]
    array.numpy()[:] = 2
    assert torch.equal(tensor, torch.ones(3))


@pytest.mark.filterwarnings("error")
def test_a_view_of_shared_memory_copies_nothing_and_outlives_its_array() -> None:
    """As Ray gives them: numpy arrays on read-only buffers, which came out of band."""
    buffers: list[pickle.PickleBuffer] = []
    sent = pickle.dumps(Held(np.arange(4.0)), protocol=5, buffer_callback=buffers.append)
    assert len(sent) < 400 and len(buffers) == 1
    got: Held = pickle.loads(sent, buffers=[memoryview(bytes(buffers[0].raw()))])
    assert not got.array.flags.writeable
    place = got.array.ctypes.data
    tensor = view(got)
    del got
    assert tensor.data_ptr() == place and tensor.tolist() == [0.0, 1.0, 2.0, 3.0]
