"""Finds, composes and checks the configuration; every refusal names the value and the remedy."""

import math
import re
from pathlib import Path
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from fedsky import checks
from fedsky.checks import listed, shown
from fedsky.config import arguments, making, start
from fedsky.config.shelf import CONF as CONF
from fedsky.config.shelf import choices, reach

# key: smallest value of a whole number
WHOLE = {
    "num_clients": 1,
    "num_rounds": 1,
    "local_epochs": 1,
    "batch_size": 1,
    "min_replies": 1,
    "seed": 0,
    "data_seed": 0,
}
NUMBERS: dict[str, dict[str, Any]] = {
    "lr": {"above": 0},
    "momentum": {"at_least": 0, "below": 1},
    "weight_decay": {"at_least": 0},
    "participation": {"above": 0, "at_most": 1},
    "stragglers": {"at_least": 0, "at_most": 1},
}


# What the configurations of earlier versions lack.
BEFORE: dict[str, Any] = {
    "stragglers": 0.0,
    "precision": "float32",
    "evaluate_train": False,
    "on_failure": "fail",
    "min_replies": 1,
    "clients": {"_target_": "fedsky.client.behaviour.Behaviour"},
}
PRECISIONS = ("float32", "bfloat16")
ON_FAILURE = ("fail", "skip", "retry")
LARGEST = 2**63 - 1  # that a message and torch's generator take
GROUPS = ("data", "partition", "model", "clients", "strategy", "engine")
# What goes around a strategy, from the inside out: the server opens a reply in the opposite order.
WRAPPERS = ("personalize", "privacy", "attack", "compression")
OPTIONAL = (*WRAPPERS, "tracking")  # groups whose choice may be none


def compose(overrides: list[str]) -> DictConfig:
    """The configuration of a command line's overrides, as ``python -m fedsky`` would compose it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra_compose("config", overrides=arguments.readable(overrides))


def composed(overrides: list[str]) -> tuple[DictConfig, dict[str, str]]:
    """As ``compose``, with the choice that was made in each group."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = hydra_compose("config", overrides=arguments.readable(overrides), return_hydra_config=True)
    chosen = {group: str(choice) for group, choice in cfg.hydra.runtime.choices.items() if choice is not None}
    with open_dict(cfg):
        del cfg["hydra"]
    return cfg, {group: choice for group, choice in chosen.items() if "/" not in group}


def resolve(cfg: DictConfig) -> dict[str, Any]:
    """The configuration as plain, resolved and checked values; ValueError in one line where one is not allowed."""
    config = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(config, dict)
    settings = {str(key): value for key, value in config.items()}
    check(settings)
    return settings


def check(config: dict[str, Any]) -> None:
    """Raises ValueError for a top-level value that no run can use."""
    checks.whole("jobs", config.pop("jobs", 1), 1)  # of a sweep: a run does not know of it
    for key, value in BEFORE.items():
        config.setdefault(key, value)
    for group in GROUPS:
        if not isinstance(config.get(group), dict):
            raise ValueError(f"unknown {group} '{shown(config.get(group))}'; choose {listed([*choices(group)])}")
    checks.whole("partition.min_examples", config["partition"].get("min_examples"), 1)
    for group in OPTIONAL:
        if not isinstance(config.setdefault(group, {"_target_": None}), dict):
            raise ValueError(f"unknown {group} '{shown(config[group])}'; choose {listed([*choices(group)])}")
    if not isinstance(augment := config["data"].get("augment") or {}, dict):
        raise ValueError(f"data.augment={shown(augment)}: set one of its own settings, such as data.augment.flip=false")
    of_the_data = config["partition"].get("_target_") == "fedsky.partition.natural"
    for key, smallest in WHOLE.items():
        if key == "num_clients" and config[key] is None and of_the_data:  # as many as it has owners
            continue
        checks.whole(key, config[key], smallest)
        if config[key] > LARGEST:
            raise ValueError(f"{key}={config[key]}: {LARGEST} or less is needed")
    for key in ("checkpoint", "dry_run", "evaluate_train"):
        checks.flag(key, config[key])
    for key, bounds in NUMBERS.items():
        config[key] = checks.number(key, config[key], **bounds)
    if config["patience"] is not None:
        checks.whole("patience", config["patience"], 1, of="rounds", hint=", or null")
    more = config["clients"].get("overselect")
    if isinstance(more, int | float) and more > 0 and config["participation"] == 1:
        raise ValueError(f"clients.overselect={more:g}: participation=1 asks everybody already: lower participation")
    checks.choice("on_failure", config["on_failure"], ON_FAILURE)
    checks.choice("evaluate", config["evaluate"], ("server", "clients"))
    if config["evaluate_train"] and config["evaluate"] != "server":
        raise ValueError("evaluate_train=True: only the server sees the training images, choose evaluate=server")
    checks.choice("precision", config["precision"], PRECISIONS)
    if (number := config["engine"].get("batch_clients")) not in (None, "auto"):
        checks.whole("engine.batch_clients", number, 1, hint=", auto or null")
    checks.flag("engine.deterministic", config["engine"].get("deterministic", False))
    checks.choice("lr_schedule", config["lr_schedule"], ("constant", "cosine"))
    check_names(config)
    if "fold" in config["data"]:
        checks.fold(config["data"]["fold"])
    start.settle(config["model"])


