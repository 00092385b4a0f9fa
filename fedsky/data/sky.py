"""Photographs of the sky, drawn rather than downloaded: deterministic, labelled by their true cloud cover.

A label is meteorological: `sunny` is a cover of 0 to 2 oktas of the sky in the frame, `cloudy` one of 6 to 8, and the
covers between are never drawn. The cover is exact because a cloud field is cut at a quantile of its own values.
Colour alone does not tell the classes apart: haze, low suns, white balance and exposure vary alike in both.

Each stage draws what it needs from one generator, and as many numbers at every size, so that a scene is the same at
all sizes; only the sensor's grain, drawn last, is not. No step uses BLAS: the bytes do not depend on thread counts.
Radiances are linear, in kcd/m2; x is right, y ahead, z up, so that z is also the sine of a direction's elevation.
"""

import io
import math
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

CLASSES = ("cloudy", "sunny")
VERSION = 1  # raise it whenever the bytes of any image change: caches and published figures are keyed by it

_Array = NDArray[np.floating]  # float32 throughout, for speed
_Mask = NDArray[np.bool_]

_OVERSAMPLE = 2  # pixels drawn per pixel kept, along each axis
_TILE = 256  # texels along a side of the periodic fractal; a power of two, for the wrapping
_FREQUENCY = np.hypot(np.fft.fftfreq(_TILE)[:, None], np.fft.rfftfreq(_TILE)).astype(np.float32)


class _Cloud(NamedTuple):
    """A layer of cloud. In `_GENERA`, two of them bound what is drawn between."""

    cover: float  # fraction of the sky; thin cloud counts in full, as it does for an observer
    scale: float  # features per layer height: small numbers make large clouds
    stretch: float  # elongation along the wind
    billow: float  # 0: wisps, 1: heaps of rounded cells
    softness: float  # width of the edge, in standard deviations of the field
    opacity: float
    relief: float  # depth of the shadows that the layer casts on itself
    gloom: float  # 0: lit by the sun, 1: lit only by what a closed deck lets through


# Share within the class, lower bounds, upper bounds.
_GENERA: dict[str, tuple[tuple[float, _Cloud, _Cloud], ...]] = {
    "cloudy": (
        (0.20, _Cloud(1.00, 0.5, 1, 0.0, 1.0, 0.97, 0.7, 0.8), _Cloud(1.00, 1.0, 3, 0.4, 2.0, 1, 1.4, 1.0)),  # stratus
        (0.35, _Cloud(0.80, 0.4, 1, 0.2, 0.5, 0.90, 1.0, 0.4), _Cloud(1.00, 1.2, 3, 0.6, 1.5, 1, 2.2, 1.0)),  # strato-
        (0.30, _Cloud(0.76, 0.3, 1, 0.4, 0.2, 0.90, 1.0, 0.0), _Cloud(0.92, 1.0, 2, 0.7, 0.7, 1, 2.2, 0.6)),  # cumulus
        (0.15, _Cloud(0.78, 1.2, 1, 0.5, 0.6, 0.85, 0.5, 0.0), _Cloud(0.95, 2.4, 3, 0.8, 1.4, 1, 1.2, 0.4)),  # alto-
    ),
    "sunny": (
        (0.30, _Cloud(0.00, 1.0, 1, 0.0, 1.0, 1.00, 0.0, 0.0), _Cloud(0.00, 1.0, 1, 0.0, 1.0, 1, 0.0, 0.0)),  # none
        (0.40, _Cloud(0.04, 0.4, 1, 0.4, 0.2, 0.85, 0.8, 0.0), _Cloud(0.24, 1.5, 2, 0.7, 0.6, 1, 1.8, 0.2)),  # cumulus
        (0.30, _Cloud(0.08, 0.3, 3, 0.0, 1.2, 0.40, 0.0, 0.0), _Cloud(0.24, 0.9, 7, 0.1, 2.2, 0.9, 0.3, 0.0)),  # cirrus
    ),
}

# Reflectance; mean height (sine of elevation), roughness and step (radians of bearing, 0 for none) of the skyline.
_GROUNDS = (
    ((0.10, 0.14, 0.06), 0.05, 0.6, 0.0),  # grassy hills
    ((0.03, 0.05, 0.02), 0.07, 2.5, 0.0),  # trees
    ((0.30, 0.25, 0.17), 0.02, 0.4, 0.0),  # fields and sand
    ((0.75, 0.78, 0.82), 0.06, 1.0, 0.0),  # snow
    ((0.10, 0.16, 0.20), 0.00, 0.0, 0.0),  # sea
    ((0.16, 0.12, 0.11), 0.08, 3.0, 0.1),  # roofs
)

