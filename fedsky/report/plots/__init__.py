"""The figures of a report, by view; each takes a view's data and returns a figure."""

from .cost import cost
from .curves import curves
from .final import final, joining, share, story
from .judgement import calibration, confusion, roc
from .learning import learning
from .owners import heat, owners, partition, sizes, spread
from .sweeps import sweep
from .targets import targets
from .worth import worth

__all__ = [
    "calibration",
    "confusion",
    "cost",
    "curves",
    "final",
    "heat",
    "joining",
    "learning",
    "owners",
    "partition",
    "roc",
    "share",
    "sizes",
    "spread",
    "story",
    "sweep",
    "targets",
    "worth",
]