def check_names(config: dict[str, Any]) -> None:
    """Raises ValueError where ``client_names`` are not as many names as there are clients, if that is known yet."""
    names, number = config["client_names"], config["num_clients"]
    if names is not None and (not isinstance(names, list) or (number is not None and len(names) != number)):
        raise ValueError(f"client_names={shown(names)}: as many names as num_clients={number} are needed")
    if not all(isinstance(name, str | int | float) for name in names or ()):
        raise ValueError(f"client_names={shown(names)}: names are needed, such as [A, B]")


def learning_rate(config: dict[str, Any], round: int) -> float:
    """The clients' step size in a round (from 1): constant, or a cosine from lr to 0 after the last round."""
    if config["lr_schedule"] == "constant":
        return float(config["lr"])
    return float(config["lr"]) * 0.5 * (1 + math.cos(math.pi * (round - 1) / config["num_rounds"]))


# What the runs of earlier versions name by the place that it had then.
MOVED = {"fedsky.linear.Softmax": "fedsky.model.linear.Softmax"}


def make(settings: dict[str, Any], group: str = "", /, **more: Any) -> Any:
    """What ``_target_`` names, made; a refusal comes as it was raised inside, without Hydra's account of it.

    A value that the code cannot use, or that is not of the kind that its argument is declared with, is a ValueError
    with its key in ``group``, the value and the file of the code.
    """
    reach()
    target = settings.get("_target_")
    settings = settings | {"_target_": MOVED.get(str(target), target)}
    try:
        made = instantiate(settings, **more)
    except InstantiationException as error:
        if isinstance(error.__cause__, making.UNUSABLE) and (called := making.found(str(target))) is not None:
            with making.telling(group, settings, called):
                raise error.__cause__ from None
        if isinstance(error.__cause__, ValueError | OSError):
            raise error.__cause__ from None
        if str(error).startswith(("Error locating target", "Expected a callable target")):
            why = f" ({error.__cause__})" if error.__cause__ else ""
            raise ValueError(
                f"_target_={shown(target)}: there is no class or function of this name{why}; name one as module.name"
            ) from error
        raise
    if not more.get("_partial_"):
        called = making.found(settings["_target_"])
        if called is not None and (wrong := making.mismatch(group, settings, called)) is not None:
            raise ValueError(wrong)
    return made


def make_strategy(config: dict[str, Any]) -> Any:
    """The strategy of a run's configuration, in whatever is chosen to go around it."""
    strategy = make(config["strategy"], "strategy")
    for group in WRAPPERS:
        if config[group].get("_target_") is not None:
            strategy = make(config[group], group, strategy=strategy)
    return strategy


def quoted(text: str) -> str:
    """A text as a value in Hydra's grammar; ValueError where it has what Hydra would put something in place of."""
    if "${" in text or "\n" in text:
        raise ValueError(f"{text}: a folder of another name is needed")
    if re.fullmatch(r"[\w/.\-]+", text):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def from_here(path: str | Path) -> Path:
    """A path as seen from the current folder where it lies below it: so what is said tells less of the machine."""
    found, here = Path(path), Path.cwd()
    return found.relative_to(here) if here in found.parents else found
