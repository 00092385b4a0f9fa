"""The learning curve of pooled training, and how many photographs a result is worth on it."""

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fedsky.report import learning
from fedsky.report.learning import Curve, Place
from fedsky.report.page import write_report
from fedsky.report.selection import select

WriteRun = Callable[..., Path]
# Of 100 photographs right after training on so many: 10 more with every doubling.
CURVE = {20: 60, 40: 70, 80: 80, 160: 90}
COUNTS = (([60, 40], [25, 25]), ([40, 20], [25, 25]))  # 160 to train with, the largest owner has 100


def write(write_run: WriteRun, folder: Path, strategy: str, right: int, **config: object) -> None:
    """A run that judges the first ``right`` of 100 photographs rightly, in an order that mixes the classes."""
    rows = []
    for place, image in enumerate(np.random.default_rng(1).permutation(100).tolist()):
        label, other = ("cloudy", "sunny") if place % 2 else ("sunny", "cloudy")
        rows.append((f"{image:02}", label, label if place < right else other, image % 2))
    write_run(
        folder,
        strategy,
        predictions=rows,
        curve=(0.5, right / 100),
        owners=(0.5, 0.5),
        counts=COUNTS,
        config={"num_rounds": 1, **config},
    )


def curve_of(root: Path) -> tuple[Curve, list[Place]]:
    [kind] = select([root]).kinds
    [curve] = learning.curves(kind)
    return curve, learning.places(kind, curve)


def pooled(write_run: WriteRun, root: Path, curve: dict[int, int]) -> None:
    for number, right in curve.items():
        photographs = None if number == 160 else number
        write(write_run, root / f"pooled{number}", "centralized", right, **{"strategy.photographs": photographs})


def test_a_known_curve_gives_the_known_number(tmp_path: Path, write_run: WriteRun) -> None:
    pooled(write_run, tmp_path, CURVE)
    write(write_run, tmp_path / "f", "fedavg", 76)
    write(write_run, tmp_path / "l", "local", 70)
    curve, places = curve_of(tmp_path)
    assert list(curve.numbers) == [20, 40, 80, 160]
    assert curve.means == pytest.approx([0.6, 0.7, 0.8, 0.9])
    alone, federated = sorted(places, key=lambda each: each.accuracy)
    assert federated.group.strategy == "fedavg" and federated.number == pytest.approx(40 * 2**0.6, rel=1e-3)
    assert federated.low and federated.high and 40 < federated.low < federated.number < federated.high < 160
    assert alone.number == pytest.approx(40, rel=0.01) and federated.largest == alone.largest == 100


def test_beyond_the_points_nothing_is_told_but_that(tmp_path: Path, write_run: WriteRun) -> None:
    pooled(write_run, tmp_path, CURVE)
    write(write_run, tmp_path / "f", "fedavg", 98)
    write(write_run, tmp_path / "g", "fedprox", 91)
    write(write_run, tmp_path / "h", "scaffold", 51)
    above, near, below = sorted(curve_of(tmp_path)[1], key=lambda each: -each.accuracy)
    assert math.isinf(above.number) and above.apart and above.low is above.high is None
    assert math.isinf(near.number) and not near.apart and near.low is not None and near.high is None
    assert below.number == 0 and below.apart


def test_the_curve_rises_and_is_straight_between_its_points() -> None:
    curve = Curve([], np.array([10.0, 20.0, 40.0, 80.0]), "", np.array([0.5, 0.8, 0.7, 0.9]), np.zeros(4))
    at = np.array([10, 10 * 2**0.5, 20, 30, 40, 40 * 2**0.25, 80])
    weights = curve.weights(curve.means, at)
    assert weights.sum(axis=1) == pytest.approx(np.ones(7))
    assert weights @ curve.means == pytest.approx([0.5, 0.625, 0.75, 0.75, 0.75, 0.7875, 0.9])


def test_owners_make_points_too(tmp_path: Path, write_run: WriteRun) -> None:
    for name, owners, right in (("a", [1], 60), ("b", [0], 70), ("c", None, 80)):
        write(write_run, tmp_path / name, "centralized", right, **{"strategy.owners": owners})
    curve, _places = curve_of(tmp_path)
    assert list(curve.numbers) == [60, 100, 160] and curve.means == pytest.approx([0.6, 0.7, 0.8])


@pytest.mark.usefixtures("no_pixels")
def test_the_page_tells_it(tmp_path: Path, write_run: WriteRun) -> None:
    pooled(write_run, tmp_path / "runs", CURVE)
    write(write_run, tmp_path / "runs/f", "fedavg", 80)
    page = write_report([tmp_path / "runs"], tmp_path / "out").read_text()
    assert "fedavg reaches 80.0 %. In pooled photographs that is 80 (" in page
    assert "; that is 0.8 (" in page and ") times the 100 that the largest owner has." in page
    with (tmp_path / "out/tables/learning.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["photographs"]) for row in rows] == pytest.approx([20, 40, 80, 160, 80], rel=0.01)
    with (tmp_path / "out/tables/final.csv").open() as file:
        assert {row["group"] for row in csv.DictReader(file)} == {"centralized", "fedavg"}, "parts are compared to none"


@pytest.mark.usefixtures("no_pixels")
def test_two_points_are_no_curve(tmp_path: Path, write_run: WriteRun) -> None:
    pooled(write_run, tmp_path / "runs", {20: 60, 160: 90})
    write(write_run, tmp_path / "runs/f", "fedavg", 80)
    page = write_report([tmp_path / "runs"], tmp_path / "out").read_text()
    assert (
        "2 numbers of photographs make no curve: add pooled training on others, such as strategy.photographs=" in page
    )
    assert not (tmp_path / "out/tables/learning.csv").exists()
