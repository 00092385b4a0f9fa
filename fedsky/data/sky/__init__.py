"""Photographs of the sky, drawn rather than downloaded: deterministic, labelled by their true cloud cover.

A label is meteorological: `sunny` is a cover of 0 to 2 oktas of the sky in the frame, `cloudy` one of 6 to 8; covers
between are drawn only where label noise is asked for. The cover is exact because a cloud field is cut at a quantile
of its own values. Nothing but the cloud depends on the label: sun, air, ground, objects and camera vary alike.

Each stage draws what it needs from one generator, and as many numbers at every size, so that a scene is the same at
all sizes; only the sensor's grain, drawn last, is not. No step uses BLAS: the bytes do not depend on thread counts.
Radiances are linear, in kcd/m2.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fedsky.data.sky import owner as owners
from fedsky.data.sky.atmosphere import clear_sky
from fedsky.data.sky.camera import OVERSAMPLE, glare, photograph, polariser
from fedsky.data.sky.clouds import depth_of, radiance_of
from fedsky.data.sky.foreground import draw_foreground, paint_foreground
from fedsky.data.sky.genera import draw_cloud
from fedsky.data.sky.ground import GROUNDS, draw_land, paint
from fedsky.data.sky.noise import smoothstep
from fedsky.data.sky.owner import ANYONE, Owner, with_fault
from fedsky.data.sky.scene import draw_scene

__all__ = [
    "ANYONE",
    "CLASSES",
    "GROUNDS",
    "VERSION",
    "Drawn",
    "draw",
    "draw_owner",
    "render",
    "render_with_cover",
    "with_fault",
]

CLASSES = ("cloudy", "sunny")
VERSION = 2  # raise it whenever the bytes of any image change: caches and published figures are keyed by it


class Drawn(NamedTuple):
    """A photograph and what is true of it."""

    image: NDArray[np.uint8]  # [size, size, 3] RGB
    label: int  # an index into CLASSES
    cover: float  # measured on what was drawn: the fraction, 0 to 1, of sky pixels behind cloud
    genus: str
    ground: str
    sun_elevation: float  # degrees
    sun_azimuth: float  # degrees clockwise from where the camera looks
    pitch: float  # of the camera, degrees above the horizon
    fov: float  # its angle of view in degrees
    turbidity: float


def draw_owner(seed: int, number: int) -> Owner:
    """Owner ``number`` of the drawings of ``seed``, with a camera and a climate of its own."""
    return owners.draw_owner(seed, number, len(GROUNDS))


def render(seed: int, index: int, size: int) -> tuple[NDArray[np.uint8], int]:
    """One photograph, uint8 [size, size, 3] RGB, and its label: an index into CLASSES, alternating with `index`."""
    drawn = draw(seed, index, size)
    return drawn.image, drawn.label


def render_with_cover(seed: int, index: int, size: int) -> tuple[NDArray[np.uint8], int, float]:
    """As `render`, with the cover measured on what was drawn: the fraction, 0 to 1, of sky pixels behind cloud."""
    drawn = draw(seed, index, size)
    return drawn.image, drawn.label, drawn.cover


def draw(seed: int, index: int, size: int, owner: Owner = ANYONE, label_noise: float = 0.0) -> Drawn:
    """One photograph and what is true of it."""
    rng = np.random.default_rng((seed, index))
    label = index % len(CLASSES)
    scene = draw_scene(rng, size * OVERSAMPLE, owner)
    genus, cloud = draw_cloud(rng, CLASSES[label], owner.heaps, label_noise)
    land = draw_land(rng, scene, owner.grounds)
    object_mask, leafy = draw_foreground(rng, scene)
    sky = ~(land.mask | object_mask)
    if sky.mean() < 0.05:  # hardly any sky
        object_mask[:], sky = False, ~land.mask

    half = (slice(None, None, 2), slice(None, None, 2))  # a clear sky is smooth
    canvas = clear_sky(scene.elevation, scene.turbidity, np.maximum(scene.z[half], 0.02), scene.angle[half])
    canvas *= polariser(rng, scene.angle[half])[..., None]
    canvas = canvas.repeat(2, axis=0).repeat(2, axis=1)
    veil = canvas.mean(axis=(0, 1))  # the colour that distance fades into
    depth = depth_of(rng, scene, cloud, sky)
    mask = smoothstep(depth / cloud.softness + 0.5)
    alpha = mask * cloud.opacity
    canvas += (radiance_of(rng, scene, cloud, depth, veil) - canvas) * alpha[..., None]
    canvas += glare(rng, scene, 1 - alpha)

    veil = canvas.mean(axis=(0, 1))  # now of the clouded sky, for the ground
    sunlit = scene.sunlight * np.float32(scene.sun[2] * (1 - cloud.cover * cloud.opacity))
    paint(rng, scene, land, canvas, sunlit, 0.8 * veil, 0.8 * veil)
    paint_foreground(rng, scene, object_mask, leafy, canvas, scene.sunlight * np.float32(0.5 * (1 - cloud.cover)), veil)
    image, cover = photograph(rng, owner, canvas, scene.sunlight), float((mask >= 0.5)[sky].mean())
    angles = (scene.elevation, math.atan2(scene.sun[0], scene.sun[1]), scene.pitch, 2 * math.atan(scene.reach))
    elevation, azimuth, pitch, fov = map(math.degrees, angles)
    ground = GROUNDS[land.kind].name
    return Drawn(image, label, cover, genus, ground, elevation, azimuth, pitch, fov, scene.turbidity)
