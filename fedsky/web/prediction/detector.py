"""Says whether a picture looks like a sky, by its distance from skies in a space of colour, contrast and texture.

The distance of Lee et al. (2018, A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial
Attacks, section 2.1): that of Mahalanobis to the nearest class, all classes sharing one covariance, here shrunk
(Ledoit and Wolf 2004). Photographs and rendered skies are families of their own. Lee's space is a network's last
layer. Here any run's model may be asked, and the photographs that it learned from are not at hand, so the space is of
statistics that need no model: how light and colour are spread over the upper, middle and lower third, how much of the
picture is of which hue, how strong edges are at three scales, how much is wholly flat, how edges lie, and how contrast
falls with spatial frequency.

``detector.json`` holds the fitted numbers with the rates that were measured; ``python -m benchmarks.not_sky`` makes it.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from fedsky.history import write_whole

FILE = Path(__file__).with_name("detector.json")
SIDE = 96  # pixels of the square in the middle of the picture that is looked at
SCALES = (1, 2, 4)  # pixels that are averaged before edges are looked for
HUES = 6  # sectors of the colour circle
BANDS = ((0.01, 0.03), (0.03, 0.07), (0.07, 0.15), (0.15, 0.3), (0.3, 0.5))  # cycles a pixel

Floats = NDArray[np.float64]

_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])  # D65


def to_lab(rgb: NDArray[np.uint8]) -> Floats:
    """CIE L*a*b* (D65) of sRGB pixels [..., 3]."""
    values = rgb / 255.0
    linear = np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)
    xyz = linear @ (_TO_XYZ / _WHITE[:, None]).T
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab: Floats = np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)
    return lab


def describe(picture: Image.Image) -> Floats:
    """The statistics of a picture [num_features]; the same for any size of the same picture, nearly."""
    square = ImageOps.fit(picture.convert("RGB"), (SIDE, SIDE), Image.Resampling.BICUBIC)
    lab = to_lab(np.asarray(square))
    light, slopes = lab[..., 0], _slopes(lab[..., 0])
    return np.array([*_thirds(lab), *_hues(lab), *_edges(light), *_directions(*slopes), *_spectrum(light)])


def _slopes(light: Floats) -> tuple[Floats, Floats]:
    return np.diff(light, axis=1)[:-1], np.diff(light, axis=0)[:, :-1]


def _thirds(lab: Floats) -> list[float]:
    """Mean and logarithm of the deviation of each channel in the upper, middle and lower third."""
    found = []
    for third in np.array_split(lab, 3, axis=0):
        for channel in range(3):
            found += [third[..., channel].mean(), np.log(third[..., channel].std() + 1)]
    return found


def _hues(lab: Floats) -> list[float]:
    """How colourful the picture is, and the share of its colour in each sector of hue."""
    chroma, hue = np.hypot(lab[..., 1], lab[..., 2]), np.arctan2(lab[..., 2], lab[..., 1])
    within = [np.cos(hue - 2 * np.pi * sector / HUES) > np.cos(np.pi / HUES) for sector in range(HUES)]
    return [np.log1p(chroma.mean()), *((chroma * part).sum() / (chroma.sum() + 50) for part in within)]


def _edges(light: Floats) -> list[float]:
    """At each scale: edges in each third, how rare the strong ones are, and whether they rather lie or stand."""
    found = []
    for scale in SCALES:
        coarse = light.reshape(SIDE // scale, scale, SIDE // scale, scale).mean((1, 3))
        across, down = _slopes(coarse)
        strength = np.hypot(across, down)
        third = len(strength) // 3
        parts = (strength[:third], strength[third : 2 * third], strength[2 * third :])
        found += [np.log(part.mean() + 0.1) for part in parts]
        found.append(np.log((np.percentile(strength, 95) + 0.1) / (np.median(strength) + 0.1)))
        found.append(np.log((np.abs(across).mean() + 0.1) / (np.abs(down).mean() + 0.1)))
    return found


def _directions(across: Floats, down: Floats) -> list[float]:
    """The share of pixels without any slope, as in drawings, and how far edges keep to the picture's axes."""
    strength = np.hypot(across, down)
    axes = (strength * np.cos(4 * np.arctan2(down, across))).sum() / (strength.sum() + 1)
    return [(strength < 0.05).mean(), axes]


