"""User-level differential privacy, with updates clipped to a fixed norm.

H. Brendan McMahan, Daniel Ramage, Kunal Talwar, Li Zhang (2018). Learning Differentially Private Recurrent Language
Models. ICLR. Algorithm 1, with flat clipping, equal weights and the estimator of fixed denominator:

    a round's sample S: each of the N clients on its own with probability q (participation); it may be empty
    every client of S: its update d_k = y_k - x, by the inner strategy's client half
    server: m = x + (sum over S of min(1, C / |d_k|) d_k + N(0, (z C)^2)) / (q N)

|d| is the norm over all arrays together, z is ``noise_multiplier``, C ``clip_norm``. The inner strategy gets m for its
only reply: whatever it does next, a step of a server optimizer too, costs no more privacy. z = 0 and a C above every
|d_k| with q = 1 is the unweighted FedAvg; the examples of a client never count.

The server clips, as soon as a reply is unpacked: one place then bounds every client, one that attacks or compresses
too, and what is released is the same as if each had clipped its own, for nothing else than the sum of what is clipped
goes on. The server sees the updates as they are; it is trusted (central differential privacy).

What is promised: (epsilon, delta) for all models that the server releases, when one client with all its photographs is
added or removed. Not covered are the metrics that a simulation records, what is chosen by them (best.safetensors,
patience) and what a client keeps for itself. Sample and noise come from (seed, round), so that a run can be repeated:
a deployment must draw them from a secret source.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from torch import nn

from fedsky.client import checks
from strategies.fedavg import FedAvg
from strategies.wrappers.wrapper import Wrapper


def sample(num_clients: int, participation: float, seed: int, round: int) -> list[int]:
    """A Poisson sample: every client on its own with the same probability, drawn by (seed, round)."""
    drawn = np.random.default_rng([seed, 5, round]).random(num_clients) < participation
    return [int(client) for client in drawn.nonzero()[0]]


# Of the Renyi divergences that are composed: whole ones, as in the accountant the others' series need not converge.
ORDERS = (*range(2, 64), 128, 256, 512, 1024)
MEANINGLESS = 1e4  # an epsilon above which no tighter bound is looked for
STEP = 2e-4  # of the grid on which privacy loss is rounded up, in epsilons of one round; costs 1 in 1000 at most


@functools.cache
def epsilon(noise_multiplier: float, rate: float, delta: float, rounds: int) -> float:
    """What rounds of Poisson samples cost together; infinite without noise.

    The smaller of two bounds of dp-accounting: by the distribution of the privacy loss, rounded up (Doroshenko et al.
    2022, Connect the Dots; PoPETs), and by Renyi divergences, where delta is below what the first resolves.
    """
    renyi = _renyi(noise_multiplier, rate, delta, rounds)
    if not 0.0 < renyi < MEANINGLESS:
        return renyi
    return min(renyi, float(_loss(noise_multiplier, rate, delta).self_compose(rounds).get_epsilon_for_delta(delta)))


def _renyi(noise_multiplier: float, rate: float, delta: float, rounds: int) -> float:
    import dp_accounting  # here, as it takes a second
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant(ORDERS, dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE)
    gaussian = dp_accounting.GaussianDpEvent(noise_multiplier)
    accountant.compose(dp_accounting.PoissonSampledDpEvent(rate, gaussian), rounds)
    return float(accountant.get_epsilon(delta))


@functools.cache
def _loss(noise_multiplier: float, rate: float, delta: float) -> Any:
    """The privacy loss of one round."""
    from dp_accounting.pld import privacy_loss_distribution

    step = STEP * _renyi(noise_multiplier, rate, delta, 1)
    return privacy_loss_distribution.from_gaussian_mechanism(
        noise_multiplier, sampling_prob=rate, value_discretization_interval=step
    )


class Fixed(Wrapper):
    """``max_epsilon`` ends the run before the round that would spend more; None: never."""

    def __init__(
        self,
        strategy: FedAvg | Wrapper,
        noise_multiplier: float,
        clip_norm: float,
        delta: float,
        max_epsilon: float | None = None,
    ) -> None:
        super().__init__(strategy)
        innermost: Any = strategy
        while isinstance(innermost, Wrapper):
            innermost = innermost.strategy
        if not strategy.averages:
            name = type(innermost).__name__.lower()
            raise ValueError(
                f"privacy={self.name}: {name} takes no mean of the clients' models; choose fedavg or another that does"
            )
        self.noise_multiplier = checks.number("privacy.noise_multiplier", noise_multiplier, at_least=0)
        self.clip_norm = checks.number("privacy.clip_norm", clip_norm, above=0)
        self.delta = checks.number("privacy.delta", delta, above=0, below=1)
        self.max_epsilon = None if max_epsilon is None else checks.number("privacy.max_epsilon", max_epsilon, above=0)
        innermost.cohort = sample

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        super().begin(model, config)
        num_clients = len(self.strategy.members(config["num_clients"]))
        for name in self.strategy.outgoing(self.strategy.moving(ArrayRecord(dict(model.state_dict()))), "train"):
            if name not in self.strategy.trainable:
                why = f"BatchNorm's running statistics are computed from photographs ({name} is sent, no parameter)"
                raise ValueError(f"privacy needs model.norm=group: {why}")
        # Whose share of a sample would change with who else is in it, or whose replies would not count for them.
        asked = {
            "stragglers": (config["stragglers"], 0),
            "min_replies": (config.get("min_replies", 1), 1),
            "clients.overselect": (config.get("clients", {}).get("overselect", 0), 0),
        }
        for key, (value, right) in asked.items():
            if value != right:
                why = "with privacy a client's update must not depend on who else takes part"
                raise ValueError(f"{key}={value:g}: {why}: use {key}={right}")
        if self.delta >= 1 / num_clients:
            why = f"it would allow to publish one of {num_clients} clients whole"
            raise ValueError(f"privacy.delta={self.delta:g}: {why}: below {1 / num_clients:g} is needed")
        self.seed, self.rate = config["seed"], config["participation"]
        self.expected = self.rate * num_clients  # the mean size of a sample, q N
        if self._exceeds(1):
            why = f"the first round alone costs {self.epsilon(1):.3g}"
            remedy = "raise it or noise_multiplier, or lower participation"
            raise ValueError(f"privacy.max_epsilon={self.max_epsilon:g}: {why}: {remedy}")

    def is_over(self, round: int) -> bool:
        """Also where the next round would spend more than ``max_epsilon``."""
        return super().is_over(round) or self._exceeds(round + 1)

    def _exceeds(self, rounds: int) -> bool:
        return self.max_epsilon is not None and self.epsilon(rounds) > self.max_epsilon

    def epsilon(self, rounds: int) -> float:
        """What the first ``rounds`` rounds cost together."""
        return epsilon(self.noise_multiplier, self.rate, self.delta, rounds)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The inner strategy's model from the noised mean; what was spent so far, and the norm of this round."""
        norm = self.norm
        arrays, metrics = self.strategy.aggregate_train(server_round, self.noised(server_round, replies))
        return arrays, MetricRecord({**(metrics or {}), "epsilon": self.epsilon(server_round), "clip_norm": norm})

    def noised(self, round: int, replies: Iterable[Message]) -> Iterator[Message]:
        """The one reply that stands for all: the noised mean, summed in float64 as the replies arrive."""
        before = self.strategy.before()
        total = {name: torch.zeros_like(tensor) for name, tensor in before.items()}
        norms = []
        for reply in replies:
            # Of all arrays, also those of no dimension.
            update = {name: y.double() - before[name] for name, y in self.strategy.received(reply).items()}
            norms.append(float(sum(tensor.square().sum() for tensor in update.values())) ** 0.5)
            for name, tensor in update.items():
                total[name].add_(tensor, alpha=min(1.0, self.norm / norms[-1]) if norms[-1] else 1.0)
        rng = np.random.default_rng([self.seed, 6, round])
        for name, tensor in total.items():
            noise = np.asarray(rng.normal(0.0, self.deviation, tuple(tensor.shape)))
            total[name] = before[name] + (tensor + torch.from_numpy(noise)) / self.expected
        self.learn(norms, rng)
        content = RecordDict({"arrays": ArrayRecord(total), "metrics": MetricRecord({"num_examples": 1})})
        yield Message(content, dst_node_id=1, message_type="train")

    @property
    def norm(self) -> float:
        """C of the coming round."""
        return self.clip_norm

    @property
    def deviation(self) -> float:
        """The standard deviation of the noise on the sum of the clipped updates."""
        return self.noise_multiplier * self.norm

    def learn(self, norms: list[float], rng: np.random.Generator) -> None:
        """What a round's norms, before clipping, change of the next round."""
