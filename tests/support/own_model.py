"""A model of one's own, as a user names it by ``_target_``."""

from typing import Any

from torch import Tensor, nn


class Own(nn.Module):
    """One convolution with BatchNorm, and a head."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(4, num_classes)

    def forward(self, images: Tensor) -> Any:
        return self.head(self.features(images))
