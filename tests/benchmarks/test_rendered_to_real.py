"""The half of a folder is that of the files' hashes, and what learns from drawings is judged on photographs."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
import torch
from two_skies import two_skies

from benchmarks.rendered_to_real import augment, crops, main, photographs
from fedsky.model.file import read_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """White noise as cloudy, plain blue with a little noise as sunny; eight of each."""
    return two_skies(tmp_path / "photos", 8, 6, (48, 64), ".png")


def test_halves_are_those_of_the_hashes_and_make_up_the_whole(folder: Path) -> None:
    halves = {half: set(photographs(folder, half, 16)[0]) for half in ("even", "odd", "all")}
    assert halves["even"] | halves["odd"] == halves["all"] and not halves["even"] & halves["odd"]
    for path in halves["all"]:
        digit = hashlib.sha256(path.read_bytes()).hexdigest()[-1]
        assert (path in halves["even"]) == (digit in "02468ace")
    _, images, labels = photographs(folder, "all", 16)
    assert images.shape == (16, 3, 16, 16) and images.min() >= 0 and images.max() <= 1
    assert labels.tolist() == [0] * 8 + [1] * 8


def test_augmentation_varies_and_repeats() -> None:
    images = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    first, again, other = (augment(images, torch.Generator().manual_seed(seed)) for seed in (2, 2, 3))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.shape == images.shape and first.min() >= 0 and first.max() <= 1
    grey = torch.full((6, 3, 16, 16), 0.4)
    assert augment(grey, torch.Generator().manual_seed(2)).std(dim=1).max() < 1e-6, "light alone"


def test_crops_are_the_whole_and_its_corners() -> None:
    images = torch.zeros(1, 3, 16, 16)
    images[..., :4, :4] = 1
    whole, *corners = crops(images)
    assert torch.equal(whole, images) and [part.shape for part in corners] == [images.shape] * 4
    assert [bool(part.max() > 0.9) for part in corners] == [True, False, False, False]


def test_the_command_learns_judges_and_saves(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, sheet = tmp_path / "skies.safetensors", tmp_path / "wrong.png"
    asked = [
        "--half",
        "all",
        "--count",
        "128",
        "--size",
        "32",
        "--epochs",
        "6",
        "--seeds",
        "1",
        "--failures",
        str(sheet),
    ]
    monkeypatch.setattr(sys, "argv", ["rendered_to_real", str(folder), *asked, "--save", str(saved)])
    threads = torch.get_num_threads()
    main()
    torch.set_num_threads(threads)
    told = json.loads(capsys.readouterr().out)
    assert told["num_photographs"] == 16 and told["num_of_class"] == {"cloudy": 8, "sunny": 8}
    assert told["balanced_accuracy"] == pytest.approx(sum(told["recall"].values()) / 2)
    assert told["on_other_rendered_skies"] > 0.6, "it has learned"
    assert told["together"] == told["of_seeds"][0] and 0 <= told["together_on_crops"] <= 1
    _, about = read_model(saved)
    assert about["classes"] == ["cloudy", "sunny"] and about["size"] == 32
    assert sheet.is_file()
