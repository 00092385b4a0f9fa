"""Other people's cameras, and how sure a model may be: on pictures and answers whose figures are known."""

import csv
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from two_skies import two_skies

from benchmarks import calibration, cameras, retaken
from fedsky.config import compose, resolve
from fedsky.run import run

BLUE = np.full((3, 3, 16, 16), 0, np.uint8)
BLUE[:, 0], BLUE[:, 1], BLUE[:, 2] = 80, 130, 220


@pytest.mark.parametrize("camera", retaken.CAMERAS)
def test_a_camera_takes_the_same_pictures_each_time_and_other_ones_than_at_home(camera: str) -> None:
    taken = retaken.taken_by(camera, BLUE)
    assert taken.dtype == np.uint8 and taken.shape == BLUE.shape
    assert (taken == retaken.taken_by(camera, BLUE)).all()
    assert (taken == BLUE).all() == (camera == "home")


def test_cameras_do_what_they_are_called() -> None:
    mean = {name: retaken.taken_by(name, BLUE).mean(axis=(0, 2, 3)) for name in retaken.CAMERAS}
    assert mean["dim"].mean() < 0.7 * mean["home"].mean() < mean["burnt"].mean()
    assert np.ptp(mean["grey"]) < 0.6 * np.ptp(mean["home"])
    assert mean["warm"][0] > mean["home"][0] > mean["cold"][0]


def test_the_temperature_is_that_of_which_the_answers_were_made() -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(size=20_000) * 2
    labels = (rng.uniform(size=20_000) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    answers = np.stack([0 * margin, 3 * margin], axis=1)
    assert calibration.temperature(answers, labels) == pytest.approx(3, rel=0.05)
    raw, mended = (
        calibration.calibration_error(calibration.probabilities(answers, each), labels) for each in (1.0, 3.0)
    )
    assert mended < 0.02 < raw


def test_balanced_accuracy_and_calibration_error_by_hand() -> None:
    chance, labels = np.array([0.9, 0.9, 0.2, 0.6]), np.array([1, 0, 0, 0])
    assert calibration.balanced_accuracy(chance, labels) == pytest.approx((1 + 1 / 3) / 2)
    assert calibration.balanced_accuracy(chance, labels, 0.7) == pytest.approx((1 + 2 / 3) / 2)
    assert calibration.calibration_error(chance, labels) == pytest.approx((2 * 0.4 + 0.2 + 0.6) / 4)


def _answer(right: list[float], camera: str = "home", seed: int = 0) -> cameras.Answer:
    names = [f"sky {number}" for number in range(len(right))]
    labels = np.arange(len(right)) % 2
    return cameras.Answer(camera, names, labels, np.array(right), np.zeros(3), "0 1/5", seed, 0.0)


def test_rows_of_the_same_photographs_and_runs_are_compared_pair_by_pair() -> None:
    first = [1.0, 0.0] * 12 + [0.0, 1.0] * 12
    rows = {"a": [_answer(first)], "b": [_answer([1 - (1 - each) / 2 for each in first])], "c": [_answer(first)]}
    found = cameras.compared(rows)
    assert found["a"][0].startswith("0.500 [") and not found["a"][1]
    assert found["b"][0].startswith("0.750 [") and found["b"][1].startswith("+0.250 [+0.1")
    assert found["c"] == (found["a"][0], "+0.000")


def test_owners_with_cameras_and_all_that_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    two_skies(tmp_path / "photos", 50, 40, (24, 32), ".jpg")
    monkeypatch.setattr(sys, "argv", ["retaken", str(tmp_path / "photos"), str(tmp_path / "owned")])
    retaken.main()
    with (tmp_path / "owned" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter((row["owner"], row["label"]) for row in rows) == {
        (owner, label): 10 for owner in retaken.OWNERS for label in ("cloudy", "sunny")
    }
    asked = ["engine=inline", "num_rounds=1", "data=folder", f"data.root={tmp_path / 'owned'}", "data.size=32"]
    asked += ["partition=natural", "num_clients=5", "partition.min_examples=5", "data.duplicates=keep"]
    for strategy in ("fedavg", "local"):
        run(resolve(compose([*asked, f"strategy={strategy}"])), tmp_path / "runs" / strategy, {"strategy": strategy})
    words = [
        f"my {{}}={tmp_path / 'runs'}",
        "--part",
        "test",
        "--original",
        str(tmp_path / "photos"),
        "--flip",
        "--each",
    ]
    monkeypatch.setattr(sys, "argv", ["cameras", *words])
    cameras.main()
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "n = 20 at home"
    assert [line.split(" | ")[0] for line in told[3:7]] == [
        "| my fedavg",
        "| my fedavg, flip",
        "| my local",
        "| my local, flip",
    ]
    assert {line.split(":")[0] for line in told[7:]} == {
        f"{name}, {camera}"
        for name in ("my fedavg", "my fedavg, flip", "my local", "my local, flip")
        for camera in ("home", *retaken.UNSEEN)
    }