# Preetham, Shirley and Smits 1999, appendix A.2: the Perez coefficients A to E of Y, x and y, linear in turbidity ...
_PEREZ = (
    ((0.1787, -1.4630), (-0.3554, 0.4275), (-0.0227, 5.3251), (0.1206, -2.5771), (-0.0670, 0.3703)),
    ((-0.0193, -0.2592), (-0.0665, 0.0008), (-0.0004, 0.2125), (-0.0641, -0.8989), (-0.0033, 0.0452)),
    ((-0.0167, -0.2608), (-0.0950, 0.0092), (-0.0079, 0.2102), (-0.0441, -1.6537), (-0.0109, 0.0529)),
)
# ... and the zenith's x and y: by falling powers of turbidity, then of the sun's zenith angle.
_ZENITH = (
    ((0.00166, -0.00375, 0.00209, 0), (-0.02903, 0.06377, -0.03202, 0.00394), (0.11693, -0.21196, 0.06052, 0.25886)),
    ((0.00275, -0.00610, 0.00317, 0), (-0.04214, 0.08970, -0.04153, 0.00516), (0.15346, -0.26756, 0.06670, 0.26688)),
)


class _Scene(NamedTuple):
    """What a photograph is of, and the pixels' view of it."""

    sun: tuple[float, float, float]  # unit vector
    turbidity: float  # of the air: 2 on a mountain, 8 under a milky sky
    haze: float  # how fast clouds fade towards the horizon
    sunlight: _Array  # [3], the radiance of a white cloud in full sun
    tile: _Array  # [_TILE, _TILE], a periodic fractal that everything uneven is made from
    x: _Array  # [n, n], with y and z the unit directions of the pixels
    y: _Array
    z: _Array
    angle: _Array  # [n, n], to the sun
    sunward: tuple[float, float]  # the way to the sun on the image: right, up


def render(seed: int, index: int, size: int) -> tuple[NDArray[np.uint8], int]:
    """One photograph, uint8 [size, size, 3] RGB, and its label: an index into CLASSES, alternating with `index`."""
    image, label, _ = render_with_cover(seed, index, size)
    return image, label


def render_with_cover(seed: int, index: int, size: int) -> tuple[NDArray[np.uint8], int, float]:
    """As `render`, with the cover measured on what was drawn: the fraction, 0 to 1, of sky pixels behind cloud."""
    rng = np.random.default_rng((seed, index))
    label = index % len(CLASSES)
    scene, cloud = _draw_scene(rng, size * _OVERSAMPLE), _draw_cloud(rng, CLASSES[label])
    ground = int(rng.integers(len(_GROUNDS)))
    land = scene.z < _skyline(scene, ground)

    canvas = _clear_sky(scene, np.maximum(scene.z, 0.02), scene.angle)
    veil = canvas.mean(axis=(0, 1))  # the colour that distance fades into
    depth = _cloud_depth(rng, scene, cloud, ~land)
    mask = _smoothstep(depth / cloud.softness + 0.5)
    alpha = mask * cloud.opacity
    canvas += (_cloud_radiance(rng, scene, cloud, depth, veil) - canvas) * alpha[..., None]
    veil = canvas.mean(axis=(0, 1))  # now of the clouded sky, for the ground
    canvas += _sun_and_glare(scene, 1 - alpha)
    sunlit = scene.sunlight * (scene.sun[2] * (1 - cloud.cover * cloud.opacity))
    canvas[land] = _land(rng, scene, ground, land, veil, sunlit)
    return _photograph(rng, canvas), label, float((mask >= 0.5)[~land].mean())


