"""Periodic noise fields, from which everything uneven is made, and how they are read.

The tiles are the same in every process and for every photograph: a scene takes one, turned, shifted and warped.
"""

import functools

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Array = NDArray[np.floating]  # float32 throughout, for speed
Mask = NDArray[np.bool_]

TILE = 256  # texels along a side; a power of two, for the wrapping
NUM_TILES = 8


@functools.lru_cache(maxsize=1)
def fractals() -> tuple[Array, ...]:
    """Fractal tiles [TILE, TILE] of unit deviation, by spectral synthesis (Saupe 1988), each of another roughness."""
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)).astype(np.float32)
    rng, tiles = np.random.default_rng(1988), []
    for number in range(NUM_TILES):
        real, imaginary = rng.standard_normal((2, *frequency.shape), dtype=np.float32)
        # No feature is wider than a third of the tile, lest it be seen to repeat.
        power = np.maximum(frequency, 3 / TILE) ** -(1.45 + 0.5 * number / NUM_TILES)
        tile = np.fft.irfft2((real + 1j * imaginary) * power).astype(np.float32)
        tiles.append(np.ascontiguousarray((tile - tile.mean()) / tile.std()))
    return tuple(tiles)


@functools.lru_cache(maxsize=1)
def billows() -> tuple[Array, ...]:
    """Cellular tiles [TILE, TILE] of unit deviation: rounded heaps, 1 - F1 (Worley 1996) of two octaves."""
    rng, tiles = np.random.default_rng(1996), []
    pixels = np.arange(TILE, dtype=np.float32)
    for _ in range(NUM_TILES // 2):
        tile = np.zeros((TILE, TILE), np.float32)
        for cells, weight in ((10, 1.0), (23, 0.45)):
            nearest = np.full((TILE, TILE), np.inf, np.float32)
            step = TILE / cells
            for row in range(cells):
                for column in range(cells):
                    across, down = (np.array([column, row]) + rng.uniform(0, 1, 2)) * step
                    dx, dy = np.abs(pixels - across), np.abs(pixels - down)
                    dx, dy = np.minimum(dx, TILE - dx), np.minimum(dy, TILE - dy)
                    np.minimum(nearest, (dy * dy)[:, None] + (dx * dx)[None, :], out=nearest)
            tile -= weight * np.sqrt(nearest) / step
        tiles.append((tile - tile.mean()) / tile.std())
    return tuple(tiles)


def choose(rng: Generator, tiles: tuple[Array, ...]) -> Array:
    """One of the tiles."""
    return tiles[int(rng.integers(len(tiles)))]


def sample(tile: Array, u: Array, v: Array) -> Array:
    """The periodic ``tile`` at texel coordinates (u, v) of any shape, bilinear."""
    left, top = np.floor(u), np.floor(v)
    fu, fv = u - left, v - top
    column, row = left.astype(np.intp), top.astype(np.intp)
    c0, c1 = column & (TILE - 1), (column + 1) & (TILE - 1)
    r0, r1 = (row & (TILE - 1)) * TILE, ((row + 1) & (TILE - 1)) * TILE
    flat = tile.ravel()
    a, b, c, d = (flat.take(at) for at in (r0 + c0, r0 + c1, r1 + c0, r1 + c1))
    upper, lower = a + (b - a) * fu, c + (d - c) * fu
    return np.asarray(upper + (lower - upper) * fv)


def line(tile: Array, row: int, at: Array) -> Array:
    """A row of the tile as a periodic function of one variable, in texels; linear between them."""
    left = np.floor(at)
    column = left.astype(np.intp)
    values = tile[row % TILE]
    here = values.take(column & (TILE - 1))
    return np.asarray(here + (values.take((column + 1) & (TILE - 1)) - here) * (at - left))


def smoothstep(t: Array) -> Array:
    """0 below 0, 1 above 1, and a smooth cubic between."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
