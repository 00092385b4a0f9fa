"""Augmentation of training batches: one vectorised pass, its own generator. Evaluation has none."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from fedsky import checks


@dataclass(frozen=True)
class Augment:
    """How strongly training images are varied.

    flip: mirror left and right with probability 1/2; zoom, shift: largest relative change of scale and largest shift
    as a fraction of the picture's side; rotate: largest turn in degrees; light: largest relative change of
    brightness; contrast: largest relative change of contrast; saturation: largest relative change of how far colours
    are from grey; cast: largest relative change of red, green and blue, each by itself. 0 turns each off.
    """

    flip: bool = False
    zoom: float = 0.0
    shift: float = 0.0
    rotate: float = 0.0
    light: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    cast: float = 0.0

    def __post_init__(self) -> None:
        for name in ("zoom", "shift", "light", "contrast", "saturation", "cast"):
            checks.number(f"data.augment.{name}", getattr(self, name), at_least=0, below=1)
        checks.flag("data.augment.flip", self.flip)
        checks.number("data.augment.rotate", self.rotate, at_least=0, at_most=180, hint=" (degrees)")

    @property
    def num_draws(self) -> int:
        """Random numbers that each image takes."""
        moves = 4 if self.zoom or self.shift or self.rotate else 0
        return moves + self.flip + sum(map(bool, (self.light, self.contrast, self.saturation))) + 3 * bool(self.cast)

    def draw(self, num: int, generator: torch.Generator) -> Tensor:
        """The random numbers of so many images, uniform in [-1, 1): [num_draws, num]."""
        return torch.rand(self.num_draws, num, generator=generator) * 2 - 1

    def __call__(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Varied copies of images [n, 3, height, width] with values in [0, 1]; the columns of ``drawn`` are theirs."""
        n, rows = len(images), iter(drawn)
        if self.zoom or self.shift or self.rotate:
            scale, angle = 1 + self.zoom * next(rows), next(rows) * (self.rotate * torch.pi / 180)
            mirror = torch.sign(next(rows) + 1e-9) if self.flip else torch.ones(n)
            theta = torch.zeros(n, 2, 3)
            theta[:, 0, 0], theta[:, 0, 1] = mirror * scale * angle.cos(), -scale * angle.sin()
            theta[:, 1, 0], theta[:, 1, 1] = mirror * scale * angle.sin(), scale * angle.cos()
            # A shift of s sides is 2s in the grid's coordinates of [-1, 1].
            theta[:, 0, 2], theta[:, 1, 2] = 2 * self.shift * next(rows), 2 * self.shift * next(rows)
            grid = F.affine_grid(theta.to(images), list(images.shape), align_corners=False)
            images = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
        elif self.flip:
            mirrored = (next(rows) < 0).to(images.device)
            images = torch.where(mirrored[:, None, None, None], images.flip(-1), images)
        if self.light:
            images = images * (1 + self.light * next(rows)).to(images)[:, None, None, None]
        if self.contrast:
            mean = images.mean(dim=(1, 2, 3), keepdim=True)
            images = mean + (images - mean) * (1 + self.contrast * next(rows)).to(images)[:, None, None, None]
        if self.saturation:
            grey = images.mean(dim=1, keepdim=True)
            images = grey + (images - grey) * (1 + self.saturation * next(rows)).to(images)[:, None, None, None]
        if self.cast:
            gains = torch.stack([1 + self.cast * next(rows) for _ in range(3)], dim=1)
            images = images * gains.to(images)[:, :, None, None]
        return images
