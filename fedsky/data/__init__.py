"""Photographs in memory-mapped form, and the owners' training, validation and test parts."""

from fedsky.data.photos import Photos
from fedsky.data.split import Owner, split

__all__ = ["Owner", "Photos", "split"]
