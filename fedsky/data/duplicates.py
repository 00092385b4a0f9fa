"""Photographs that show the same picture: exact copies, other sizes, other qualities, slight crops.

Two are near duplicates where their perceptual hashes (pHash, the signs of the 64 lowest DCT coefficients of the grey
picture: Zauner 2010, as ImageHash computes them) differ in few bits and their colours agree. The colours are asked
because two skies without any cloud have no structure that a hash could tell apart.

Measured on 94 photographs of the Multi-class Weather Dataset (Ajayi 2018): at half the size, as JPEG of quality 40 and
10 % brighter at most 6 bits change, cropped by 3 % at a side at most 10 in 95 of 100; with its near duplicates removed
no two of 373 photographs are closer than 14 bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

DISTANCE = 8  # bits of 64
SIDE = 16  # of the colour thumbnail
COLOUR = 24.0  # mean difference of the thumbnails, of 255 levels: 10 % brighter is 12 to 17


@dataclass(frozen=True)
class Look:
    """What is compared of a photograph: 64 bits of its structure and its colours, int16 [16, 16, 3]."""

    bits: np.uint64
    colours: NDArray[np.int16]


def look(picture: Image.Image) -> Look:
    """The look of an upright RGB picture, whatever its size."""
    return Look(_phash(picture), np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.int16))


def _phash(picture: Image.Image) -> np.uint64:
    """The signs, seen from their median, of the 8 x 8 lowest DCT coefficients of the picture at 32 x 32 in grey."""
    grey = np.asarray(picture.convert("L").resize((32, 32), Image.Resampling.LANCZOS))
    lowest = dctn(grey.astype(np.float64))[:8, :8]
    signs: np.uint64 = np.packbits(lowest > np.median(lowest)).view(np.uint64)[0]
    return signs


def pairs(looks: Sequence[Look], distance: int = DISTANCE) -> list[tuple[int, int]]:
    """The pairs i < j of near duplicates: hashes at most ``distance`` bits apart, and alike in colour."""
    bits = np.array([one.bits for one in looks], dtype=np.uint64)
    found = []
    for i, one in enumerate(looks):
        near: list[int] = np.flatnonzero(np.bitwise_count(bits[i + 1 :] ^ bits[i]) <= distance).tolist()
        for j in (i + 1 + ahead for ahead in near):
            if np.abs(one.colours - looks[j].colours).mean() <= COLOUR:
                found.append((i, j))
    return found


def group(looks: Sequence[Look], distance: int = DISTANCE) -> NDArray[np.int64]:
    """The group number of each photograph, int64 [n]: connected by near duplicates, numbered by the first member."""
    if not looks:
        return np.empty(0, dtype=np.int64)
    edges = np.array(pairs(looks, distance), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(edges), dtype=bool), (edges[:, 0], edges[:, 1])), shape=(len(looks), len(looks)))
    component = connected_components(graph, directed=False)[1]
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