def _spectrum(light: Floats) -> list[float]:
    """By how much the logarithm of power changes from each band of spatial frequency to the next."""
    window = np.outer(np.hanning(SIDE), np.hanning(SIDE))
    power = np.abs(np.fft.rfft2((light - light.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    logs = [np.log(power[(radius >= low) & (radius < high)].mean() + 1) for low, high in BANDS]
    return list(np.diff(logs))


@dataclass(frozen=True)
class Family:
    """Skies of one origin (photographs, say). Features are made normal by Yeo and Johnson's (2000) ``power`` of each
    and scaled by ``mean`` and ``deviation``, all [d], turned by ``whitening`` [d, d] and compared with ``centres``
    [num_classes, d]. ``threshold`` is the distance beyond which a picture is none of the family."""

    power: Floats
    mean: Floats
    deviation: Floats
    whitening: Floats
    centres: Floats
    threshold: float = math.inf

    def distances(self, features: Floats) -> Floats:
        """The distance [n] of each row of features [n, d] to the nearest class."""
        turned = (_yeo_johnson(features, self.power) - self.mean) / self.deviation @ self.whitening
        nearest: Floats = np.linalg.norm(turned[:, None] - self.centres[None], axis=2).min(axis=1)
        return nearest


LIKE = "This looks like a sky."
UNLIKE = "This is not like the skies that the model knows, no sky or by an unlike camera: the answer may mean nothing."
ARRAYS = ("power", "mean", "deviation", "whitening", "centres")


def _yeo_johnson(values: Floats, power: Floats) -> Floats:
    """The transform whose powers ``fit`` finds, all of them within -9..11 and none of them 0 or 2."""
    up, down = np.maximum(values, 0) + 1, np.maximum(-values, 0) + 1
    transformed: Floats = (up**power - 1) / power - (down ** (2 - power) - 1) / (2 - power)
    return transformed


def fit(features: Floats, labels: Sequence[str]) -> Family:
    """The family of skies with features [n, d] whose classes are given; without a threshold."""
    from sklearn.covariance import ledoit_wolf
    from sklearn.preprocessing import PowerTransformer

    power = PowerTransformer(standardize=False).fit(features).lambdas_.clip(-9, 11)
    power += 1e-6 * (np.abs(power * (power - 2)) < 1e-6)
    normal = _yeo_johnson(features, power)
    mean, deviation = normal.mean(axis=0), normal.std(axis=0) + 1e-9
    scaled = (normal - mean) / deviation
    names, which = np.unique(np.asarray(labels), return_inverse=True)
    centres = np.array([scaled[which == number].mean(axis=0) for number in range(len(names))])
    values, vectors = np.linalg.eigh(ledoit_wolf(scaled - centres[which], assume_centered=True)[0])
    whitening = vectors / np.sqrt(values)
    return Family(power, mean, deviation, whitening, centres @ whitening)


@dataclass(frozen=True)
class Detector:
    """Families of skies; ``measured`` tells what they were fitted on and the rates that were found."""

    families: dict[str, Family]
    measured: dict[str, Any]

    def scores(self, features: Floats) -> Floats:
        """The distance [n] of each row of features [n, d] to the nearest family, as a multiple of its threshold."""
        relative = [family.distances(features) / family.threshold for family in self.families.values()]
        nearest: Floats = np.min(relative, axis=0)
        return nearest

    def judge(self, picture: Image.Image) -> dict[str, Any]:
        """Whether the picture looks like a sky, its score, the threshold and the sentence that says so."""
        score = float(self.scores(describe(picture)[None])[0])
        is_sky = score <= 1
        text = LIKE if is_sky else UNLIKE
        return {"is_sky": is_sky, "score": round(score, 3), "threshold": 1.0, "text": text}

    def write(self, path: Path) -> None:
        """Writes the numbers, to six digits."""
        rows = {
            name: {"threshold": _round(family.threshold)}
            | {array: np.vectorize(_round)(getattr(family, array)).tolist() for array in ARRAYS}
            for name, family in self.families.items()
        }
        write_whole(path, (json.dumps({"measured": self.measured, "families": rows}) + "\n").encode())


def _round(value: float) -> float:
    return float(f"{value:.6g}")


def read(path: Path = FILE) -> Detector:
    """The detector of a file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    families = {}
    for name, rows in content["families"].items():
        power, mean, deviation, whitening, centres = (np.array(rows[array], dtype=np.float64) for array in ARRAYS)
        families[name] = Family(power, mean, deviation, whitening, centres, float(rows["threshold"]))
    return Detector(families, content["measured"])


@cache
def shipped() -> Detector:
    """The detector that the site uses."""
    return read()
