"""FedRep.

Liam Collins, Hamed Hassani, Aryan Mokhtari, Sanjay Shakkottai (2021). Exploiting Shared Representations for
Personalized Federated Learning. ICML. Algorithm 1: as in FedPer the body b is shared and the head h_k stays with the
client, but they are trained one after the other,

    every client of the cohort S: h_k = SGD on the head alone from h_k, for head_epochs passes with b
                                  b_k = SGD on the body alone from b, for local_epochs passes with the new h_k
    server: b = sum over S of n_k b_k / sum over S of n_k

(the paper's mean is the plain one, of clients with as many images each). BatchNorm's running statistics, which no
gradient changes, follow the images in both. A model that is all head is refused: it has nothing to share.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, sgd
from strategies.fedper import FedPer, evaluate, head, keep


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD on the client's own head, then on the body, which goes back."""
    evaluate(model, shard, config, state)
    own = head(model)
    named = dict(model.named_parameters())
    with fixed(parameter for name, parameter in named.items() if name not in own):
        first = sgd(model, shard, {**config, "local_epochs": config["head_epochs"]})
    with fixed(named[name] for name in own if name in named):
        metrics = sgd(model, shard, config)
    passes = [config["head_epochs"], config["local_epochs"]]
    losses = [first["train_loss"], metrics["train_loss"]]
    metrics["train_loss"] = sum(p * loss for p, loss in zip(passes, losses, strict=True)) / sum(passes)
    metrics["num_steps"] += first["num_steps"]
    return keep(model, own, state), metrics


@contextmanager
def fixed(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Keeps parameters as they are for a while; those that were trained before are trained again afterwards."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    try:
        for parameter in trained:
            parameter.requires_grad_(False)
        yield
    finally:  # the process's one model goes on to other clients, and other runs, even if training has diverged
        for parameter in trained:
            parameter.requires_grad_(True)


class FedRep(FedPer):
    """The server half is FedPer's; ``head_epochs`` are a client's passes for its head in a round, 1 or more."""

    train = staticmethod(train)

    def __init__(self, head_epochs: int, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.parameters["head_epochs"] = checks.whole("strategy.head_epochs", head_epochs, 1)

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        super().begin(model, config)
        if not self.trainable:
            raise ValueError("strategy=fedrep: this model is all head and has no body to share; choose strategy=local")
