"""Pixels as the models take them."""

import functools

import torch
from torch import Tensor

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, which torchvision's weights expect


def to_float(pixels: Tensor, memory_format: torch.memory_format = torch.contiguous_format) -> Tensor:
    """uint8 pixels [n, 3, size, size] as floats in [0, 1]; other dtypes as they are."""
    if pixels.dtype != torch.uint8:
        return pixels
    return pixels.to(torch.float32, memory_format=memory_format).div_(255)


def normalise(images: Tensor) -> Tensor:
    """Images [n, 3, size, size] in [0, 1] as the models want them: ImageNet's mean and deviation; others stay."""
    if images.ndim != 4:
        return images
    mean, std = _constants(images.device)
    return images.sub(mean).div_(std)


@functools.cache
def _constants(device: torch.device) -> tuple[Tensor, Tensor]:
    mean, std = (torch.tensor(values, device=device).view(1, 3, 1, 1) for values in (MEAN, STD))
    return mean, std
