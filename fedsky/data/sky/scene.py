"""What a photograph is of: where the sun stands, what the air is like, and where the camera looks.

x is right, y ahead, z up, so that z is also the sine of a direction's elevation.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from fedsky.data.sky.atmosphere import sunlight
from fedsky.data.sky.noise import Array
from fedsky.data.sky.owner import Owner


class Scene(NamedTuple):
    """Sun, air, and the pixels' view of them."""

    sun: tuple[float, float, float]  # unit vector
    elevation: float  # of the sun, radians
    turbidity: float  # of the air: 2 on a mountain, 8 under a milky sky
    haze: float  # how fast what is far fades
    sunlight: Array  # [3], the radiance of a white cloud in full sun
    pitch: float  # of the camera, radians above the horizon
    reach: float  # tangent of half its angle of view
    across: Array  # [n, n], with up the place on the image plane, upright and at distance 1
    up: Array
    x: Array  # [n, n], with y and z the unit directions of the pixels
    y: Array
    z: Array
    angle: Array  # [n, n], to the sun
    sunward: tuple[float, float, float]  # the way to the sun for the camera: right, up, back towards the camera
    sun_at: tuple[float, float] | None  # the sun's place (across, up) on the image plane; None behind the camera


def draw_scene(rng: Generator, size: int, owner: Owner) -> Scene:
    """A pinhole camera held nearly level, two in five times turned towards the sun; one in four sees hardly any ground.

    What is drawn does not depend on the size, nor on the clouds.
    """
    fov, low_sun, toward, turned, within = rng.uniform(size=5).tolist()
    ground, looks_up, roll_by, air, haze = rng.uniform(size=5).tolist()
    reach = math.tan(math.radians(owner.fov.at(fov)) / 2)
    # The horizon's height in the picture, as a fraction of it; below it where the camera looks up.
    horizon = -0.2 - 2.2 * ground if looks_up < 0.27 else -0.08 + 0.56 * ground
    pitch = math.atan((1 - 2 * horizon) * reach)
    top = pitch + math.atan(reach)
    # Most photographs are taken by day; one in eight near sunset.
    high = math.radians(2 + 10 * low_sun * 8 if low_sun < 0.125 else 12 + 62 * (low_sun - 0.125) / 0.875)
    if toward < 0.42:  # the sun is in the picture, or little above it
        elevation = min(max(pitch - 0.6 * math.atan(reach), 0.08) + within * 0.9 * math.atan(reach) * 1.5, top * 1.05)
        elevation = min(elevation, 1.25) if low_sun > 0.125 else high
        azimuth = (turned * 2 - 1) * math.atan(reach) * 0.95 / max(math.cos(elevation), 0.35)
    else:
        elevation, azimuth = high, (0.35 + turned * 0.65) * math.pi * (1 if within < 0.5 else -1)
    level = math.cos(elevation)
    sun = (math.sin(azimuth) * level, math.cos(azimuth) * level, math.sin(elevation))
    turbidity = owner.turbidity.at(air)
    roll = math.radians(6 * (roll_by - 0.5)) * (abs(roll_by - 0.5) > 0.2)

    axis = (np.arange(size, dtype=np.float32) * 2 + 1) * (reach / size) - reach
    across = axis[None, :] * math.cos(roll) + axis[:, None] * math.sin(roll)
    up = axis[None, :] * math.sin(roll) - axis[:, None] * math.cos(roll)
    norm = 1 / np.sqrt(1 + across * across + up * up)
    sine, cosine = math.sin(pitch), math.cos(pitch)
    x, y, z = across * norm, (cosine - up * sine) * norm, (sine + up * cosine) * norm
    angle = np.arccos(np.clip(sun[0] * x + sun[1] * y + sun[2] * z, -1, 1))
    ahead = sun[1] * cosine + sun[2] * sine
    lift = sun[2] * cosine - sun[1] * sine
    sun_at = (sun[0] / ahead, lift / ahead) if ahead > 0.1 else None
    return Scene(
        sun,
        elevation,
        turbidity,
        0.01 + 0.2 * haze**3,
        sunlight(elevation, turbidity),
        pitch,
        reach,
        across,
        up,
        x,
        y,
        z,
        angle,
        (sun[0], lift, -ahead),
        sun_at,
    )
