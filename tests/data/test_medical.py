"""MedMNIST's sets from .npz files in their own form."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.error import URLError

import medmnist
import numpy as np
import pytest
from public_set import check_runs

from fedsky.config import compose, resolve
from fedsky.data import medical
from fedsky.run import run

COUNTS = {"train": 60, "val": 10, "test": 20}
RNG = np.random.default_rng(0)


def written(root: Path, name: str, patch: pytest.MonkeyPatch, side: int = 28) -> dict[str, Any]:
    """The authors' six arrays in one file; medmnist knows the MD5 of theirs, so of this one, too."""
    about = medmnist.INFO[name]
    shape, mark = (side, side, 3) if about["n_channels"] == 3 else (side, side), "" if side == 28 else f"_{side}"
    arrays: dict[str, Any] = {}
    for split, count in COUNTS.items():
        arrays[f"{split}_images"] = RNG.integers(0, 256, (count, *shape), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % len(about["label"])).astype(np.uint8)[:, None]
    root.mkdir(parents=True, exist_ok=True)
    file = root / f"{name}{mark}.npz"
    np.savez_compressed(file, **arrays)
    digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    patch.setitem(medmnist.INFO, name, {**about, f"MD5{mark}": digest})
    return arrays


@pytest.mark.parametrize(("name", "side"), [("bloodmnist", 28), ("pneumoniamnist", 28), ("organamnist", 64)])
def test_a_set_is_read_from_its_own_file(tmp_path: Path, name: str, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = written(tmp_path / "sets", name, monkeypatch, side)
    photos = medical.load(name, side, side, str(tmp_path / "sets"), cache=str(tmp_path / "cache"))
    pixels = np.concatenate([arrays[f"{split}_images"] for split in COUNTS])
    pixels = pixels.transpose(0, 3, 1, 2) if pixels.ndim == 4 else np.repeat(pixels[:, None], 3, axis=1)
    np.testing.assert_array_equal(photos.pixels, pixels)
    np.testing.assert_array_equal(photos.labels, np.concatenate([arrays[f"{each}_labels"][:, 0] for each in COUNTS]))
    assert list(photos.classes) == list(medmnist.INFO[name]["label"].values())
    check_runs(tmp_path, 20, 90, "data=medmnist", f"data.name={name}", f"data.resolution={side}")


def test_a_file_that_is_not_the_authors_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "bloodmnist", monkeypatch)
    file = tmp_path / "bloodmnist.npz"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError) as raised:
        medical.load("bloodmnist", 28, root=str(tmp_path), cache=str(tmp_path / "cache"))
    assert str(raised.value).startswith(f"{file} is not whole, or not the set's own (MD5 ")
    assert str(raised.value).endswith("remove it and have it downloaded anew, or name another folder by data.root")
    assert not list((tmp_path / "cache").glob("*"))


def test_without_a_file_and_a_network_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise URLError("no network")

    monkeypatch.setattr("torchvision.datasets.utils.urllib.request.urlopen", away)
    with pytest.raises(ValueError) as raised:
        medical.load("dermamnist", 28, 64, str(tmp_path), cache=str(tmp_path / "cache"))
    assert str(raised.value) == (
        f"data.name=dermamnist: {tmp_path} has no dermamnist_64.npz, and it cannot be downloaded (<urlopen error no "
        "network>): name the folder that has it by data.root, or bring it from a machine with a network"
    )


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("data.name=chestmnist", "data.name=chestmnist: choose pathmnist, dermamnist, octmnist, "),
        ("data.name=organmnist3d", "data.name=organmnist3d: choose pathmnist, "),
        ("data.resolution=32", "data.resolution=32: choose 28, 64, 128 or 224"),
        ("data.size=4", "data.size=4: a whole number of pixels a side, 8 to 224, is needed"),
        ("data.test=all", "data.test=all: choose official or pooled"),
    ],
)
def test_what_is_no_set_is_refused(tmp_path: Path, override: str, line: str) -> None:
    with pytest.raises(ValueError) as raised:
        run(resolve(compose(["data=medmnist", f"data.root={tmp_path}", override, "engine=inline"])), tmp_path / "run")
    assert str(raised.value).startswith(line)


def test_medmnist_is_asked_for_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "medmnist", None)
    with pytest.raises(ValueError, match=r"^data=medmnist needs medmnist, which is missing: python -m pip install 'fe"):
        run(resolve(compose(["data=medmnist", "engine=inline"])), tmp_path / "run")
