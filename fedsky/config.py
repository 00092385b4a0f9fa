"""Finds, composes and checks the configuration; every refusal names the value and the remedy."""

import math
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from fedsky.data.split import parse_fold

CONF = Path(__file__).resolve().parent.parent / "conf"

# key: smallest value of a whole number
WHOLE = {"num_clients": 1, "num_rounds": 1, "local_epochs": 1, "batch_size": 1, "seed": 0, "data_seed": 0}


def compose(overrides: list[str]) -> DictConfig:
    """The configuration of a command line's overrides, as ``python -m fedsky`` would compose it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose("config", overrides=overrides)


def resolve(cfg: DictConfig) -> dict[str, Any]:
    """The configuration as plain, resolved and checked values; ValueError in one line where a value is none."""
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    settings = {str(key): value for key, value in config.items()}
    check(settings)
    return settings


def check(config: dict[str, Any]) -> None:
    """Raises ValueError for a top-level value that no run can use."""
    for key, smallest in WHOLE.items():
        value = config[key]
        if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
            raise ValueError(f"{key}={value}: a whole number of {smallest} or more is needed")
    _number(config, "lr", above=0.0)
    _number(config, "momentum", at_least=0.0, below=1.0)
    _number(config, "weight_decay", at_least=0.0)
    _number(config, "participation", above=0.0, at_most=1.0)
    patience = config["patience"]
    if patience is not None and (not isinstance(patience, int) or isinstance(patience, bool) or patience < 1):
        raise ValueError(f"patience={patience}: a whole number of rounds, 1 or more, or null is needed")
    if config["evaluate"] not in ("server", "clients"):
        raise ValueError(f"evaluate={config['evaluate']}: choose server or clients")
    if config["lr_schedule"] not in ("constant", "cosine"):
        raise ValueError(f"lr_schedule={config['lr_schedule']}: choose constant or cosine")
    names = config["client_names"]
    if names is not None and (not isinstance(names, list) or len(names) != config["num_clients"]):
        raise ValueError(f"client_names={names}: as many names as num_clients={config['num_clients']} are needed")
    parse_fold(config["data"]["fold"])


def _number(
    config: dict[str, Any],
    key: str,
    above: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> None:
    value = config[key]
    wanted = " and ".join(
        f"{word} {bound:g}"
        for word, bound in (("above", above), ("at least", at_least), ("at most", at_most), ("below", below))
        if bound is not None
    )
    right = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (above is None or value > above)
        and (at_least is None or value >= at_least)
        and (at_most is None or value <= at_most)
        and (below is None or value < below)
    )
    if not right:
        raise ValueError(f"{key}={value}: a number {wanted} is needed")
    config[key] = float(value)


def learning_rate(config: dict[str, Any], round: int) -> float:
    """The clients' step size in a round (from 1): constant, or a cosine from lr to 0 after the last round."""
    if config["lr_schedule"] == "constant":
        return float(config["lr"])
    return float(config["lr"]) * 0.5 * (1 + math.cos(math.pi * (round - 1) / config["num_rounds"]))
