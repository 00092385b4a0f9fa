"""Fine-tuning after the federation.

Kangkang Wang, Rajiv Mathews, Chloé Kiddon, Hubert Eichner, Françoise Beaufays, Daniel Ramage (2019). Federated
Evaluation of On-device Personalization. arXiv:1910.10252. After the last round every client tunes the global model,

    v_k = SGD on its own images from w, for epochs passes

and is judged by v_k, which stays with it; until then all are judged by the global model. The training itself is the
strategy's, unchanged. epochs = 0 judges everyone by the global model to the end.
"""

from torch import nn

from fedsky.client import Config, Shard, State, checks, sgd
from strategies.fedavg import FedAvg
from strategies.wrappers.wrapper import Wrapper


def evaluate(model: nn.Module, shard: Shard, config: Config, state: State) -> None:
    """Tunes the received model once the federation has ended, and keeps it as the client's own."""
    if config["last"]:
        sgd(model, shard, {**config, "local_epochs": config["tuning_epochs"], "lr": config["tuning_lr"]})
        state.save(model.state_dict())


class FineTune(Wrapper):
    """Brings ``strategy`` an evaluate half; ``epochs`` are passes, 0 or more, ``lr`` their step size, above 0.

    momentum, weight_decay and batch_size are the run's.
    """

    def __init__(self, strategy: FedAvg, epochs: int, lr: float) -> None:
        super().__init__(strategy)
        if strategy.evaluate is not None:
            name = type(strategy).__name__.lower()
            raise ValueError(f"personalize=finetune: strategy={name} gives every client its own model; leave it out")
        checks.whole("personalize.epochs", epochs)
        strategy.evaluate = evaluate  # read by the innermost strategy when it makes its messages
        strategy.parameters |= {"tuning_epochs": epochs, "tuning_lr": checks.number("personalize.lr", lr, above=0)}
