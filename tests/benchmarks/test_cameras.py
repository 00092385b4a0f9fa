"""Other people's cameras, and how sure a model may be: on pictures and answers whose figures are known."""

import numpy as np
import pytest

from benchmarks import cameras

BLUE = np.full((3, 3, 16, 16), 0, np.uint8)
BLUE[:, 0], BLUE[:, 1], BLUE[:, 2] = 80, 130, 220


@pytest.mark.parametrize("camera", cameras.CAMERAS)
def test_a_camera_takes_the_same_pictures_each_time_and_other_ones_than_at_home(camera: str) -> None:
    taken = cameras.taken_by(camera, BLUE)
    assert taken.dtype == np.uint8 and taken.shape == BLUE.shape
    assert (taken == cameras.taken_by(camera, BLUE)).all()
    assert (taken == BLUE).all() == (camera == "home")


def test_cameras_do_what_they_are_called() -> None:
    mean = {name: cameras.taken_by(name, BLUE).mean(axis=(0, 2, 3)) for name in cameras.CAMERAS}
    assert mean["dim"].mean() < 0.7 * mean["home"].mean() < mean["burnt"].mean()
    assert np.ptp(mean["grey"]) < 0.6 * np.ptp(mean["home"])
    assert mean["warm"][0] > mean["home"][0] > mean["cold"][0]


def test_the_temperature_is_that_of_which_the_answers_were_made() -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(size=20_000) * 2
    labels = (rng.uniform(size=20_000) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    answers = np.stack([0 * margin, 3 * margin], axis=1)
    assert cameras.temperature(answers, labels) == pytest.approx(3, rel=0.05)
    raw, mended = (cameras.calibration_error(cameras.probabilities(answers, each), labels) for each in (1.0, 3.0))
    assert mended < 0.02 < raw


def test_balanced_accuracy_and_calibration_error_by_hand() -> None:
    chance, labels = np.array([0.9, 0.9, 0.2, 0.6]), np.array([1, 0, 0, 0])
    assert cameras.balanced(chance, labels) == pytest.approx((1 + 1 / 3) / 2)
    assert cameras.balanced(chance, labels, 0.7) == pytest.approx((1 + 2 / 3) / 2)
    assert cameras.calibration_error(chance, labels) == pytest.approx((2 * 0.4 + 0.2 + 0.6) / 4)
