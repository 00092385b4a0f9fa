"""All that a strategy's client half may use.

A client half is a plain function ``train(model, shard, config, state)`` that returns the arrays to send and its
metrics. It passes only its difference to the shared loop: ``sgd(..., correct=...)``. Arrays that the server sends
beside the model's stand in ``config["extra"]``.
"""

from fedsky import checks
from fedsky.client.app import Handler, client_generator, mods, num_classes, state_of, tensors
from fedsky.client.arrays import view
from fedsky.client.behaviour import BEGUN, STALENESS, TAKEN, Behaviour, draw_stragglers, round_half_up
from fedsky.client.state import State
from fedsky.client.training import Arrays, Metrics, Shard, criterion, mean_loss, predict, proximal_gradient, sgd
from fedsky.model.divergence import is_finite
from fedsky.model.freeze import frozen, training_mode
from fedsky.model.solver import Config

__all__ = [
    "BEGUN",
    "STALENESS",
    "TAKEN",
    "Arrays",
    "Behaviour",
    "Config",
    "Handler",
    "Metrics",
    "Shard",
    "State",
    "checks",
    "client_generator",
    "criterion",
    "draw_stragglers",
    "frozen",
    "is_finite",
    "mean_loss",
    "mods",
    "num_classes",
    "predict",
    "proximal_gradient",
    "round_half_up",
    "sgd",
    "state_of",
    "tensors",
    "training_mode",
    "view",
]
