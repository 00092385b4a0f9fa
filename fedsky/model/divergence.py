"""Whether numbers are numbers: a training that diverged ends as failed, and a model of it is used for nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

DIVERGED = "training diverged"


def diverged(round: int | None, remedy: str, sign: str) -> ValueError:
    """The refusal of a training whose numbers are not finite: what to lower, and the sign by which it was seen."""
    return ValueError(f"{DIVERGED}{'' if round is None else f' in round {round}'}: lower {remedy} ({sign})")


def not_finite(arrays: Mapping[str, Any]) -> str | None:
    """The name of the first array or tensor that holds NaN or an infinity; None where all numbers are finite."""
    for name, array in arrays.items():
        finite = torch.isfinite(array) if isinstance(array, Tensor) else np.isfinite(array)
        if not finite.all():
            return name
    return None


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
