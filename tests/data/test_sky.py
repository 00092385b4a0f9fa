"""The drawn sky: repeatable bytes, balanced classes, and labels that agree with the cover that was drawn."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fedsky.data import sky

_ROOT = Path(__file__).parents[2]
_SEED = 7


def _digest(order: list[int]) -> str:
    """A hash of images 0 to 5, rendered in the given order and hashed in their own."""
    images = {index: sky.render(_SEED, index, 32)[0].tobytes() for index in order}
    return hashlib.sha256(b"".join(images[index] for index in sorted(images))).hexdigest()


def _digest_in_fresh_process(threads: str) -> str:
    code = f"""
import hashlib
from fedsky.data import sky
print(hashlib.sha256(b"".join(sky.render({_SEED}, i, 32)[0].tobytes() for i in range(6))).hexdigest())
"""
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_bytes_are_the_same_in_any_order_process_and_thread_count() -> None:
    digest = _digest([0, 1, 2, 3, 4, 5])
    assert _digest([3, 5, 0, 4, 2, 1]) == digest
    assert {_digest_in_fresh_process("1"), _digest_in_fresh_process("2")} == {digest}


def test_global_random_state_is_neither_read_nor_changed() -> None:
    np.random.seed(0)
    first = sky.render(_SEED, 0, 32)[0]
    untouched = np.random.random()
    np.random.seed(0)
    assert np.random.random() == untouched
    np.random.seed(1)
    assert np.array_equal(first, sky.render(_SEED, 0, 32)[0])


@pytest.mark.parametrize("size", [32, 64, 96])
def test_shape_dtype_and_range(size: int) -> None:
    for index in range(4):
        image, label = sky.render(_SEED, index, size)
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8
        assert image.max() - image.min() > 10, "a photograph is not one flat colour"
        assert sky.CLASSES[label] in ("cloudy", "sunny")


def test_every_even_count_is_balanced() -> None:
    labels = [sky.render(_SEED, index, 32)[1] for index in range(10)]
    assert labels == [0, 1] * 5


@pytest.mark.parametrize("size", [32, 64])
def test_drawn_cover_agrees_with_the_label(size: int) -> None:
    for index in range(200):
        _, label, cover = sky.render_with_cover(_SEED, index, size)
        if sky.CLASSES[label] == "sunny":
            assert cover <= 2 / 8, index
        else:
            assert cover >= 6 / 8, index


def test_seeds_and_indices_draw_different_photographs() -> None:
    drawn = {sky.render(seed, index, 32)[0].tobytes() for seed in range(4) for index in range(10)}
    assert len(drawn) == 40


def test_a_scene_is_the_same_at_every_size() -> None:
    """Only grain, blur and JPEG differ, so a halved image is close to the small one, and far from any other scene."""
    small, large = (np.stack([sky.render(_SEED, i, size)[0] for i in range(16)]).astype(float) for size in (32, 64))
    halved = large.reshape(16, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    distance = np.abs(small[:, None] - halved[None]).mean(axis=(2, 3, 4))
    assert (distance.argmin(axis=1) == np.arange(16)).all()
    assert np.diag(distance).mean() < 10
