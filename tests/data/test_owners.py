"""Owners as a run has them, and the noise of partition=noise."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedsky.client.task import Task, specification
from fedsky.config import compose, resolve
from fedsky.data import Photos, split
from fedsky.data.owners import load, noisy
from fedsky.partition import cut, iid

DRAWN = ["data.count=40", "data.size=32", "num_clients=2", "engine=inline"]


def config_of(*overrides: str) -> dict[str, Any]:
    return resolve(compose([*DRAWN, *overrides]))


def grey(level: int) -> Photos:
    labels = (np.arange(200) % 2).astype(np.int64)
    pixels = np.full((200, 3, 16, 16), level, dtype=np.uint8)
    pixels.flags.writeable = False  # as a mapped cache is
    return Photos(pixels, labels, [str(number) for number in range(200)], ["cloudy", "sunny"], "0" * 16)


@pytest.mark.slow
def test_a_job_has_the_owners_that_are_shown(tmp_path: Path) -> None:
    config = config_of("partition=dirichlet", "data_seed=3")
    photos, owners = load(config)
    task = Task(specification(config, tmp_path))
    np.testing.assert_array_equal(task.photos.pixels, photos.pixels)
    for one, other in zip(task.owners, owners, strict=True):
        for part in ("train", "validation", "test"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_noise_has_the_variance_of_niid_bench_on_every_part() -> None:
    photos, sigma = grey(128), 0.01
    owners = split(photos.labels, cut(photos.labels, 4, iid, 0, 10), "1/5", 0)
    changed = noisy(photos, owners, sigma, 0)
    for client, owner in enumerate(owners):
        for part in (owner.train, owner.validation, owner.test):
            values = changed.pixels[part] / 255
            assert values.mean() == pytest.approx(128 / 255, abs=0.01)
            assert values.var() == pytest.approx(sigma * (client + 1) / 4, rel=0.1)
    assert photos.pixels.min() == photos.pixels.max() == 128
    assert changed.fingerprint == photos.fingerprint


def test_noise_stays_within_8_bits() -> None:
    photos = grey(250)
    owners = split(photos.labels, cut(photos.labels, 2, iid, 0, 10), "1/5", 0)
    pixels = noisy(photos, owners, 0.05, 0).pixels
    assert pixels.dtype == np.uint8
    assert (pixels == 255).mean() > 0.3, "what is too bright is white, not black again"
    assert (pixels < 20).mean() < 0.001


def test_a_run_sees_the_noise_and_the_same_seed_is_the_same_noise(tmp_path: Path) -> None:
    plain = Task(specification(config_of(), tmp_path))
    works = [Task(specification(config_of("partition=noise", f"data_seed={seed}"), tmp_path)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(works[0].photos.pixels, works[1].photos.pixels)
    assert (works[0].photos.pixels != works[2].photos.pixels).any()
    test = works[0].owners[1].test
    np.testing.assert_array_equal(test, plain.owners[1].test)
    assert (works[0].images(test) - plain.images(test)).abs().mean() > 0.1
