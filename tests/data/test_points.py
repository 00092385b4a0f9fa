"""The drawn points are what their papers' code draws, and come with their owners."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedsky.client.task import Task, specification
from fedsky.config import compose, resolve
from fedsky.data import Photos, fcube, synthetic

MANY = 4000


def synthetic_points(data_seed: int = 0, num_clients: int = 12, **asked: Any) -> Photos:
    return synthetic.load(
        **{"alpha": 1.0, "beta": 1.0, "iid": False, **asked}, num_clients=num_clients, data_seed=data_seed
    )


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 0.0), (0.5, 0.5), (1.0, 2.0)])
def test_devices_differ_by_as_much_as_alpha_and_beta_say(alpha: float, beta: float) -> None:
    found = synthetic.devices(np.random.default_rng(0), alpha, beta, False, MANY)
    means = np.array([device.mean for device in found])
    weights = np.array([device.weight for device in found])
    biases = np.array([device.bias for device in found])
    # A mean over m numbers of deviation 1 around a center of deviation s deviates by sqrt(s^2 + 1 / m).
    assert means.mean(axis=1).std() == pytest.approx(np.hypot(beta, 60**-0.5), rel=0.05)
    assert weights.mean(axis=(1, 2)).std() == pytest.approx(np.hypot(alpha, 600**-0.5), rel=0.05)
    assert means.std(axis=1, ddof=1).mean() == pytest.approx(1, rel=0.02)
    assert weights.std(axis=(1, 2), ddof=1).mean() == pytest.approx(1, rel=0.02)
    assert biases.std(axis=1, ddof=1).mean() == pytest.approx(1, rel=0.05)
    if alpha:  # W and b of a device have the same center
        assert np.corrcoef(weights.mean(axis=(1, 2)), biases.mean(axis=1))[0, 1] > 0.8
        assert abs(np.corrcoef(weights.mean(axis=(1, 2)), means.mean(axis=1))[0, 1]) < 0.1


def test_a_devices_points_have_the_variance_and_the_class_that_they_should() -> None:
    rng = np.random.default_rng(1)
    [device] = synthetic.devices(rng, 1.0, 1.0, False, 1)
    points, labels = device.draw(rng, MANY)
    scaled = (points - device.mean).var(axis=0) * np.arange(1, 61) ** 1.2
    assert np.abs(scaled - 1).max() < 0.12
    covariance = np.corrcoef(points.T) - np.eye(60)
    assert np.abs(covariance).max() < 0.1
    assert np.array_equal(labels, [np.argmax(device.weight.T @ x + device.bias) for x in points])


def test_devices_are_lognormal_in_size() -> None:
    sizes = np.array(synthetic.sizes(np.random.default_rng(2), MANY))
    assert sizes.min() >= 50
    logs = np.log(sizes[sizes > 60] - 49.5)
    assert np.median(sizes) - 50 == pytest.approx(np.exp(4), rel=0.1)
    assert np.quantile(logs, 0.9) - np.median(logs) == pytest.approx(2 * 1.28, rel=0.15)


def test_iid_devices_are_one() -> None:
    found = synthetic.devices(np.random.default_rng(3), 1.0, 1.0, True, 5)
    assert all(device is found[0] for device in found)
    assert not found[0].mean.any()
    assert abs(found[0].weight.mean()) < 0.2 and found[0].weight.std() == pytest.approx(1, rel=0.1)


def test_few_classes_a_device_unless_iid() -> None:
    counts = []
    for iid in (True, False):
        photos = synthetic_points(num_clients=60, iid=iid)
        assert photos.owners is not None
        shares = [np.bincount(photos.labels[owner.train]) / len(owner.train) for owner in photos.owners]
        counts.append(np.median([(share > 0.05).sum() for share in shares]))
    assert counts[0] >= 5
    assert counts[1] <= 3


def test_the_published_draws_are_untouched_by_validation() -> None:
    photos = synthetic_points(7)
    rng, _ = np.random.default_rng(7).spawn(2)
    found, sizes = synthetic.devices(rng, 1.0, 1.0, False, 12), synthetic.sizes(rng, 12)
    assert photos.owners is not None
    for device, size, owner in zip(found, sizes, photos.owners, strict=True):
        assert [len(owner.train), len(owner.test)] == [int(0.9 * size), size - int(0.9 * size)]
        for indices in (owner.train, owner.test):
            points, labels = device.draw(rng, len(indices))
            assert np.array_equal(photos.pixels[indices], points.astype(np.float32))
            assert np.array_equal(photos.labels[indices], labels)


def octants(points: Any, labels: Any) -> set[int]:
    """The parties in whose octants the points lie."""
    folded = np.where(labels[:, None] == 1, -points, points)
    assert (folded[:, 0] > 0).all()
    return set((2 * (folded[:, 1] < 0) + (folded[:, 2] < 0)).tolist())


def test_each_party_of_fcube_has_its_two_octants() -> None:
    photos = fcube.load(0)
    assert photos.owners is not None and len(photos.owners) == 4
    for party, owner in enumerate(photos.owners):
        for indices in (owner.train, owner.validation, owner.test):
            points, labels = photos.pixels[indices], photos.labels[indices]
            assert octants(points, labels) == {party}
            assert np.array_equal(labels, np.where(points[:, 0] > 0, 0, 1))
            assert np.abs(points).max() <= 1
        assert np.bincount(photos.labels[owner.train]).tolist() == [500, 500]
        assert np.abs(photos.pixels[owner.train]).mean(axis=0) == pytest.approx([0.5] * 3, abs=0.05)


def test_the_pooled_test_of_fcube_is_uniform_in_the_cube() -> None:
    photos = fcube.load(1)
    assert photos.owners is not None
    for part in ("validation", "test"):
        points = photos.pixels[np.concatenate([getattr(owner, part) for owner in photos.owners])]
        assert len(points) == 1000
        assert np.abs(points.mean(axis=0)).max() < 0.1
        assert np.bincount(((points > 0) @ [1, 2, 4]).astype(int)).min() > 80


@pytest.mark.parametrize("draw", [fcube.load, synthetic_points])
def test_owners_are_disjoint_and_complete_and_drawn_by_the_seed(draw: Any) -> None:
    photos, again, other = draw(0), draw(0), draw(1)
    parts = [getattr(owner, part) for owner in photos.owners for part in ("train", "validation", "test")]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(photos)))
    assert len(set(photos.names)) == len(photos) == len(photos.pixels)
    assert photos.pixels.dtype == np.float32 and photos.labels.dtype == np.int64
    assert photos.image_size is None
    assert photos.fingerprint == again.fingerprint != other.fingerprint
    assert np.array_equal(photos.pixels, again.pixels)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("partition=iid", "partition=iid: these data come with their owners, choose partition=natural"),
        ("num_clients=5", "num_clients=5: these data come with 4 owners"),
        ("partition.min_examples=1001", "partition.min_examples=1001: a client has 1000 to train with"),
        ("data=rendered data.count=40 data.size=32", "partition=natural: these data come without owners"),
        ("data=synthetic data.alpha=-1", "data.alpha=-1: a number of 0 or more is needed"),
        ("data=synthetic data.beta=x", "data.beta=x: a number of 0 or more is needed"),
        ("data=synthetic data.iid=1", "data.iid=1: true or false is needed"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, override: str, line: str) -> None:
    config = resolve(compose(["experiment=fcube", *override.split()]))
    with pytest.raises(ValueError) as raised:
        Task(specification(config, tmp_path))
    assert str(raised.value).startswith(line)


def test_the_number_of_devices_and_the_seed_are_the_runs(tmp_path: Path) -> None:
    config = resolve(compose(["experiment=synthetic", "num_clients=3", "data_seed=5"]))
    task = Task(specification(config, tmp_path))
    assert len(task.owners) == 3
    assert task.photos.fingerprint == synthetic_points(5, 3).fingerprint
    assert json.loads(specification(config, tmp_path))["data"]["data_seed"] == 5
