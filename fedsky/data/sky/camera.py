"""What a camera makes of the light: glare and flare in the lens, exposure, sensor, tone curve and JPEG."""

import io
import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from fedsky.data.sky.noise import Array, fractals, line, smoothstep
from fedsky.data.sky.owner import Owner
from fedsky.data.sky.scene import Scene

OVERSAMPLE = 2  # pixels drawn per pixel kept, along each axis


def polariser(rng: Generator, angle: Array) -> Array:
    """What a polarising filter leaves of the clear sky, [...]; nearly half of the photographs are taken through one.

    A Rayleigh sky at an angle to the sun is polarised by sin2 / (1 + cos2) of it.
    """
    used, turned = rng.uniform(size=2).tolist()
    cosine2 = np.cos(angle) ** 2
    return np.asarray(1 - (used < 0.45) * (0.3 + 0.5 * turned) * (1 - cosine2) / (1 + cosine2), np.float32)


def glare(rng: Generator, scene: Scene, clear: Array) -> Array:
    """What the sun adds, [n, n, 3]: its disc where the sky is ``clear``, and glare as far as it is clear there.

    Stars come of the diaphragm's blades, ghosts of reflections between lenses, on the line through the middle.
    """
    wide, star, ghosts, turn, blades, beams = rng.uniform(size=6).tolist()
    near = scene.angle < 0.09
    through = float(clear[near].mean()) if near.any() else float(clear.mean())
    angle = scene.angle
    light = (0.6 + 2.2 * wide) * np.exp(-11 * angle) + 0.16 * np.exp(-3 * angle)
    # Half a degree wide, but spread by the lens; a deck hides it though its glow comes through.
    disc = 40 * smoothstep((0.016 + 0.03 * wide - angle) / 0.02) * clear**4
    if scene.sun_at is None:
        return np.asarray((disc + through * light)[..., None] * scene.sunlight)
    right, up = scene.across - scene.sun_at[0], scene.up - scene.sun_at[1]
    around = np.arctan2(up, right)
    if star < 0.5 and through > 0.3:
        points = 3 + int(blades * 5)
        rays = np.abs(np.cos(around * points + turn * math.pi)) ** (12 + 60 * star)
        light = light + (2.5 * wide + 0.8) * rays * np.exp(-(7 + 12 * turn) * angle)
    if beams < 0.35:
        fan = line(fractals()[1], int(turn * 200), around * (256 / (2 * math.pi)) * 2)
        light = light * np.maximum(1 + (0.3 + beams) * fan * np.minimum(angle * 6, 1), 0.2)
    if ghosts < 0.3 and through > 0.3:
        for number in range(4):
            place = -0.3 - 0.5 * number * (0.5 + turn)
            ring = np.hypot(scene.across - place * scene.sun_at[0], scene.up - place * scene.sun_at[1])
            radius = (0.03 + 0.05 * ((number * 0.37 + blades) % 1)) * scene.reach * 1.5
            light = light + 0.05 * wide * smoothstep((radius - ring) / (0.15 * radius))
    return np.asarray((disc + through * light)[..., None] * scene.sunlight, np.float32)


def photograph(rng: Generator, owner: Owner, radiance: Array, sunlight: Array) -> NDArray[np.uint8]:
    """What a camera makes of ``radiance`` [2n, 2n, 3] under sunlight [3]: uint8 [n, n, 3], with its faults."""
    shares = iter(rng.uniform(size=16).tolist())
    exposure, warmth, tint = (
        2 ** owner.exposure.at(next(shares)),
        owner.warmth.at(next(shares)),
        owner.tint.at(next(shares)),
    )
    blur, vignette, saturation = (
        owner.blur.at(next(shares)),
        owner.vignette.at(next(shares)),
        owner.saturation.at(next(shares)),
    )
    contrast, clarity, noise = (
        owner.contrast.at(next(shares)),
        owner.clarity.at(next(shares)),
        owner.noise.at(next(shares)),
    )
    quality = round(owner.quality.at(next(shares)))
    grey_film, filtered, strength, metering, veiled = (next(shares) for _ in range(5))

    light = (radiance[::2, ::2] + radiance[1::2, ::2] + radiance[::2, 1::2] + radiance[1::2, 1::2]) / 4
    pixels = np.arange(len(light))
    for turn in (0, 1):
        before, after = (light.take(pixels + way, turn, mode="clip") for way in (-1, 1))
        light += (before + after - 2 * light) * (blur / 4)
    edge = np.linspace(-1, 1, len(light), dtype=np.float32)
    light *= 1 - vignette / 2 * (edge[:, None, None] ** 2 + edge[:, None] ** 2)
    if filtered < 0.12:  # a graduated filter darkens the sky
        light *= (1 - (0.3 + 0.4 * strength) * smoothstep(-edge * 1.2 + 0.4))[:, None, None]
    # The meter makes most of what it sees grey, and dark weather stays darker than bright: it corrects 0.8 of it.
    mean = light.mean(axis=(0, 1))
    level = float(np.minimum(light, 6 * mean.mean()).mean())
    balance = (
        np.array([1 + warmth, 1 + tint, 1 - warmth], np.float32)
        * (mean.mean() / mean) ** 0.15
        * (sunlight.mean() / sunlight) ** 0.45
    )
    light *= balance * (exposure * 0.55 / level * (level / 6) ** (0.15 + 0.4 * metering))
    light += noise * np.sqrt(np.maximum(light, 0) + 0.05) * rng.standard_normal(light.shape, dtype=np.float32)
    grey = (0.2126 * light[..., 0] + 0.7152 * light[..., 1] + 0.0722 * light[..., 2])[..., None]
    light = grey + (light - grey) * (saturation if grey_film > 0.04 else 0.0)
    veil = owner.veil[0] + (owner.veil[1] - owner.veil[0]) * veiled
    film = (1 - np.exp(-1.15 * np.maximum(light, 0))) ** (1 / 2.2)
    if clarity > 0.1:
        film += clarity * 0.8 * (film - _blurred(film, max(len(film) // 10, 1)))
        film = np.clip(film, 0, 1)
    film += (smoothstep(film) - film) * contrast
    if veil:
        film += (0.85 - film) * veil
    encoded = io.BytesIO()
    Image.fromarray((np.clip(film, 0, 1) * 255 + 0.5).astype(np.uint8)).save(encoded, "JPEG", quality=quality)
    return np.asarray(Image.open(encoded).convert("RGB"))


def _blurred(film: Array, radius: int) -> Array:
    """The luma [n, n, 1] of a picture, averaged over a square of 2 radius + 1 pixels a side, twice."""
    grey = film.mean(axis=2)
    for _ in range(2):
        for axis in (0, 1):
            padded = np.pad(grey, [(radius + 1, radius) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
            total = np.cumsum(padded, axis=axis)
            n = 2 * radius + 1
            grey = (
                np.take(total, np.arange(n, total.shape[axis]), axis)
                - np.take(total, np.arange(total.shape[axis] - n), axis)
            ) / n
    return np.asarray(grey[..., None])
