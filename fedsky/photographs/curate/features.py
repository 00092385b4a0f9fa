"""What colour and light alone say about a photograph: statistics and histograms, without any shape."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import rgb_to_hsv
from numpy.typing import NDArray

from fedsky.photographs.curate.pictures import Picture

Floats = NDArray[np.float64]
BINS = 16


def light(pictures: Sequence[Picture]) -> dict[str, Floats]:
    """Brightness, saturation and blue ratio of each photograph, float64 [n] in [0, 1].

    brightness: the mean luma of ITU-R BT.601 (1982); saturation: the mean of (max - min) / max over the channels;
    blue_ratio: blue over the sum of the three channels, 1/3 for grey, of the whole photograph.
    """
    values: dict[str, list[float]] = {"brightness": [], "saturation": [], "blue_ratio": []}
    for picture in pictures:
        rgb = picture.pixels.astype(np.float64) / 255
        total = rgb.sum()
        values["brightness"].append(float((rgb @ np.array([0.299, 0.587, 0.114])).mean()))
        values["saturation"].append(float(_saturation(rgb).mean()))
        values["blue_ratio"].append(float(rgb[..., 2].sum() / total) if total else 1 / 3)
    return {name: np.array(column) for name, column in values.items()}


def features(pictures: Sequence[Picture]) -> Floats:
    """Colour features of each photograph, float64 [n, 118].

    Square roots of the shares of 16 bins of red, green, blue, hue (weighted by saturation), saturation and value, as
    distances of such roots are Hellinger's; and means and standard deviations of R, G, B, saturation and luma, of the
    upper and the lower half (20) and two differences between the halves.
    """
    return np.stack([_features(picture.pixels.astype(np.float64) / 255) for picture in pictures])


def _features(rgb: Floats) -> Floats:
    saturation = _saturation(rgb)
    columns = [*(rgb[..., channel].ravel() for channel in range(3)), saturation.ravel(), rgb.max(axis=2).ravel()]
    histograms = [np.histogram(column, BINS, (0, 1))[0] / column.size for column in columns]
    hue, weight = _hue(rgb), saturation.ravel()
    share = np.histogram(hue.ravel(), BINS, (0, 1), weights=weight)[0] / max(float(weight.sum()), 1e-9)
    planes = np.dstack([rgb, saturation, rgb @ np.array([0.299, 0.587, 0.114])])
    middle = len(rgb) // 2
    upper, lower = planes[:middle].reshape(-1, 5), planes[middle:].reshape(-1, 5)
    change = upper.mean(axis=0) - lower.mean(axis=0)
    moments = [upper.mean(axis=0), upper.std(axis=0), lower.mean(axis=0), lower.std(axis=0), change[2:3], change[4:5]]
    return np.concatenate([np.sqrt(np.concatenate([*histograms, share])), *moments])


def _saturation(rgb: Floats) -> Floats:
    high, low = rgb.max(axis=2), rgb.min(axis=2)
    return np.asarray((high - low) / np.where(high > 0, high, 1))


def _hue(rgb: Floats) -> Floats:
    return np.asarray(rgb_to_hsv(rgb)[..., 0])
