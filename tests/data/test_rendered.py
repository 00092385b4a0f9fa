"""Drawn skies as data: owners with cameras, label noise, the cache, and the same pictures as files."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fedsky.checks import shown
from fedsky.config import compose, resolve
from fedsky.data import folder, rendered, sky
from fedsky.data.owners import load
from fedsky.data.sky.owner import ANYONE, Span
from fedsky.photographs.__main__ import app

SMALL: dict[str, Any] = {"count": 60, "size": 32, "render_seed": 3}


@pytest.mark.parametrize("more", [{}, {"owners": 3}, {"label_noise": 0.5}, {"cameras": "any"}])
def test_processes_draw_what_one_draws(tmp_path: Path, more: dict[str, Any]) -> None:
    photos = rendered.load(**SMALL, **more, cache=str(tmp_path))
    own: list[Any] = [
        more.get(key, usual) for key, usual in (("owners", None), ("label_noise", 0.0), ("cameras", "good"))
    ]
    for index in (0, 7, 59):
        made = rendered.draw(3, 32, own[0], own[1], index, own[2])
        assert np.array_equal(photos.pixels[index], made.image.transpose(2, 0, 1))
        assert photos.labels[index] == made.label
    ends = {"owners": "-owner0", "label_noise": "-noise0.5", "cameras": "-any"}
    assert photos.names[7] == "rendered-3-00007" + ends.get("".join(more), "")


def test_every_setting_has_a_cache_of_its_own(tmp_path: Path) -> None:
    settings: tuple[dict[str, Any], ...] = (
        {},
        {"owners": 3},
        {"owners": 4},
        {"label_noise": 0.5},
        {"owners": 3, "label_noise": 0.5},
        {"cameras": "any"},
        {"owners": 3, "cameras": "any"},
    )
    marks = {rendered.load(**SMALL, **more, cache=str(tmp_path)).fingerprint for more in settings}
    assert len(marks) == len(list(tmp_path.glob("rendered-*"))) == len(settings)
    assert all(path.name.startswith(f"rendered-v{sky.VERSION}-") for path in tmp_path.glob("rendered-*"))


@pytest.mark.parametrize(
    ("key", "value", "needed"),
    [
        *(("owners", value, "a whole number of owners, 1 to 30, is needed, or null") for value in (0, 31, 2.0, True)),
        *(("label_noise", value, "of 0 or more and at most 1") for value in (-0.1, 1.1, float("nan"), "x", None, True)),
    ],
)
def test_what_cannot_be_drawn_is_refused(key: str, value: object, needed: str) -> None:
    with pytest.raises(ValueError, match=f"^data.{key}={shown(value)}: .*{needed}"):
        rendered.load(**SMALL | {key: value})


def test_a_camera_with_a_fault_takes_the_same_scene() -> None:
    """What is true of the photograph stays; a sixth of the cameras has no fault, and takes it as before."""
    pairs = [(rendered.draw(3, 32, None, 0.0, n), rendered.draw(3, 32, None, 0.0, n, "any")) for n in range(60)]
    assert all(good[1:] == other[1:] for good, other in pairs)
    same = [np.array_equal(good.image, other.image) for good, other in pairs]
    assert 3 <= sum(same) <= 18
    brightness = np.array([[each.image.mean() for each in pair] for pair in pairs])
    assert np.ptp(brightness[:, 1]) > np.ptp(brightness[:, 0])


def test_an_owners_camera_keeps_its_fault() -> None:
    faults = {}
    for number in range(12):
        owner = sky.draw_owner(3, number)
        faults[number] = [sky.with_fault(owner, (3, number, 0)) for _ in range(2)]
        assert faults[number][0] == faults[number][1]
    assert len({(each.veil, each.exposure.low < -1.5, each.saturation.high < 0.6) for each, _ in faults.values()}) > 2


def spec(tmp_path: Path, *overrides: str) -> dict[str, Any]:
    asked = ["data.count=60", "data.size=32", f"data.cache={tmp_path}", "data.owners=3", *overrides]
    return resolve(compose(asked))


def test_owners_keep_their_own_photographs_under_the_natural_partition(tmp_path: Path) -> None:
    photos, owners = load(spec(tmp_path, "partition=natural", "num_clients=3"))
    assert photos.declared is not None
    for number, owner in enumerate(owners):
        own = np.concatenate([owner.train, owner.validation, owner.test])
        assert sorted(own) == np.flatnonzero(photos.declared.whose == number).tolist()
        assert {rendered.owner_of(int(index), 3) for index in own} == {number}
        assert np.bincount(photos.labels[own]).tolist() == [10, 10]
    _, mixed = load(spec(tmp_path, "partition=iid", "num_clients=3"))
    assert {rendered.owner_of(int(index), 3) for index in mixed[0].train} == {0, 1, 2}


@pytest.mark.slow
def test_natural_owners_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^num_clients=4: these data come with 3 owners"):
        load(spec(tmp_path, "partition=natural", "num_clients=4"))
    with pytest.raises(ValueError, match=r"^partition.min_examples=30: owner 0 has 20 photographs, set that"):
        load(spec(tmp_path, "partition=natural", "num_clients=3", "partition.min_examples=30"))


def test_an_owner_has_a_quarter_of_every_span() -> None:
    owner = sky.draw_owner(0, 1)
    assert owner == sky.draw_owner(0, 1) != sky.draw_owner(0, 2)
    spans = [
        (own, whole)
        for own, whole in zip(owner, ANYONE, strict=True)
        if isinstance(own, Span) and isinstance(whole, Span)
    ]
    assert len(spans) == 12 and owner.veil == ANYONE.veil
    for own, whole in spans:
        assert whole.low <= own.low < own.high <= whole.high + 1e-9
        assert own.high - own.low == pytest.approx((whole.high - whole.low) / 4)


def test_photographs_of_one_owner_are_alike() -> None:
    """Warmth, the ratio of red to blue, varies less within owners than between them (analysis of variance)."""
    warmth = np.empty((6, 40))
    for owner in range(6):
        taste = sky.draw_owner(1, owner)
        for number in range(40):
            red, _, blue = sky.draw(1, 2 * number, 16, taste).image.reshape(-1, 3).mean(axis=0) + 1
            warmth[owner, number] = np.log(red / blue)
    between, within = 40 * warmth.mean(axis=1).var(ddof=1), warmth.var(axis=1, ddof=1).mean()
    assert between / within > 3.1  # the 99th percentile of F(5, 234)


def test_label_noise_draws_the_covers_between_and_leans_the_right_way() -> None:
    covers: dict[int, list[float]] = {0: [], 1: []}
    for index in range(300):
        made = sky.draw(5, index, 16, label_noise=1.0)
        covers[made.label].append(made.cover)
    everything = np.array(covers[0] + covers[1])
    assert everything.min() > 0.2 and everything.max() < 0.8
    cloudy, sunny = (np.mean(covers[label]) for label in (0, 1))
    assert cloudy == pytest.approx(7 / 12, abs=0.03)  # of a density that rises evenly from 1/4 to 3/4
    assert sunny == pytest.approx(5 / 12, abs=0.03)


def test_a_folder_of_drawn_skies_is_read_as_the_same_photographs(tmp_path: Path) -> None:
    out, sheet = tmp_path / "skies", tmp_path / "sheet.png"
    asked = ["--count", "20", "--size", "32", "--seed", "3", "--owners", "2"]
    done = CliRunner().invoke(app, ["render", "--out", str(out), "--sheet", str(sheet), *asked])
    assert done.exit_code == 0, done.output
    read = folder.load(str(out), 32, cache=str(tmp_path / "cache"), duplicates="keep")
    drawn = rendered.load(20, 32, 3, str(tmp_path / "cache"), owners=2)
    order = [int(Path(name).stem) for name in read.names]
    assert np.array_equal(read.pixels, drawn.pixels[order])
    assert np.array_equal(read.labels, drawn.labels[order])
    with (out / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    for row in rows:
        cover = float(row["cover"])
        assert cover <= 0.25 if row["label"] == "sunny" else cover >= 0.75
        assert 0 < float(row["sun_elevation"]) <= 90 and -180 <= float(row["sun_azimuth"]) <= 180
    assert [row["owner"] for row in rows[:4]] == ["0", "0", "1", "1"]
    with Image.open(sheet) as picture:
        assert picture.size[0] == 16 * 34 - 2


def test_render_refuses_what_it_cannot_do_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for asked, code, line in (
        ([], 2, "name what is wanted"),
        (["--out", str(tmp_path / "there")], 1, "exists already: name a new folder, or remove it"),
        (["--out", str(tmp_path / "new"), "--count", "3"], 1, "data.count=3"),
        (["--sheet", str(tmp_path / "sheet.gif")], 1, "a name that ends in"),
    ):
        done = CliRunner().invoke(app, ["render", *asked])
        assert done.exit_code == code and line in done.output and done.output.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
