"""Clouds: lit fractal and cellular fields of several genera, in their own shadow, cut at the cover that is asked for.

The cover is exact because a field is cut at a quantile of its own values. Heaps are cells (Worley 1996) on a fractal,
wisps a stretched and warped fractal, decks a fractal lit from above. Thin cloud counts in full, as for an observer.
"""

import math

import numpy as np
from numpy.random import Generator

from fedsky.data.sky.atmosphere import overcast_sky
from fedsky.data.sky.genera import Cloud
from fedsky.data.sky.noise import Array, Mask, billows, choose, fractals, line, sample, smoothstep
from fedsky.data.sky.scene import Scene


def depth_of(rng: Generator, scene: Scene, cloud: Cloud, sky: Mask) -> Array:
    """How deep [n, n] a pixel is inside the cloud, in deviations of the field: above 0 over exactly its cover."""
    wind, *origin = rng.uniform(0, math.pi, 3).tolist()
    wisps, heaps, torn = choose(rng, fractals()), choose(rng, billows()), choose(rng, fractals())
    height = np.maximum(scene.z, 0)
    # A flat layer, bent down at the horizon as the Earth bends it; heaped clouds more, since their flanks are seen.
    reach = cloud.scale / (height + (0.12 + 0.36 * cloud.billow))
    u = (scene.x * math.cos(wind) + scene.y * math.sin(wind)) * (reach * (64 / cloud.stretch)) + origin[0] * 200
    v = (scene.y * math.cos(wind) - scene.x * math.sin(wind)) * (reach * 64) + origin[1] * 200
    if cloud.warp > 0.05:
        bent = sample(torn, u * 0.5 + 31, v * 0.5 + 17) * (7 * cloud.warp)
        u, v = u + bent, v + bent * 0.6
    field = sample(wisps, u, v) * (1 - 0.62 * cloud.billow)
    if cloud.billow > 0.1:
        field += cloud.billow * 0.62 * sample(heaps, u * 0.9 + 90, v * 0.9)
        field += cloud.billow * 0.30 * sample(heaps, u * 2.6 + 9, v * 2.6 + 50)
    field += 0.16 * sample(torn, u * 4.3, v * 4.3 + 70)
    if cloud.billow > 0.1:
        field += 0.08 * sample(torn, u * 11, v * 11)
    if cloud.gap:
        field -= 1.3 * cloud.gap * smoothstep(1 - height / 0.22)
    if cloud.shine:
        field -= cloud.shine * np.exp(-((scene.angle / 0.2) ** 2))
    inside = field[sky]
    deviation = inside.std()
    # A full or an empty sky has no edge anywhere, not even at the field's extremes.
    beyond = cloud.softness * ((cloud.cover == 0) - (cloud.cover == 1))
    edge = np.quantile(inside, 1 - cloud.cover) + beyond * deviation
    return np.asarray((field - edge) / deviation, np.float32)


def radiance_of(rng: Generator, scene: Scene, cloud: Cloud, depth: Array, veil: Array) -> Array:
    """The radiance [n, n, 3] of cloud itself: between sunlit heaps in their own shadow and a deck lit from above.

    ``veil`` [3] is the colour that distance fades into.
    """
    dim, red, green, rain, kind = rng.uniform(size=5).tolist()
    size = len(depth)
    thickness = np.sqrt(np.clip(depth * 0.45, 0, 1))
    # The slope of the heaps seen from the camera, over a fixed fraction of the picture.
    stride = max(size // 48, 1)
    slope_x = _difference(thickness, stride, 1) * (0.9 * cloud.relief)
    slope_up = -_difference(thickness, stride, 0) * (0.9 * cloud.relief)
    right, up, back = scene.sunward
    facing = (0.75 * back + 0.45 - slope_x * right - slope_up * up) / np.sqrt(1 + slope_x**2 + slope_up**2)
    shadow = np.exp(-1.3 * cloud.relief * towards_sun(thickness, right, up))
    lining = np.exp(-2.6 * scene.angle) * (1 - thickness) ** 2  # thin edges scatter forward
    thick = np.clip(0.40 + 0.60 * facing, 0.20, 1.1) * shadow * (1 - 0.25 * cloud.relief * thickness)
    ambient = 0.36 * (veil + veil.mean())
    bottom = np.clip(0.85 - 0.5 * slope_up - 0.3 * cloud.relief * thickness, 0.25, 1.2)
    lit = scene.sunlight * (0.85 * thick + 1.3 * lining)[..., None] + ambient * bottom[..., None]
    if cloud.gloom < 0.02:
        body = lit
    else:
        deck = overcast_sky(int(kind * 6), scene.elevation, np.maximum(scene.z, 0.03), scene.angle)
        swing = depth - depth.mean()
        deck = deck * (0.35 + 0.9 * dim) * np.exp(-0.30 * cloud.relief * np.clip(swing, -2.2, 2.2) - 0.3 * slope_up)
        if rain < 0.25:  # falling under it
            bearing = np.arctan2(scene.x, scene.y)
            fall = np.clip(line(fractals()[0], 7, bearing * 40 + scene.z * 10), 0, 1.5)
            deck = deck * np.exp(-fall * np.exp(-np.maximum(scene.z, 0) / 0.2))
        deck += 10 * (1 - cloud.gloom) * np.exp(-4 * scene.angle)
        cast = np.array([1 - 0.16 * red, 1 - 0.05 * green, 1], np.float32)
        body = lit + (np.maximum(deck, 0.15)[..., None] * cast - lit) * cloud.gloom
        veil = veil + (body.mean(axis=(0, 1)) - veil) * cloud.gloom  # no blue haze under a closed deck
    fade = 1 - np.exp(-scene.haze / (np.maximum(scene.z, 0) + 0.05))
    return np.asarray(body + (veil - body) * fade[..., None], np.float32)


def _difference(field: Array, stride: int, axis: int) -> Array:
    places = np.arange(field.shape[axis])
    return np.asarray(field.take(places + stride, axis, mode="clip") - field.take(places - stride, axis, mode="clip"))


def towards_sun(thickness: Array, right: float, up: float) -> Array:
    """The mean thickness [n, n] met on the way to the sun, marched across the image in four strides."""
    length = math.hypot(right, up + 0.3) + 1e-3
    pixels, total = np.arange(len(thickness)), np.zeros_like(thickness)
    for step in range(1, 5):
        stride = 0.022 * len(thickness) * step
        rows = np.clip(pixels - round((up + 0.3) / length * stride), 0, len(thickness) - 1)
        columns = np.clip(pixels + round(right / length * stride), 0, len(thickness) - 1)
        total += thickness[rows][:, columns]
    return total / 4
