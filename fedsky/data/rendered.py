"""The embedded data: sky photographs drawn by fedsky's own renderer, nothing to download."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fedsky.data import sky
from fedsky.data.photos import Photos, cache_folder, cached


def load(count: int, size: int, render_seed: int = 0, cache: str | None = None) -> Photos:
    """``count`` rendered photographs of ``size`` pixels a side, half of them of each class."""
    if not isinstance(count, int) or count < 4 or count % 2:
        raise ValueError(f"data.count={count}: the renderer draws an even number of photographs, 4 or more")
    if not isinstance(size, int) or not 16 <= size <= 512:
        raise ValueError(f"data.size={size}: rendered photographs have 16 to 512 pixels a side, a whole number")
    if not isinstance(render_seed, int) or render_seed < 0:
        raise ValueError(f"data.render_seed={render_seed}: a whole number of 0 or more is needed")

    def make() -> list[tuple[str, int, NDArray[np.uint8]]]:
        # Every photograph depends on its own number alone, so that the number of processes changes nothing.
        workers = min(os.cpu_count() or 1, count // 50 + 1)
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            return list(pool.map(partial(_row, render_seed, size), range(count), chunksize=25))

    key = f"rendered-v{sky.VERSION}-{render_seed}-{count}-{size}"
    return cached(cache_folder(cache), key, sky.CLASSES, make)


def _row(render_seed: int, size: int, index: int) -> tuple[str, int, NDArray[np.uint8]]:
    pixels, label = sky.render(render_seed, index, size)
    return f"rendered-{render_seed}-{index:05d}", label, np.ascontiguousarray(pixels.transpose(2, 0, 1))
