"""Tiny float64 data, models and strategies that tests name by ``_target_``; importable in Ray's actors too."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State
from fedsky.data import Photos
from strategies import scaffold
from strategies.fedavg import FedAvg, train


def points(count: int = 120, seed: int = 0) -> Photos:
    """Points [n, 6] of two classes that overlap."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = rng.normal(size=(count, 6)) + labels[:, None] * 0.8
    return Photos(pixels, labels, [f"p{i}" for i in range(count)], ("no", "yes"), f"points-{count}-{seed}")


def points_here() -> Photos:
    """Points; on a node of a cluster that $SECOND names, others."""
    return points(seed=1 if "SECOND" in os.environ else 0)


def linear(num_classes: int) -> nn.Module:
    return nn.Linear(6, num_classes).double()


def fail(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    if config["client"] == 2:
        raise KeyError("a mistake in client 2")
    return sgd_of_nothing(model, shard)


class Failing(FedAvg):
    """Client 2 raises."""

    train: Any = staticmethod(fail)


def die(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    if config["client"] == 2:
        os._exit(1)
    return sgd_of_nothing(model, shard)


def sgd_of_nothing(model: nn.Module, shard: Shard) -> tuple[Arrays, Metrics]:
    return model.state_dict(), {"train_loss": 0.0, "num_examples": len(shard), "num_steps": 1}


class Dying(FedAvg):
    """Client 2 takes its actor's process with it."""

    train: Any = staticmethod(die)


def die_once(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    died = Path(os.environ["DIED"])
    if config["client"] == 2 and not died.exists():
        died.touch()
        os._exit(1)
    return train(model, shard, config, state)


class DyingOnce(FedAvg):
    """FedAvg, but that client 2 takes its actor's process with it the first time; $DIED is the file that notes it."""

    train: Any = staticmethod(die_once)


def lose_node(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    lost = Path(os.environ.get("LOST", os.devnull))
    if "SECOND" in os.environ and not lost.exists():
        lost.touch()
        os.kill(os.getppid(), signal.SIGKILL)  # Ray's own process on this node
        os._exit(1)
    return scaffold.train(model, shard, config, state)


class LosingNode(scaffold.Scaffold):
    """SCAFFOLD, but that the node that $SECOND names is lost with the first client that it trains."""

    train: Any = staticmethod(lose_node)


def pixels(num_classes: int) -> nn.Module:
    """One layer on pictures of 32 pixels."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, num_classes))


def pictures(count: int = 80) -> Photos:
    """Pictures [n, 3, 8, 8] in float64 of two classes that overlap."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    pixels = rng.random(size=(count, 3, 8, 8)) + labels[:, None, None, None] * 0.3
    return Photos(pixels, labels, [f"p{i}" for i in range(count)], ("no", "yes"), f"pictures-{count}")


def convolution(num_classes: int, norm: str = "none", dropout: float = 0.0) -> nn.Module:
    """Two convolutions in float64, with a normalisation or none."""
    layer = {"batch": nn.BatchNorm2d(4), "group": nn.GroupNorm(2, 4), "none": nn.Identity()}[norm]
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        layer,
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 2, 3),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(32, num_classes),
    ).double()
