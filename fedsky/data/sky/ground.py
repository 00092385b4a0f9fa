"""What the horizon parts the sky from: hills, mountains, trees and towns before plains, snow, beaches and water."""

import math
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from fedsky.data.sky.noise import Array, Mask, choose, fractals, line, sample, smoothstep
from fedsky.data.sky.scene import Scene

Colour = tuple[float, float, float]  # reflectance


class Ground(NamedTuple):
    """A kind of country: a plain in front of a skyline."""

    name: str
    share: float
    low: Colour
    high: Colour  # the plain, drawn between both
    texture: float
    skyline: str  # none, hills, mountains, trees or town: the most distant, the others may stand before it
    wet: float  # how much of the plain is water, from the horizon on


GROUNDS = (
    Ground("meadows", 0.20, (0.02, 0.05, 0.01), (0.12, 0.22, 0.04), 0.35, "hills", 0.0),
    Ground("fields", 0.10, (0.20, 0.16, 0.05), (0.42, 0.34, 0.12), 0.35, "hills", 0.0),
    Ground("sea", 0.18, (0.00, 0.04, 0.06), (0.02, 0.10, 0.16), 0.30, "none", 1.0),
    Ground("beach", 0.14, (0.30, 0.26, 0.18), (0.80, 0.74, 0.62), 0.15, "none", 0.45),
    Ground("woods", 0.10, (0.02, 0.04, 0.02), (0.06, 0.10, 0.05), 0.40, "trees", 0.0),
    Ground("lake", 0.08, (0.03, 0.05, 0.04), (0.08, 0.12, 0.06), 0.40, "mountains", 0.6),
    Ground("town", 0.12, (0.05, 0.05, 0.05), (0.20, 0.18, 0.16), 0.25, "town", 0.0),
    Ground("snow", 0.03, (0.70, 0.74, 0.80), (0.86, 0.88, 0.92), 0.10, "mountains", 0.0),
    Ground("road", 0.05, (0.06, 0.06, 0.06), (0.16, 0.16, 0.16), 0.15, "trees", 0.0),
)
_ROAD = len(GROUNDS) - 1


class Land(NamedTuple):
    """Where the ground is, and what is to be painted there."""

    kind: int
    mask: Mask  # [n, n]
    far: Array  # [n, n], the sine of the elevation of the skyline
    near: Array  # the same of what stands before it


def draw_land(rng: Generator, scene: Scene, shares: tuple[float, ...] | None) -> Land:
    """The skyline of one kind of country."""
    given = np.array([ground.share for ground in GROUNDS] if shares is None else shares)
    kind = int(rng.choice(len(GROUNDS), p=given / given.sum()))
    tile, bearing = choose(rng, fractals()), np.arctan2(scene.x, scene.y)
    far = _profile(rng, GROUNDS[kind].skyline, tile, bearing)
    shore = rng.uniform() < 0.25 and GROUNDS[kind].skyline == "none"
    near = _profile(rng, ("hills", "mountains")[int(rng.integers(2))] if shore else "none", tile, bearing)
    before = rng.uniform(size=2).tolist()
    if GROUNDS[kind].wet < 0.9 and before[0] < 0.35:  # trees or houses before it
        near = _profile(rng, "town" if before[1] < 0.25 else "trees", tile, bearing)
    elif shore:
        far, near = near, far
    return Land(kind, (scene.z < far) | (scene.z < near), far, near)


def _profile(rng: Generator, what: str, tile: Array, bearing: Array) -> Array:
    """The sine [n, n] of the elevation under which the skyline hides the sky."""
    height, shift, row = rng.uniform(0.3, 1), float(rng.uniform(0, 256)), int(rng.integers(256))
    wide = line(tile, row, bearing * 40 + shift)
    if what == "none":
        return np.zeros_like(bearing)
    if what == "hills":
        return np.asarray(height * 0.05 * (1 + 0.7 * wide))
    if what == "mountains":
        return np.asarray(height * 0.16 * (0.8 + 0.6 * wide + 0.08 * line(tile, row + 3, bearing * 300)))
    if what == "trees":
        return np.asarray(height * 0.10 * (0.5 + 0.35 * wide + 0.30 * np.abs(line(tile, row + 5, bearing * 260))))
    block = np.floor(bearing * (12 + 20 * height) + shift)
    tall = (np.sin(block * 127.1 + shift) * 43758.5453) % 1  # one height for each house
    return np.asarray(height * 0.22 * (0.15 + tall**2.5), np.float32)


