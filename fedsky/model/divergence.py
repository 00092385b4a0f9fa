"""Whether numbers are numbers: a training that diverged ends as failed, and a model of it is used for nothing."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DIVERGED = "training diverged"


def diverged(round: int | None, remedy: str, sign: str) -> ValueError:
    """The refusal of a training whose numbers are not finite: what to lower, and the sign by which it was seen."""
    return ValueError(f"{DIVERGED}{'' if round is None else f' in round {round}'}: lower {remedy} ({sign})")


def not_finite(arrays: Mapping[str, Any]) -> str | None:
    """The name of the first array or tensor that holds NaN or an infinity; None where all numbers are finite."""
    for name, array in arrays.items():
        if not is_finite(array):
            return name
    return None


def is_finite(array: Tensor | NDArray[Any]) -> bool:
    """Whether all numbers are finite: the smallest and the largest are, and NaN is both where there is one."""
    if isinstance(array, Tensor):
        if not array.is_floating_point() or not array.numel():
            return True
        low, high = torch.aminmax(array)
        return math.isfinite(low) and math.isfinite(high)
    if array.dtype.kind != "f" or not array.size:
        return True
    return math.isfinite(array.min()) and math.isfinite(array.max())


def model_not_finite(model: nn.Module) -> str | None:
    """The name of the model's first parameter or buffer that is not finite; None where all are."""
    return not_finite(model.state_dict())


def remedy(config: Mapping[str, Any], of_server: bool = False) -> str:
    """What of a run's configuration to lower. of_server: whether the server's own step is known to be the cause."""
    lr, server_lr = f"lr={config['lr']:g}", config["strategy"].get("server_lr")
    if server_lr is None:
        return lr
    step = f"strategy.server_lr={server_lr:g}"
    return step if of_server else f"{step} or {lr}"
