"""The light of clear and overcast skies, and of the sun, by published models. Linear RGB radiance in kcd/m2.

Clear: Preetham, Shirley and Smits 1999, A Practical Analytic Model for Daylight, appendix A.2. It is only used where
it holds: turbidities from 2, and a sun no lower than 14 degrees, as its horizon turns brown below; from there the sky
dims and warms as the sun does. Overcast: the CIE standard general sky (ISO 15469:2004; Darula and Kittler 2002), types
1 to 6.
"""

import math

import numpy as np

from fedsky.data.sky.noise import Array

# Appendix A.2 of Preetham 1999: the Perez coefficients A to E of Y, x and y, linear in turbidity ...
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
_LOWEST = math.radians(14)  # of the sun, for the model of the clear sky
# CIE general sky: a, b of the gradation, c, d, e of the indicatrix; overcast, types 1 to 6.
_CIE = (
    (4.0, -0.70, 0.0, -1.0, 0.00),
    (4.0, -0.70, 2.0, -1.5, 0.15),
    (1.1, -0.80, 0.0, -1.0, 0.00),
    (1.1, -0.80, 2.0, -1.5, 0.15),
    (0.0, -1.00, 0.0, -1.0, 0.00),
    (0.0, -1.00, 2.0, -1.5, 0.15),
)


def sunlight(elevation: float, turbidity: float) -> Array:
    """The radiance [3] of a white cloud in full sun: what the air leaves of it (air mass of Kasten and Young 1989).

    Blue is scattered out of the beam first: the longer its way through the air, the warmer the sun.
    """
    degrees = math.degrees(elevation)
    mass = 1 / (math.sin(elevation) + 0.50572 * (degrees + 6.07995) ** -1.6364)
    rayleigh = np.array([0.040, 0.080, 0.150], np.float32)
    aerosol = np.array([0.030, 0.034, 0.038], np.float32) * (turbidity - 1)
    return np.asarray(27 * np.exp(-(rayleigh + aerosol) * min(mass, 14.0)), np.float32)


def clear_sky(elevation: float, turbidity: float, height: Array, angle: Array) -> Array:
    """The radiance [..., 3] of a cloudless sky at sines ``height`` > 0 and angles ``angle`` to the sun."""
    t, sun = turbidity, math.pi / 2 - max(elevation, _LOWEST)
    chi = (4 / 9 - t / 120) * (math.pi - 2 * sun)
    zenith = [(4.0453 * t - 4.9710) * math.tan(chi) - 0.2155 * t + 2.4192]
    for table in _ZENITH:
        zenith.append(sum(c * t ** (2 - i) * sun ** (3 - j) for i, row in enumerate(table) for j, c in enumerate(row)))
    slant, cosine, channels = 1 / height, np.cos(angle), []
    cosine2 = cosine * cosine
    for top, rows in zip(zenith, _PEREZ, strict=True):
        a, b, c, d, e = (slope * t + offset for slope, offset in rows)
        overhead = (1 + a * math.exp(b)) * (1 + c * math.exp(d * sun) + e * math.cos(sun) ** 2)
        channels.append((1 + a * np.exp(b * slant)) * (1 + c * np.exp(d * angle) + e * cosine2) * (top / overhead))
    luminance, x, y = np.clip(channels[0], 0.3, 60), channels[1], channels[2]
    cx, cz = luminance * x / y, luminance * (1 - x - y) / y
    red, green = 3.2406 * cx - 1.5372 * luminance - 0.4986 * cz, -0.9689 * cx + 1.8758 * luminance + 0.0415 * cz
    blue = 0.0557 * cx - 0.2040 * luminance + 1.0570 * cz
    sky = np.maximum(np.stack([red, green, blue], axis=-1), 0.02)
    if elevation < _LOWEST:  # below, dimmer and warmer about the sun
        low = sunlight(elevation, t) / sunlight(_LOWEST, t)
        near = np.exp(-1.2 * angle)[..., None]
        sky = sky * (low.mean() + (low / low.mean() * 0.9 - low.mean()) * near)
    return np.asarray(sky, np.float32)


def overcast_sky(kind: int, elevation: float, height: Array, angle: Array) -> Array:
    """The luminance [...] of an overcast sky of the CIE's type ``kind`` + 1, 0 to 5.

    L / Lz = f(angle) phi(Z) / (f(Zs) phi(0)); the zenith has 0.123 + 8.6 sin(elevation) kcd/m2 (Krochmann 1963).
    """
    a, b, c, d, e = _CIE[kind]
    sun = math.pi / 2 - elevation
    level = (0.123 + 8.6 * math.sin(elevation)) / (1 + a * math.exp(b))
    level /= 1 + c * (math.exp(d * sun) - math.exp(d * math.pi / 2)) + e * math.cos(sun) ** 2
    gradation = 1 + a * np.exp(b / height) if a else 1.0
    if c:
        gradation = gradation * (1 + c * (np.exp(d * angle) - math.exp(d * math.pi / 2)) + e * np.cos(angle) ** 2)
    return np.asarray(level * gradation * np.ones_like(height), np.float32)
