"""Ditto.

Tian Li, Shengyuan Hu, Ahmad Beirami, Virginia Smith (2021). Ditto: Fair and Robust Federated Learning Through
Personalization. ICML. Algorithm 2: beside FedAvg's global model w every client k trains a personal model v_k on

    h_k(v; w) = F_k(v) + lam / 2 * |v - w|^2

where w is the global model that it has just received, and the second term's exact gradient is lam * (v - w):

    every client of the cohort S: v_k = SGD on h_k(.; w) from v_k, for local_epochs passes
                                  w_k = SGD on F_k from w, for local_epochs passes with the same batches
    server: w = sum over S of n_k w_k / sum over S of n_k

Before its first round a client has the received w for its v_k. The global model is FedAvg's to the bit for any lam.
lam = 0 is training alone (``local``), where everyone takes part in every round; the larger lam, the nearer v_k to w.
"""

from typing import Any

from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, checks, proximal_gradient, sgd
from strategies.fedavg import FedAvg


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD on the client's own model, pulled to the received one, then on the latter, which goes back.

    num_steps counts both; train_loss is the global model's.
    """
    received = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    anchors = [received[name] for name, parameter in model.named_parameters() if parameter.requires_grad]
    drawn = shard.generator.get_state()
    evaluate(model, shard, config, state)
    own = sgd(model, shard, config, lambda v: proximal_gradient(v, anchors, config["lam"]))
    state.save(model.state_dict())
    model.load_state_dict(received)
    shard.generator.set_state(drawn)
    metrics = sgd(model, shard, config)
    metrics["num_steps"] += own["num_steps"]
    return model.state_dict(), metrics


def evaluate(model: nn.Module, shard: Shard, config: Config, state: State) -> None:
    """Puts the client's own model in place; before its first round that is the global model."""
    own = state.load()
    if own is not None:
        model.load_state_dict(own)


class Ditto(FedAvg):
    """The server half is FedAvg's; ``lam`` is the weight of the pull to the global model, 0 or more."""

    train = staticmethod(train)
    evaluate: Any = staticmethod(evaluate)

    def __init__(self, lam: float, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.parameters["lam"] = checks.number("strategy.lam", lam, at_least=0)