def paint(rng: Generator, scene: Scene, land: Land, canvas: Array, sunlit: Array, shade: Array, haze: Array) -> None:
    """Paints the ground into ``canvas`` [n, n, 3]; sunlit [3] and shade [3] light it, far things fade into haze [3]."""
    ground, mask = GROUNDS[land.kind], land.mask
    mix, rough, lush, murk, tropic, sheen, *_ = rng.uniform(size=8).tolist()
    row = int(rng.integers(256))
    light = shade + sunlit
    x, y, z, bearing = scene.x[mask], scene.y[mask], scene.z[mask], np.arctan2(scene.x[mask], scene.y[mask])
    plain = np.array(ground.low, np.float32) + (np.array(ground.high, np.float32) - ground.low) * np.float32(mix)
    down = np.maximum(-z, 0)
    reach = 12 / (down + 0.03)
    tile = choose(rng, fractals())
    coarse = sample(tile, x * reach, y * reach)
    fine = sample(tile, x * reach * 5, y * reach * 5)
    grain = np.maximum(1 + ground.texture * (0.3 + rough) * (0.6 * coarse + 0.6 * fine), 0.15)
    if lush < 0.08:  # furrows, mown stripes
        grain = grain * (1 + 0.12 * np.sign(np.sin(bearing * 60)))
    colour = plain * grain[:, None] * light
    if land.kind == _ROAD:
        side = np.abs(x / np.maximum(down, 0.01))
        verge = np.array([0.06, 0.10, 0.03], np.float32) * (0.5 + 1.5 * murk)
        colour = np.where((side > 0.9 + rough)[:, None], verge * grain[:, None] * light, colour)
        marks = ((side < 0.05) & (np.sin(1 / (down + 0.02) * 6) > 0)) | (np.abs(side - 0.75 - rough) < 0.04)
        colour[marks] = 0.7 * light
    if ground.wet:
        ripple = 1 / (down + 0.02)
        waves = sample(tile, x * reach * 1.2, ripple * 9)
        water = _water(scene, canvas, x, y, down, waves, light, np.array([tropic, murk, sheen], np.float32))
        glint = np.exp(-((np.arctan2(scene.sun[0], scene.sun[1]) - bearing) ** 2) / (0.02 + 0.3 * down * sheen))
        sparkle = np.clip(waves + 0.4 * fine - 0.2 + 0.5 * sheen, 0, 2)
        water += (glint * sparkle * (0.3 + 1.2 * math.exp(-2.2 * scene.sun[2])))[:, None] * sunlit * 1.5
        shoreline = ground.wet * 0.35 * (1 + 0.15 * line(tile, row, bearing * 50))
        wet = smoothstep((shoreline - down) / 0.02 + 0.5) if ground.wet < 1 else np.ones_like(down)
        foam = np.exp(-(((down - shoreline) / 0.012) ** 2)) * (ground.skyline == "none") * (ground.wet < 1)
        colour += (water - colour) * wet[:, None]
        colour += (0.8 * light - colour) * np.clip(foam * (0.6 + fine), 0, 0.9)[:, None]
    fade = np.exp(-14 * down) * min(0.7, 3 * scene.haze)
    colour += (haze - colour) * fade[:, None]
    canvas[mask] = _standing(rng, scene, land, colour, light, haze, grain)


def _water(
    scene: Scene, sky: Array, x: Array, y: Array, down: Array, waves: Array, light: Array, draws: Array
) -> Array:
    """The radiance of water: the sky mirrored in it (Schlick 1994), and its own colour, tropical or not."""
    sine, cosine = math.sin(scene.pitch), math.cos(scene.pitch)
    z = np.abs(down + 0.03 * waves * (0.2 + down))
    ahead = np.maximum(y * cosine + z * sine, 0.05)
    size, reach = len(sky), scene.reach
    column = ((x / ahead / reach + 1) * (size / 2)).astype(np.int32)
    row = ((1 - (z * cosine - y * sine) / ahead / reach) * (size / 2)).astype(np.int32)
    # What is above the picture is as its top is; what is hidden by the ground as the sky's mean.
    mirrored = sky[np.clip(row, 0, size - 1), np.clip(column, 0, size - 1)]
    fresnel = 0.03 + 0.97 * (1 - np.minimum(down + 0.12, 1)) ** 5
    tropic, murk, _ = draws.tolist()
    deep = np.array([0.012, 0.05, 0.09], np.float32) * (0.4 + murk)
    shallow = np.array([0.03, 0.42, 0.45], np.float32)
    body = deep + (shallow - deep) * ((tropic > 0.62) * np.clip(down * 3 + 0.15, 0, 0.9))[:, None]
    own = body * light * np.maximum(1 + 0.35 * waves, 0.2)[:, None]
    return np.asarray(own + (mirrored - own) * np.minimum(fresnel, 0.85)[:, None])


def _standing(
    rng: Generator, scene: Scene, land: Land, colour: Array, light: Array, haze: Array, grain: Array
) -> Array:
    """What rises over the plain, the most distant first: paler with distance, darker against the sun."""
    mask, bearing = land.mask, np.arctan2(scene.x[land.mask], scene.y[land.mask])
    z = scene.z[mask]
    back = 0.35 + 0.65 * (1 - scene.sun[1]) / 2  # seen from the side that the sun does not shine on
    draws = rng.uniform(size=4).tolist()
    for profile, distance in ((land.far[mask], 0.2 + 0.5 * draws[0]), (land.near[mask], 0.1 * draws[1])):
        up = (z > -0.01 * draws[2]) & (z < profile)
        kind = GROUNDS[land.kind].skyline
        town = kind == "town" or draws[3] < 0.1
        tone = np.array([0.16, 0.14, 0.13] if town else [0.05, 0.08, 0.035], np.float32) * (0.4 + 1.2 * draws[2])
        shown = tone * light * back * grain[:, None]
        if town:
            lit = (np.sin(bearing * 260) > 0.2) & (np.sin(z * 420) > 0)
            shown = np.where(lit[:, None], shown * 1.6, shown)
        shown = shown + (haze - shown) * min(distance * (0.4 + 4 * scene.haze), 0.8)
        colour = np.where(up[:, None], shown, colour)
    return np.asarray(colour)
