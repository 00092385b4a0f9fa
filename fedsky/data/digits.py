"""The handwritten digits of scikit-learn: 1,797 real images of ten classes, nothing to download.

They are the test part of Alpaydin and Kaynak's Optical Recognition of Handwritten Digits (UCI, 1998): 8 x 8 pixels
of 17 levels. Larger sizes are interpolated, for models that need them.
"""

from collections.abc import Iterator

import numpy as np

from fedsky import checks
from fedsky.data.photos import Photos, Row, cache_folder, cached
from fedsky.data.sets import SIZES, rows

VERSION = 1


def load(size: int = 8, cache: str | None = None) -> Photos:
    """All digits, grey in three equal channels, of ``size`` pixels a side."""
    checks.whole("data.size", size, *SIZES, of="pixels a side")

    def make() -> Iterator[Row]:
        from sklearn.datasets import load_digits

        found = load_digits()
        pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)
        return rows("digit", pixels[:, None], found.target, size)

    return cached(cache_folder(cache), f"digits-v{VERSION}-{size}", [str(digit) for digit in range(10)], make)