def _draw_scene(rng: Generator, size: int) -> _Scene:
    elevation, azimuth = math.radians(rng.uniform(4, 70)), math.radians(rng.uniform(-150, 150))
    level, high = math.cos(elevation), math.sin(elevation)
    sun = (math.sin(azimuth) * level, math.cos(azimuth) * level, high)
    turbidity, haze = 2 + 6 * rng.uniform() ** 3, 0.01 + 0.15 * rng.uniform() ** 3
    # Blue light is scattered out of the beam first: the longer its way through the air, the warmer the sun.
    depth = np.array([0.04, 0.09, 0.19], np.float32) * ((0.6 + 0.15 * turbidity) / (high + 0.06))
    # Spectral synthesis (Saupe 1988): no feature is wider than a third of the tile, lest it be seen to repeat.
    real, imaginary = rng.standard_normal((2, *_FREQUENCY.shape), dtype=np.float32)
    tile = np.fft.irfft2((real + 1j * imaginary) * np.maximum(_FREQUENCY, 3 / _TILE) ** -1.6)
    # A pinhole camera 40 to 72 degrees wide, held nearly level; one in three looks up, mostly past any ground.
    pitch = math.radians(rng.uniform(30, 65) if rng.uniform() < 0.35 else rng.uniform(10, 26))
    roll, reach = math.radians(rng.uniform(-4, 4)), math.tan(math.radians(rng.uniform(20, 36)))
    axis = (np.arange(size, dtype=np.float32) * 2 + 1) * (reach / size) - reach
    across = axis[None, :] * math.cos(roll) + axis[:, None] * math.sin(roll)
    up = axis[None, :] * math.sin(roll) - axis[:, None] * math.cos(roll)
    norm = 1 / np.sqrt(1 + across**2 + up**2)
    x, y = across * norm, (math.cos(pitch) - up * math.sin(pitch)) * norm
    z = (math.sin(pitch) + up * math.cos(pitch)) * norm
    angle = np.arccos(np.clip(sun[0] * x + sun[1] * y + sun[2] * z, -1, 1))
    lift = sun[2] * math.cos(pitch) - sun[1] * math.sin(pitch) + 0.3  # the dome too lights the tops
    length = math.hypot(sun[0], lift) + 1e-3
    sunward = (sun[0] / length, lift / length)
    return _Scene(sun, turbidity, haze, 24 * np.exp(-depth), tile / tile.std(), x, y, z, angle, sunward)


def _draw_cloud(rng: Generator, name: str) -> _Cloud:
    genera = _GENERA[name]
    _, low, high = genera[int(rng.choice(len(genera), p=[share for share, _, _ in genera]))]
    return _Cloud(*(rng.uniform(a, b) for a, b in zip(low, high, strict=True)))


def _smoothstep(t: _Array) -> _Array:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _sample(tile: _Array, u: _Array, v: _Array) -> _Array:
    """The periodic `tile` at texel coordinates (u, v) of any shape, bilinear."""
    left, top = np.floor(u), np.floor(v)
    fu, fv = u - left, v - top
    column, row = left.astype(np.intp), top.astype(np.intp)
    c0, c1 = column & (_TILE - 1), (column + 1) & (_TILE - 1)
    r0, r1 = (row & (_TILE - 1)) * _TILE, ((row + 1) & (_TILE - 1)) * _TILE
    a, b, c, d = (tile.ravel().take(at) for at in (r0 + c0, r0 + c1, r1 + c0, r1 + c1))
    upper, lower = a + (b - a) * fu, c + (d - c) * fu
    return np.asarray(upper + (lower - upper) * fv)


def _skyline(scene: _Scene, ground: int) -> _Array:
    """The sine [n, n] of the elevation under which the ground hides the sky."""
    _, height, roughness, step = _GROUNDS[ground]
    bearing = np.arctan2(scene.x, scene.y)
    if step:
        bearing = np.floor(bearing / step) * step
    texels = np.arange(_TILE)
    rise = np.interp(bearing * 60, texels, scene.tile[0], period=_TILE)
    rise += 0.15 * roughness * np.interp(bearing * 300, texels, scene.tile[1], period=_TILE)
    return np.asarray(height * (1 + 0.5 * rise))


