"""FedPer.

Manoj Ghuhan Arivazhagan, Vinay Aggarwal, Aaditya Kumar Singh, Sunav Choudhary (2019). Federated Learning with
Personalization Layers. arXiv:1912.00818. Algorithms 1 and 2, with the classifier as the one personalization layer: a
model is a body b and a head h,

    every client of the cohort S: b_k, h_k = SGD on its n_k images from b, h_k, for local_epochs passes
    server: b = sum over S of n_k b_k / sum over S of n_k

where h_k never leaves the client; all heads begin as the common start's. The head is the model's last module that has
parameters of its own. If that is the whole model, nothing is sent and every client trains alone (``local``).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from flwr.app import ArrayRecord
from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, sgd
from strategies.fedavg import FedAvg


def train(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """The client half: SGD on the received body and the client's own head together, and the body back."""
    evaluate(model, shard, config, state)
    metrics = sgd(model, shard, config)
    return keep(model, head(model), state), metrics


def evaluate(model: nn.Module, shard: Shard, config: Config, state: State) -> None:
    """Puts the client's own tensors in place; before its first round they are the common start's."""
    model.load_state_dict(model.state_dict() | (state.load() or {}))


def head(model: nn.Module) -> list[str]:
    """The names of the tensors of the model's last module that has parameters of its own."""
    owners = [name for name, module in model.named_modules() if list(module.parameters(recurse=False))]
    return tensor_names(model, owners[-1:])


def tensor_names(model: nn.Module, modules: Iterable[str]) -> list[str]:
    """The names, in the model, of all tensors of some of its modules."""
    return [f"{name}.{key}".lstrip(".") for name in modules for key in model.get_submodule(name).state_dict()]


def keep(model: nn.Module, own: Iterable[str], state: State) -> Arrays:
    """Saves the client's own tensors with the client and returns the others, which are to be sent."""
    tensors = model.state_dict()
    state.save({name: tensors.pop(name) for name in own})
    return tensors


class FedPer(FedAvg):
    """The server half: neither sends nor takes ``personal``, the tensors that stay with the clients."""

    train = staticmethod(train)
    evaluate: Any = staticmethod(evaluate)
    names: Any = staticmethod(head)  # of the tensors of a model that stay with the clients

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        super().begin(model, config)
        self.personal = set(self.names(model))
        self.trainable = [name for name in self.trainable if name not in self.personal]
        if not self.trainable and self.frozen:  # without: every client by itself, as local
            kept, name = ", ".join(self.names(model)[:3]), type(self).__name__.lower()
            raise ValueError(
                f"strategy={name}: all that is trained stays with the clients ({kept}), nothing is left to share: set "
                "model.freeze to less, or choose strategy=local"
            )

    def outgoing(self, arrays: ArrayRecord, kind: str) -> ArrayRecord:
        """The tensors that all clients share."""
        return ArrayRecord({name: array for name, array in arrays.items() if name not in self.personal})
