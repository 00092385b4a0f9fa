from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.drawings import drawings
from benchmarks.not_sky import calibrate, is_for_choosing, make, others, photographs
from fedsky.data.sky import render
from fedsky.web.prediction.detector import describe, fit, read, shipped, to_lab


def skies(seed: int, count: int) -> np.ndarray:
    return np.array([describe(Image.fromarray(render(seed, number, 128)[0])) for number in range(count)])


def test_colours_are_those_of_cie() -> None:
    # sRGB's primaries under D65, as tables of CIE L*a*b* have them
    known = {
        (255, 255, 255): (100, 0, 0),
        (0, 0, 0): (0, 0, 0),
        (255, 0, 0): (53.24, 80.09, 67.20),
        (0, 0, 255): (32.30, 79.19, -107.86),
        (0, 255, 0): (87.73, -86.18, 83.18),
    }
    for rgb, lab in known.items():
        assert to_lab(np.array(rgb, np.uint8)) == pytest.approx(lab, abs=0.05)


def test_the_size_of_a_picture_hardly_matters() -> None:
    large = Image.fromarray(render(3, 0, 400)[0])
    detector = shipped()
    scores = [detector.judge(large.resize((side, side)))["score"] for side in (400, 256, 192)]
    assert max(scores) - min(scores) < 0.15


def test_the_distance_is_mahalanobis_to_the_nearest_class() -> None:
    rng = np.random.default_rng(0)
    spread = np.diag([1.0, 3.0, 0.5])
    features = np.concatenate([rng.normal(size=(4000, 3)) @ spread, rng.normal(size=(4000, 3)) @ spread + [0, 0, 6]])
    family = fit(features, ["a"] * 4000 + ["b"] * 4000)
    # The second feature alone is normal over all: its transform is nearly the identity.
    at = np.array([[0.0, 9.0, 0.0], [0.0, 9.0, 6.0], [0.0, 0.0, 0.0]])
    first, second, centre = family.distances(at)
    assert first == pytest.approx(3, abs=0.3) and second == pytest.approx(3, abs=0.3) and centre < 0.3
    assert family.distances(np.array([[0.0, 0.0, 3.0]]))[0] > 2.5  # the mean of all is far from either class


def test_a_threshold_is_exceeded_by_the_fraction_asked_for() -> None:
    rng = np.random.default_rng(1)
    family = calibrate(rng.normal(size=(400, 5)), ["a"] * 400, 0.1, seed=0)
    alarms = (family.distances(rng.normal(size=(20000, 5))) > family.threshold).mean()
    assert 0.06 < alarms < 0.14


def test_what_is_shipped_knows_rendered_skies_from_drawings() -> None:
    detector = shipped()
    assert (detector.scores(skies(2, 60)) > 1).mean() <= 0.1
    drawn = np.array([describe(picture) for _, picture in drawings(seed=7)])
    assert (detector.scores(drawn) > 1).mean() >= 0.85


def test_what_is_shipped_tells_its_rates_and_keeps_to_five_in_a_hundred_skies() -> None:
    rates = shipped().measured["rates"]
    skies_seen, others_seen = rates["photographs of skies"], rates["other pictures, for reporting"]
    assert skies_seen["n"] >= 90 and skies_seen["not_sky"] / skies_seen["n"] <= 0.05
    assert others_seen["n"] >= 30 and others_seen["not_sky"] / others_seen["n"] >= 0.7


def test_it_can_be_made_without_photographs_and_comes_back_from_its_file(tmp_path: Path) -> None:
    features = skies(0, 40)
    detector, unseen = make(None, (features, ["cloudy", "sunny"] * 20))
    assert list(detector.families) == ["rendered"] and len(unseen) == 0
    detector.write(tmp_path / "detector.json")
    again = read(tmp_path / "detector.json")
    assert again.scores(features) == pytest.approx(detector.scores(features), rel=1e-3)
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    assert not again.judge(noise)["is_sky"] and again.judge(noise)["text"].startswith("This is not like the skies")


def test_the_other_pictures_are_many_of_each_nature_in_both_halves() -> None:
    at_hand = [(nature, name) for nature, name, _ in others(None)]
    assert len({name for _, name in at_hand}) == len(at_hand) >= 25
    halves = [is_for_choosing(name) for _, name in at_hand]
    assert 8 <= sum(halves) <= len(halves) - 8


def test_photographs_that_it_has_not_learned_from_are_skies(sky: Path) -> None:
    features, _ = photographs(sky)
    order = np.random.default_rng(0).permutation(len(features))
    unseen = features[order[3 * len(order) // 4 :]]
    measured = shipped().measured["rates"]["photographs of skies"]
    alarms = int((shipped().scores(unseen) > 1).sum())
    assert (alarms, len(unseen)) == (measured["not_sky"], measured["n"]) and alarms / len(unseen) <= 0.05
