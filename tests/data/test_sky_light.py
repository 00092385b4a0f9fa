"""The light of the drawn sky agrees with what the cited models say of it."""

import math

import numpy as np
import pytest

from fedsky.data import sky
from fedsky.data.sky.atmosphere import clear_sky, overcast_sky, sunlight
from fedsky.data.sky.noise import TILE, billows, fractals, sample

HIGH = math.radians(50)


def at(elevation: float, azimuth: float, sun: float) -> tuple[np.ndarray, np.ndarray]:
    """The sine of a direction's elevation and its angle to the sun, which stands at azimuth 0."""
    height = math.sin(elevation)
    cosine = height * math.sin(sun) + math.cos(elevation) * math.cos(sun) * math.cos(azimuth)
    return np.array([height], np.float32), np.array([math.acos(min(cosine, 1.0))], np.float32)


def test_the_zenith_has_the_luminance_of_preetham() -> None:
    """Lz = (4.0453 T - 4.9710) tan((4/9 - T/120)(pi - 2 s)) - 0.2155 T + 2.4192, with T = 3, s = 40."""
    colour = clear_sky(HIGH, 3.0, *at(math.pi / 2, 0, HIGH))[0]
    chi = (4 / 9 - 3 / 120) * (math.pi - 2 * math.radians(40))
    wanted = (4.0453 * 3 - 4.9710) * math.tan(chi) - 0.2155 * 3 + 2.4192
    assert colour @ [0.2126, 0.7152, 0.0722] == pytest.approx(wanted, rel=0.01)
    assert colour[2] > 1.5 * colour[1] > 1.5 * colour[0], "a clear zenith is blue"


def test_a_clear_sky_is_brighter_towards_the_sun_and_paler_at_the_horizon() -> None:
    towards, away = (clear_sky(HIGH, 3.0, *at(0.7, azimuth, HIGH))[0] for azimuth in (0.2, math.pi))
    assert towards.sum() > 2 * away.sum()
    low, high = (clear_sky(HIGH, 3.0, *at(elevation, 2.0, HIGH))[0] for elevation in (0.03, 1.2))
    assert low[2] / low[0] < high[2] / high[0]


def test_the_standard_overcast_sky_is_three_times_brighter_at_the_zenith() -> None:
    """CIE type 1 comes close to Moon and Spencer 1942, whose zenith has thrice the horizon's luminance."""
    zenith, horizon = (overcast_sky(0, HIGH, *at(e, 1.0, HIGH))[0] for e in (math.pi / 2, 0.001))
    assert zenith == pytest.approx(0.123 + 8.6 * math.sin(HIGH), rel=0.01)
    assert zenith / horizon == pytest.approx(1 + 4 * math.exp(-0.7), rel=0.02)  # 2.99
    around = [overcast_sky(0, HIGH, *at(0.6, azimuth, HIGH))[0] for azimuth in (0, 1, 3)]
    assert around == pytest.approx([around[0]] * 3), "type 1 knows no direction"
    assert overcast_sky(3, HIGH, *at(0.6, 0, HIGH))[0] > overcast_sky(3, HIGH, *at(0.6, 3, HIGH))[0]


def test_a_low_sun_is_warm_and_dim() -> None:
    low, high = sunlight(math.radians(4), 3.0), sunlight(math.radians(60), 3.0)
    assert low.sum() < 0.6 * high.sum()
    assert low[0] / low[2] > 2 * high[0] / high[2]


def test_the_sky_is_brighter_on_the_suns_side_of_the_photograph() -> None:
    sides = []
    for index in range(1, 400, 2):
        made = sky.draw(3, index, 16)
        if made.genus == "none" and 20 < abs(made.sun_azimuth) < 90 and made.pitch > 17:
            right, left = made.image[:6, 9:].mean(), made.image[:6, :7].mean()
            sides.append((right > left) == (made.sun_azimuth > 0))
    assert len(sides) >= 8
    assert np.mean(sides) > 0.9


def test_the_noise_tiles_have_no_seam() -> None:
    edges = np.arange(TILE, dtype=np.float32)
    for tile in (*fractals(), *billows()):
        assert tile.std() == pytest.approx(1, abs=1e-3)
        across = np.abs(sample(tile, edges * 0 - 1, edges) - sample(tile, edges * 0, edges)).mean()
        inside = np.abs(np.diff(tile, axis=1)).mean()
        assert across < 1.5 * inside
        np.testing.assert_allclose(sample(tile, edges + TILE, edges * 0 + 3 - TILE), tile[3], atol=1e-6)
