"""What the rounds of a run cost, each and by its end: megabytes (10^6 bytes, both ways), seconds, local steps."""

import math

import numpy as np
import pandas as pd

from .reading import Floats

COSTS = ("megabytes", "seconds", "virtual_seconds", "steps")  # seconds: on the wall


def per_round(rounds: pd.DataFrame, what: str, sends_nothing: bool = False) -> Floats:
    """One of COSTS in each row of ``reading.rounds_of``; NaN where unknown.

    What is done before round 1 counts for seconds alone. sends_nothing: no model travels, so that no count is none.
    """
    if what == "megabytes":
        values = (rounds["bytes_up"] + rounds["bytes_down"]).to_numpy(float) / 1e6
        values = np.nan_to_num(values) if sends_nothing else values
    elif what == "virtual_seconds":  # which the file has by the end of each round
        values = np.diff(rounds[what].to_numpy(float), prepend=0.0)
    else:
        values = rounds["seconds" if what == "seconds" else "num_steps"].to_numpy(float, copy=True)
    first = rounds.index.to_numpy(np.int64) == 0
    values[first] = np.nan_to_num(values[first]) if what == "seconds" else 0
    return values


def spent(rounds: pd.DataFrame, what: str, sends_nothing: bool = False) -> pd.Series:
    """One of COSTS by the end of each round, or the round itself; NaN from a gap on, in the count or in the rounds."""
    index = rounds.index.to_numpy(np.int64)
    if what == "round" or not len(index):
        return pd.Series(index.astype(float), index=index)
    if what == "virtual_seconds":
        return rounds[what].astype(float)
    total = np.cumsum(per_round(rounds, what, sends_nothing))
    total[index != np.arange(len(index)) + min(index[0], 1)] = math.nan
    return pd.Series(total, index=index)
