"""Photographs of two classes that a test makes: grey noise as cloudy, blue noise as sunny."""

from pathlib import Path

import numpy as np
from PIL import Image


def two_skies(folder: Path, number: int, noise: float, shape: tuple[int, int], suffix: str) -> Path:
    """Writes so many of each class, of a shape (height, width) in pixels; the folder."""
    rng = np.random.default_rng(0)
    for label, colour in (("cloudy", (120, 120, 120)), ("sunny", (30, 110, 230))):
        (folder / label).mkdir(parents=True)
        for each in range(number):
            pixels = np.clip(np.array(colour) + rng.normal(0, noise, (*shape, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{each}{suffix}")
    return folder
