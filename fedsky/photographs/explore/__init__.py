"""What a collection of photographs holds, on one self-contained page."""

from fedsky.photographs.explore.page import explore

__all__ = ["explore"]