def _clear_sky(scene: _Scene, height: _Array, angle: _Array) -> _Array:
    """The radiance [..., 3] of a cloudless sky at sines `height` > 0 and angles `angle` to the sun (Preetham 1999)."""
    t, sun = scene.turbidity, math.acos(scene.sun[2])
    chi = (4 / 9 - t / 120) * (math.pi - 2 * sun)
    zenith = [(4.0453 * t - 4.9710) * math.tan(chi) - 0.2155 * t + 2.4192]
    for table in _ZENITH:
        zenith.append(sum(c * t ** (2 - i) * sun ** (3 - j) for i, row in enumerate(table) for j, c in enumerate(row)))
    slant, cosine2, channels = 1 / height, np.cos(angle) ** 2, []
    for top, rows in zip(zenith, _PEREZ, strict=True):
        a, b, c, d, e = (slope * t + offset for slope, offset in rows)
        overhead = (1 + a * math.exp(b)) * (1 + c * math.exp(d * sun) + e * scene.sun[2] ** 2)
        channels.append((1 + a * np.exp(b * slant)) * (1 + c * np.exp(d * angle) + e * cosine2) * (top / overhead))
    luminance, x, y = np.clip(channels[0], 0.3, 60), channels[1], channels[2]
    cx, cz = luminance * x / y, luminance * (1 - x - y) / y
    red, green = 3.2406 * cx - 1.5372 * luminance - 0.4986 * cz, -0.9689 * cx + 1.8758 * luminance + 0.0415 * cz
    blue = 0.0557 * cx - 0.2040 * luminance + 1.0570 * cz
    return np.asarray(np.maximum(np.stack([red, green, blue], axis=-1), 0.02))


def _cloud_depth(rng: Generator, scene: _Scene, cloud: _Cloud, sky: _Mask) -> _Array:
    """How deep [n, n] a pixel is inside the cloud, in deviations of the field: above 0 over exactly its cover."""
    wind, origin = rng.uniform(0, math.pi), rng.uniform(0, 9, 2).tolist()
    # A flat layer, bent down at the horizon as the Earth bends it; heaped clouds more, since their flanks are seen.
    reach = cloud.scale / (np.maximum(scene.z, 0) + (0.12 + 0.3 * cloud.billow))
    u = (scene.x * math.cos(wind) + scene.y * math.sin(wind)) * (reach * (64 / cloud.stretch)) + origin[0] * 64
    v = (scene.y * math.cos(wind) - scene.x * math.sin(wind)) * (reach * 64) + origin[1] * 64
    field = _sample(scene.tile, u, v) * (1 - cloud.billow)
    # Turbulence (Perlin 1985) upside down: the folds of |noise| part rounded heaps from each other.
    for octave, weight in ((1.7, 1.6), (4.1, 0.7)) if cloud.billow > 0.1 else ():
        field -= cloud.billow * weight * np.abs(_sample(scene.tile, u * octave + 90, v * octave))
    field = (field - field[sky].mean()) / field[sky].std()
    # A full or an empty sky has no edge anywhere, not even at the field's extremes.
    beyond = cloud.softness * ((cloud.cover == 0) - (cloud.cover == 1))
    return np.asarray(field - (np.quantile(field[sky], 1 - cloud.cover) + beyond))


def _cloud_radiance(rng: Generator, scene: _Scene, cloud: _Cloud, depth: _Array, veil: _Array) -> _Array:
    """The radiance [n, n, 3] of cloud itself: between sunlit heaps in their own shadow and a deck lit from above."""
    dimness, cast = rng.uniform(0.25, 1), np.array([1 - rng.uniform(0, 0.11), 1 - rng.uniform(0, 0.04), 1], np.float32)
    thickness = np.clip(depth * 0.5, 0, 1)
    shadow = np.exp(-1.6 * cloud.relief * _towards_sun(thickness, scene.sunward))
    lining = np.exp(-3 * scene.angle) * (1 - thickness)  # thin edges scatter forward
    ambient = 0.275 * (veil + veil.mean())
    lit = scene.sunlight * (0.75 * shadow + 1.5 * lining)[..., None]
    lit += ambient * (1 - 0.35 * cloud.relief * thickness)[..., None]
    # An overcast sky is brightest overhead: thrice the horizon (Moon and Spencer 1942); under thin decks, about twice.
    deck = 5.5 * dimness * (1 + np.maximum(scene.z, 0)) * (1 - 0.16 * cloud.relief * (depth - depth.mean()))
    deck += 14 * (1 - cloud.gloom) * np.exp(-4 * scene.angle)
    body = lit + (np.maximum(deck, 0.3)[..., None] * cast - lit) * cloud.gloom
    veil = veil + (body.mean(axis=(0, 1)) - veil) * cloud.gloom  # no blue haze under a closed deck
    return np.asarray(body + (veil - body) * (1 - np.exp(-scene.haze / (np.maximum(scene.z, 0) + 0.05)))[..., None])


