"""What stands between the camera and the sky: lone trees, branches from above, poles. Mostly seen against the light."""

import math

import numpy as np
from numpy.random import Generator

from fedsky.data.sky.noise import Array, Mask, choose, fractals, sample
from fedsky.data.sky.scene import Scene


def draw_foreground(rng: Generator, scene: Scene) -> tuple[Mask, float]:
    """The mask [n, n] of one object, empty in three of four photographs, and how leafy it is: 1 for leaves."""
    what, place, height, side = rng.uniform(size=4).tolist()
    tile, shift = choose(rng, fractals()), float(rng.uniform(0, 256))
    across, up = scene.across / scene.reach, scene.up / scene.reach
    if what < 0.12:  # a tree on the ground
        foot = -math.tan(scene.pitch) / scene.reach - 0.05
        tall = 0.25 + 0.8 * height
        middle = place * 2 - 1
        dx, dy = (across - middle) / (0.42 * tall), (up - foot - 0.68 * tall) / (0.36 * tall)
        ragged = sample(tile, across * 45 / tall + shift, up * 45 / tall)
        boughs = sample(tile, across * 14 / tall + shift, up * 14 / tall)
        crown = dx * dx + dy * dy + 0.35 * ragged + 0.5 * boughs < 0.75
        trunk = (np.abs(across - middle) < 0.025 * tall) & (up < foot + 0.6 * tall) & (up > foot - 0.05)
        return crown | trunk, 1.0
    if what < 0.22:  # leaves and twigs from a corner
        corner = 1.0 if side < 0.5 else -1.0
        distance = np.hypot(across - corner, up - 1 + 1.6 * (height < 0.3))
        return sample(tile, across * 60 + shift, up * 60) * 0.35 + distance < 0.35 + 0.5 * place, 1.0
    if what < 0.27:  # a lamp post or a mast, with wires
        middle, top = place * 1.8 - 0.9, -0.2 + 0.9 * height
        pole = (np.abs(across - middle) < 0.013) & (up < top)
        arm = (np.abs(up - top + 0.06) < 0.014) & (np.abs(across - middle) < 0.12)
        sag = up - top + 0.06 - 0.12 * (across - middle) ** 2 + 0.03
        return pole | arm | ((np.abs(sag) < 0.006) & (side < 0.5)), 0.0
    return np.zeros(scene.z.shape, bool), 0.0


def paint_foreground(
    rng: Generator, scene: Scene, mask: Mask, leafy: float, canvas: Array, sunlit: Array, shade: Array
) -> None:
    """Paints the object into ``canvas`` [n, n, 3]."""
    light, tone, *_ = rng.uniform(size=3).tolist()
    tile = choose(rng, fractals())
    if not mask.any():
        return
    colour = np.array([0.07, 0.11, 0.03] if leafy else [0.12, 0.12, 0.12], np.float32) * (0.3 + tone)
    facing = max(0.0, scene.sunward[2]) * (0.3 + 0.7 * light)
    grain = np.maximum(1 + 0.5 * sample(tile, scene.across[mask] * 160, scene.up[mask] * 160), 0.1)
    canvas[mask] = colour * (shade * 0.5 + sunlit * facing) * grain[:, None]
