"""The field's image sets, from files in their own form."""

import gzip
import hashlib
import pickle
import struct
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import scipy.io
from public_set import check_runs

from fedsky.config import CONF, compose, resolve
from fedsky.data import digits, sets
from fedsky.run import run

RNG = np.random.default_rng(0)
TRAIN, TEST = 60, 20


def images(count: int, shape: tuple[int, ...]) -> Any:
    return RNG.integers(0, 256, (count, *shape), dtype=np.uint8)


def cifar(root: Path, name: str, patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Pickles as the authors made them; torchvision knows the MD5 of theirs, so of these, too."""
    from torchvision import datasets  # seconds, as torch's compiler comes with it

    kind: Any = getattr(datasets, name)
    pixels, labels = images(TRAIN + TEST, (3, 32, 32)), np.arange(TRAIN + TEST) % 10
    key = "labels" if name == "CIFAR10" else "fine_labels"
    folder = root / kind.base_folder
    folder.mkdir(parents=True)
    names = [f"class {label}" for label in range(10 if name == "CIFAR10" else 100)]
    listed = {
        "train_list": np.split(np.arange(TRAIN), len(kind.train_list)),
        "test_list": [np.arange(TRAIN, TRAIN + TEST)],
    }
    for which, parts in listed.items():
        made = []
        for (file, _), part in zip(getattr(kind, which), parts, strict=True):
            content = pickle.dumps({"data": pixels[part].reshape(len(part), -1), key: labels[part].tolist()})
            (folder / file).write_bytes(content)
            made.append([file, hashlib.md5(content, usedforsecurity=False).hexdigest()])
        patch.setattr(kind, which, made)
    content = pickle.dumps({kind.meta["key"]: names})
    (folder / kind.meta["filename"]).write_bytes(content)
    patch.setattr(kind, "meta", {**kind.meta, "md5": hashlib.md5(content, usedforsecurity=False).hexdigest()})
    return pixels, labels


def idx(array: Any) -> bytes:
    """LeCun's IDX form: two zeros, 8 for unsigned bytes, the number of dimensions, their sizes, the bytes."""
    content: bytes = array.astype(np.uint8).tobytes()
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + content


def mnist(root: Path, name: str, patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    pixels, labels = images(TRAIN + TEST, (28, 28)), np.arange(TRAIN + TEST) % 10
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    emnist = "emnist-balanced-" if name == "EMNIST" else ""
    for part, own in (("train", slice(0, TRAIN)), ("test" if emnist else "t10k", slice(TRAIN, None))):
        (folder / f"{emnist}{part}-images-idx3-ubyte").write_bytes(idx(pixels[own]))
        (folder / f"{emnist}{part}-labels-idx1-ubyte").write_bytes(idx(labels[own]))
    (folder / "leftover.gz").write_bytes(gzip.compress(b""))
    return (pixels.transpose(0, 2, 1) if emnist else pixels)[:, None], labels


def svhn(root: Path, name: str, patch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """MATLAB files: X [32, 32, 3, n], y [n, 1], in which 10 stands for the digit 0."""
    from torchvision import datasets

    pixels, labels = images(TRAIN + TEST, (3, 32, 32)), np.arange(TRAIN + TEST) % 10
    root.mkdir(parents=True, exist_ok=True)
    listed = dict(datasets.SVHN.split_list)
    for part, own in (("train", slice(0, TRAIN)), ("test", slice(TRAIN, None))):
        file = root / f"{part}_32x32.mat"
        named = np.where(labels[own] == 0, 10, labels[own])[:, None]
        scipy.io.savemat(file, {"X": pixels[own].transpose(2, 3, 1, 0), "y": named})
        digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        listed[part] = [listed[part][0], file.name, digest]
    patch.setattr(datasets.SVHN, "split_list", listed)
    return pixels, labels


MAKERS = {"CIFAR10": cifar, "CIFAR100": cifar, "MNIST": mnist, "FashionMNIST": mnist, "EMNIST": mnist, "SVHN": svhn}


@pytest.mark.parametrize("name", MAKERS)
def test_a_set_is_read_from_its_own_files(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = MAKERS[name](tmp_path / "sets", name, monkeypatch)
    side = pixels.shape[-1]
    photos = sets.load(name, side, str(tmp_path / "sets"), cache=str(tmp_path / "cache"))
    np.testing.assert_array_equal(photos.pixels, np.broadcast_to(pixels, (TRAIN + TEST, 3, side, side)))
    np.testing.assert_array_equal(photos.labels, labels)
    assert len(photos.classes) == {"CIFAR100": 100, "EMNIST": 47}.get(name, 10)
    check_runs(tmp_path, TEST, TRAIN + TEST, "data=torchvision", f"data.name={name}")


def test_files_that_are_not_the_authors_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar(tmp_path, "CIFAR10", monkeypatch)
    file = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"^data.name=CIFAR10: the files in .* are not whole, or not the set's own"):
        sets.load("CIFAR10", 32, str(tmp_path), cache=str(tmp_path / "cache"))
    mnist(tmp_path, "MNIST", monkeypatch)
    file = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"^data.name=MNIST: the files in .* are not whole"):
        sets.load("MNIST", 28, str(tmp_path), cache=str(tmp_path / "cache"))
    assert not list((tmp_path / "cache").glob("*"))


@pytest.mark.parametrize("name", MAKERS)
def test_without_files_and_network_the_remedy_is_told(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("torchvision.datasets.utils.urllib.request.urlopen", away)
    with pytest.raises(ValueError) as raised:
        sets.load(name, 32, str(tmp_path), cache=str(tmp_path / "cache"))
    told = str(raised.value)
    assert told.startswith(f"data.name={name}: {tmp_path} has no {sets.PLACES[name]}, and it cannot be downloaded (")
    assert told.endswith("name the folder that has it by data.root, or bring it from a machine with a network")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("data.name=CIFAR", "data.name=CIFAR: choose CIFAR10, "),
        ("data.size=4", "data.size=4: a whole number of pixels a side, 8 to 224, is needed"),
        ("data.size=225", "data.size=225: a whole number of pixels a side, 8 to 224, is needed"),
        ("data.test=all", "data.test=all: choose official or pooled"),
        ("data.variant=x", "data.variant=x: choose balanced, "),
    ],
)
def test_what_is_no_set_is_refused(tmp_path: Path, override: str, line: str) -> None:
    with pytest.raises(ValueError) as raised:
        run(
            resolve(compose(["data=torchvision", f"data.root={tmp_path}", override, "engine=inline"])), tmp_path / "run"
        )
    assert str(raised.value).startswith(line)


def test_digits_are_scikit_learns(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    photos, known = digits.load(8, str(tmp_path)), load_digits()
    assert photos.pixels.shape == (1797, 3, 8, 8)
    np.testing.assert_array_equal(photos.labels, known.target)
    np.testing.assert_allclose(photos.pixels[:, 1] * (16 / 255), known.images, atol=0.04)
    larger = digits.load(16, str(tmp_path))
    assert larger.pixels.shape == (1797, 3, 16, 16) and larger.fingerprint != photos.fingerprint
    assert abs(float(larger.pixels.mean()) - float(photos.pixels.mean())) < 5


DEALT = {
    "label_quantity": ["partition.num_classes=2"],
    "quantity": ["partition.alpha=5"],
    "dirichlet": ["partition.alpha=1"],
}
PARTITIONS = sorted({path.stem for path in (CONF / "partition").glob("*.yaml")} - {"natural"})
STRATEGIES = ("fedprox", "scaffold", "fednova", "feddyn", "fedadam", "fedavgm", "fedbn", "moon", "ditto", "local")


@pytest.mark.parametrize(
    "words",
    [
        *([f"partition={name}", *DEALT.get(name, [])] for name in PARTITIONS),
        *([f"strategy={name}"] for name in STRATEGIES),
    ],
    ids=" ".join,
)
def test_a_round_on_digits(tmp_path: Path, words: list[str]) -> None:
    quick = ["data=digits", "engine=inline", "num_clients=5", "num_rounds=1", "batch_size=64", "lr=0.05"]
    info = run(resolve(compose([*quick, *words])), tmp_path / "run")
    assert info["status"] == "done" and info["data"]["num_images"] == 1797 and len(info["data"]["classes"]) == 10
    assert info["result"]["num_test"] == pytest.approx(359, abs=12)
