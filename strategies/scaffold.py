"""SCAFFOLD.

Sai Praneeth Karimireddy, Satyen Kale, Mehryar Mohri, Sashank J. Reddi, Sebastian U. Stich, Ananda Theertha Suresh
(2020). SCAFFOLD: Stochastic Controlled Averaging for Federated Learning. ICML. Algorithm 1 with a global step of 1:
control variates c_i, that each client keeps, and c of the server, all 0 at first, take the drift out of local steps,

    y_i = y_i - lr * (grad f_i(y_i) - c_i + c), K_i times from x
    c_i+ = grad f_i(x)                           option 1
    c_i+ = c_i - c + (x - y_i) / (lr * K_i)      option 2: the mean of the client's own gradients on its way
    x = sum over the cohort S of v_i y_i,   c = c + sum over S of w_i (c_i+ - c_i)

with v_i (``weights``) uniform or by examples, and w_i (``control_weights``) 1 / N of all N clients, or by examples
|S| / N * n_i / sum over S of n_j. Where everyone takes part c = sum_i w_i c_i, and where x stands still c = 0 and
c_i = grad f_i(x), so that w_i alone decides what is minimised, whatever v_i and K_i are:

    control_weights uniform     the plain mean of the clients' losses, also with x by examples
    control_weights examples    their mean weighted by examples: FedAvg's objective

With a part of the clients in a round c is still the plain mean of all c_i if uniform, but by examples only about
their weighted mean. With the clients' momentum K_i gives way to FedNova's a_i (see below). Weight decay is part of the
gradient. Parameters alone have control variates; buffers take the mean by ``weights``. The first round with weights by
examples is FedAvg's; a single client makes plain SGD. A client that made no step keeps its c_i.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from flwr.app import Array, ArrayRecord, Message
from torch import Tensor, nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, criterion, sgd, training_mode
from strategies.fedavg import FedAvg, metric
from strategies.fednova import normaliser

CONTROL = "control/"  # before a parameter's name: c on the way out, c_i+ - c_i on the way back


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD whose gradients are corrected by c - c_i; the model, and c_i+ - c_i."""
    parameters = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    x = {name: parameter.detach().to(torch.float64, copy=True) for name, parameter in parameters.items()}
    c = {name: config["extra"][CONTROL + name].to(parameter) for name, parameter in parameters.items()}
    kept = state.load() or {}
    # In float64, so that the server's sum of what it gets and this one are equal to the bit where the client is alone.
    own = {name: kept[name].to(x[name]) if kept else torch.zeros_like(x[name]) for name in parameters}
    corrections = [c[name] - own[name].to(c[name]) for name in parameters]

    def correct(trained: list[nn.Parameter]) -> None:
        for parameter, correction in zip(trained, corrections, strict=True):
            assert parameter.grad is not None
            parameter.grad.add_(correction)

    at_x = gradient(model, shard, config) if config["option"] == 1 else {}
    metrics = sgd(model, shard, config, correct)
    change = {CONTROL + name: torch.zeros_like(c[name]) for name in parameters}
    if metrics["num_steps"]:
        # Momentum carries the correction on like any gradient, so x - y = lr * sum_k w_k (g_k - c_i + c) with the
        # weights of FedNova, that add up to a_i = K_i only without momentum: dividing by lr * a_i leaves the weighted
        # mean of the client's own g_k. Dividing by lr * K_i would make c_i 1 / (1 - momentum) times too large.
        length = config["lr"] * normaliser(int(metrics["num_steps"]), config["lr"], config["momentum"])
        for name, parameter in parameters.items():
            if config["option"] == 1:
                moved = at_x[name] - own[name]
            else:
                moved = (x[name] - parameter.detach()) / length - c[name]
            change[CONTROL + name] = moved.to(parameter.dtype)
    state.save({name: own[name] + change[CONTROL + name] for name in parameters})
    return {**model.state_dict(), **change}, metrics


def gradient(model: nn.Module, shard: Shard, config: Config) -> dict[str, Tensor]:
    """The gradient of the client's mean loss at the model as it is, over all images in order, with the weight decay.

    In training mode, so that BatchNorm takes the statistics of each batch; a copy of the model, so that it keeps none.
    """
    copied = training_mode(copy.deepcopy(model))
    parameters = {name: parameter for name, parameter in copied.named_parameters() if parameter.requires_grad}
    total = {name: config["weight_decay"] * parameter.detach().double() for name, parameter in parameters.items()}
    # The batch size or a little more, so that no last batch is of one image: BatchNorm needs two.
    size = int(config["batch_size"])
    while len(shard) > size > 1 and len(shard) % size == 1:
        size += 1
    for images, labels in shard.in_order(size):
        loss = criterion(copied)(copied(images), labels)
        for name, grad in zip(total, torch.autograd.grad(loss, list(parameters.values())), strict=True):
            total[name].add_(grad, alpha=len(labels) / len(shard))
    return total


WEIGHTS = ("examples", "uniform")


class Scaffold(FedAvg):
    """The server half; ``option`` 1 or 2, ``weights`` of x and ``control_weights`` of c examples or uniform."""

    train = staticmethod(train)
    averages = False
    partial_work = True

    def __init__(self, option: int, weights: str, control_weights: str, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.parameters["option"] = checks.choice("strategy.option", option, (1, 2))
        self.weights = checks.choice("strategy.weights", weights, WEIGHTS)
        self.control_weights = checks.choice("strategy.control_weights", control_weights, WEIGHTS)

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """c is 0 at first; N is the number of all clients."""
        super().begin(model, config)
        self.num_clients = len(self.members(config["num_clients"]))
        shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
        self.memory = {CONTROL + name: torch.zeros(shapes[name], dtype=torch.float64) for name in self.trainable}

    def outgoing(self, arrays: ArrayRecord, kind: str) -> ArrayRecord:
        """The model and, for training, c in the model's dtype."""
        if kind != "train":
            return arrays
        c = {CONTROL + name: self.memory[CONTROL + name].numpy().astype(arrays[name].dtype) for name in self.trainable}
        return ArrayRecord({**arrays, **{name: Array.from_numpy_ndarray(array) for name, array in c.items()}})

    def weight(self, reply: Message) -> float:
        """v_i, before it is divided by their sum."""
        return _weight(reply, self.weights)

    def mean(self, replies: Iterable[Message]) -> dict[str, Tensor] | None:
        """The mean of the models; the differences of the control variates are summed on the way."""
        self.changes = {name: torch.zeros_like(c) for name, c in self.memory.items()}
        self.changes_weight = self.num_replies = 0.0
        return super().mean(replies)

    def received(self, reply: Message) -> dict[str, Tensor]:
        """The model of a reply; the difference of its control variate goes to the sum."""
        arrays = super().received(reply)
        weight = _weight(reply, self.control_weights)
        for name, total in self.changes.items():
            total.add_(arrays.pop(name), alpha=weight)
        self.changes_weight += weight
        self.num_replies += 1
        return arrays

    def update(self, mean: dict[str, Tensor]) -> dict[str, Tensor]:
        """x is the mean, and c moves by the weighted differences."""
        if self.changes_weight:
            share = self.num_replies / self.num_clients / self.changes_weight
            self.memory = {name: c + share * self.changes[name] for name, c in self.memory.items()}
        return mean


def _weight(reply: Message, kind: str) -> float:
    return metric(reply, "num_examples") if kind == "examples" else 1.0