def _towards_sun(thickness: _Array, sunward: tuple[float, float]) -> _Array:
    """The mean thickness [n, n] met on the way to the sun, marched across the image in four strides."""
    pixels, total = np.arange(len(thickness)), np.zeros_like(thickness)
    for step in range(1, 5):
        stride = 0.022 * len(thickness) * step
        rows = np.clip(pixels - round(sunward[1] * stride), 0, len(thickness) - 1)
        columns = np.clip(pixels + round(sunward[0] * stride), 0, len(thickness) - 1)
        total += thickness[rows][:, columns]
    return total / 4


def _sun_and_glare(scene: _Scene, clear: _Array) -> _Array:
    """What the sun adds, [n, n, 3]: its disc where the sky is `clear`, and glare as far as it is clear there."""
    near = scene.angle < 0.12
    through = clear[near].mean() if near.any() else clear.mean()
    glare = through * (1.2 * np.exp(-9 * scene.angle) + 0.25 * np.exp(-2.5 * scene.angle))
    return np.asarray((40 * _smoothstep((0.035 - scene.angle) / 0.02) * clear + glare)[..., None] * scene.sunlight)


def _land(rng: Generator, scene: _Scene, ground: int, land: _Mask, veil: _Array, sunlit: _Array) -> _Array:
    """The radiance [pixels of land, 3] of the ground, paling with distance."""
    light = np.array(_GROUNDS[ground][0], np.float32) * rng.uniform(0.2, 1.3) * (0.9 * veil + sunlit)
    x, y, z = scene.x[land], scene.y[land], scene.z[land]
    reach = 15 / (np.maximum(-z, 0) + 0.06)
    texture = np.maximum(1 + 0.25 * _sample(scene.tile, x * reach, y * reach + z * 150), 0.2)
    colour = texture[:, None] * light
    far = np.exp(-12 * np.maximum(0.1 - z, 0)) * min(0.8, 5 * scene.haze)
    return np.asarray(colour + (0.7 * veil - colour) * far[:, None])


def _photograph(rng: Generator, radiance: _Array) -> NDArray[np.uint8]:
    """What a camera makes of `radiance` [2n, 2n, 3]: uint8 [n, n, 3], with its faults."""
    exposure, warmth, tint = 2 ** rng.uniform(-0.9, 0.7), rng.uniform(-0.12, 0.12), rng.uniform(-0.025, 0.025)
    blur, vignette, saturation, contrast, iso = rng.uniform((0, 0, 0.85, 0, 0.003), (1, 0.35, 1.7, 1, 0.02)).tolist()
    quality = int(rng.integers(60, 96))
    light = (radiance[::2, ::2] + radiance[1::2, ::2] + radiance[::2, 1::2] + radiance[1::2, 1::2]) / 4
    pixels = np.arange(len(light))
    for turn in (0, 1):
        before, after = (light.take(pixels + way, turn, mode="clip") for way in (-1, 1))
        light += (before + after - 2 * light) * (blur / 4)
    edge = np.linspace(-1, 1, len(light), dtype=np.float32) ** 2
    light *= 1 - vignette / 2 * (edge[:, None, None] + edge[:, None])
    # Automatic exposure, a half-hearted automatic white balance, and what the photographer did to both.
    mean = light.mean(axis=(0, 1))
    balance = np.array([1 + warmth, 1 + tint, 1 - warmth], np.float32) * (mean.mean() / mean) ** 0.12
    light *= balance * (exposure * 0.5 / mean.mean())
    light += iso * np.sqrt(light + 0.05) * rng.standard_normal(light.shape, dtype=np.float32)
    grey = (0.2126 * light[..., 0] + 0.7152 * light[..., 1] + 0.0722 * light[..., 2])[..., None]
    film = (1 - np.exp(-1.1 * np.maximum(grey + (light - grey) * saturation, 0))) ** (1 / 2.2)
    film += (_smoothstep(film) - film) * contrast
    encoded = io.BytesIO()
    Image.fromarray((np.clip(film, 0, 1) * 255 + 0.5).astype(np.uint8)).save(encoded, "JPEG", quality=quality)
    return np.asarray(Image.open(encoded).convert("RGB"))
