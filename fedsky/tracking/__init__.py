"""Writes a run to a tracker as it goes, beside its folder, which stays what counts."""

from .background import Background, open_tracking

__all__ = ["Background", "open_tracking"]
