"""How clients behave: who is there, how long each takes in virtual time, and what becomes of its reply.

Simulated by the server alone: clients train as ever, or are not asked. Everything is drawn from (seed, a number of its
own, round), one number a client, so that engines and resumed runs agree to the bit. Virtual time is computed from given
seconds a step, never measured, so that it repeats.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedsky import checks
from fedsky.client.availability import Availability, by_owner, uniform
from fedsky.history.columns import CRASHED, LOST, OK
from fedsky.history.times import steps_of

Floats = NDArray[np.float64]

CRASH, PART, LOSS, SPEED, LINE, JITTER = range(9, 15)  # numbers of the draws
SPREADS = ("constant", "lognormal", "zipf", "exponential")
CENTRAL = 2 * 1.959964  # standard deviations within which 95 % of a normal distribution lie
# What the message of a strategy with a clock of its own says beside, in its config: when the client began, in virtual
# seconds since the run began; how long it takes; how many steps the server has made since. Such a strategy has asked
# itself who is away.
BEGUN, TAKEN, STALENESS = "begun_seconds", "taken_seconds", "staleness"


@dataclass(frozen=True)
class Fate:
    """What becomes of a client that is asked: ok, crashed or lost; a crash comes after a ``part`` of its training."""

    status: str
    part: float = 1.0


def round_half_up(number: float) -> int:
    """The nearest whole number: int() would cut 0.29 * 100 down to 28, and round() 2.5 to 2."""
    return int(number + 0.5 + 1e-9)


def draw_stragglers(cohort: list[int], share: float, local_epochs: int, seed: int, round: int) -> dict[int, int]:
    """The passes that each straggler of a cohort gets done, 1 to local_epochs; a ``share`` of it straggles."""
    num = len(cohort) - round_half_up(len(cohort) * (1 - share))
    if not num:
        return {}
    rng = np.random.default_rng([seed, 3, round])
    slow = sorted(rng.choice(len(cohort), num, replace=False))
    return {cohort[place]: int(rng.integers(1, local_epochs + 1)) for place in slow}


class Behaviour:
    """The clients of a run; the settings, whose defaults are those of ideal clients, are those of conf/clients."""

    def __init__(
        self,
        availability: str = "always",
        away: float = 0.0,
        there_rounds: float = 7.0,
        away_rounds: float = 3.0,
        day_rounds: float = 24.0,
        trace: str | None = None,
        join: Mapping[str, int] | None = None,
        leave: Mapping[str, int] | None = None,
        seconds_per_step: float = 0.1,
        speed: str = "constant",
        speed_spread: float = 10.0,
        slowness: Mapping[str, float] | None = None,
        jitter: float = 0.0,
        down_megabits: float | None = None,
        up_megabits: float | None = None,
        latency_seconds: float = 0.0,
        line: str = "constant",
        line_spread: float = 10.0,
        deadline_seconds: float | None = None,
        overselect: float = 0.0,
        crash: float = 0.0,
        lost: float = 0.0,
    ) -> None:
        self.availability = Availability(availability, away, there_rounds, away_rounds, day_rounds, trace, join, leave)
        self.seconds_per_step = checks.number("clients.seconds_per_step", seconds_per_step, at_least=0)
        self.speed = checks.choice("clients.speed", speed, (*SPREADS, "images"))
        self.speed_spread = checks.number("clients.speed_spread", speed_spread, at_least=1)
        self.line = checks.choice("clients.line", line, SPREADS)
        self.line_spread = checks.number("clients.line_spread", line_spread, at_least=1)
        self.named = slowness or {}
        self.jitter = checks.number("clients.jitter", jitter, at_least=0)
        self.down = _rate("clients.down_megabits", down_megabits)
        self.up = _rate("clients.up_megabits", up_megabits)
        self.latency_seconds = checks.number("clients.latency_seconds", latency_seconds, at_least=0)
        self.deadline = (
            math.inf
            if deadline_seconds is None
            else checks.number("clients.deadline_seconds", deadline_seconds, above=0, hint=", or null")
        )
        self.overselect = checks.number("clients.overselect", overselect, at_least=0)
        self.crash = checks.number("clients.crash", crash, at_least=0, at_most=1)
        self.lost = checks.number("clients.lost", lost, at_least=0, at_most=1)

    def begin(self, seed: int, num_images: Sequence[int], names: Sequence[str], directory: Path) -> None:
        """Once it is known who the owners are and how many images each trains with; ValueError where it cannot be so.

        Relative paths begin from ``directory``.
        """
        self.seed, self.num_images, self.num = seed, list(num_images), len(names)
        self.availability.begin(seed, names, directory)
        self.slowness = self._slowness(self.speed, self.speed_spread, SPEED)
        for client, factor in by_owner("clients.slowness", self.named, names).items():
            self.slowness[client] *= checks.number(f"clients.slowness of owner {client}", factor, above=0)
        self.line_slowness = self._slowness(self.line, self.line_spread, LINE)

    def _slowness(self, kind: str, spread: float, number: int) -> Floats:
        """How many times as long each client takes."""
        rng = np.random.default_rng([self.seed, number, 0])
        if kind == "lognormal":
            return np.asarray(np.exp(math.log(spread) / CENTRAL * rng.standard_normal(self.num)))
        if kind == "zipf":
            power = math.log(spread) / math.log(self.num) if self.num > 1 else 0.0
            return np.asarray((1.0 + rng.permutation(self.num)) ** power)
        if kind == "exponential":
            return np.asarray(rng.standard_exponential(self.num))
        if kind == "images":
            counts = np.maximum(np.array(self.num_images, dtype=np.float64), 1)
            return np.asarray(counts.mean() / counts)
        return np.ones(self.num)

    def why_away(self, round: int, client: int) -> str | None:
        """Why a client is away in a round; None where it is there."""
        return self.availability.why_away(round, client)

    def fate(self, round: int, client: int) -> Fate:
        """What becomes of a client that is asked in a round."""
        if self.crash and uniform(self.seed, CRASH, round, self.num)[client] < self.crash:
            return Fate(CRASHED, float(uniform(self.seed, PART, round, self.num)[client]))
        if self.lost and uniform(self.seed, LOSS, round, self.num)[client] < self.lost:
            return Fate(LOST)
        return Fate(OK)

    def answers(self, round: int, client: int, seconds: float) -> bool:
        """Whether the reply of a client that is asked arrives, and in time."""
        return seconds <= self.deadline and self.fate(round, client).status == OK

    def steps(self, client: int, local_epochs: int, batch_size: int) -> int:
        """The SGD steps of so many passes over a client's images."""
        return local_epochs * steps_of(self.num_images[client], batch_size)

    def compute_seconds(self, round: int, client: int, num_steps: float) -> float:
        """The virtual seconds of so many steps."""
        seconds = self.seconds_per_step * num_steps * float(self.slowness[client])
        if self.jitter:  # a factor of mean 1
            drawn = np.random.default_rng([self.seed, JITTER, round]).standard_normal(self.num)[client]
            seconds *= math.exp(self.jitter * float(drawn) - self.jitter**2 / 2)
        return seconds

    def seconds(self, round: int, client: int, num_steps: float, down_bytes: int, up_bytes: int) -> float:
        """The virtual seconds from when a client is asked to when its reply is there; up_bytes 0: it sends none."""
        slow = float(self.line_slowness[client])
        sent = [
            self.latency_seconds + slow * 8 * num / rate for num, rate in ((down_bytes, self.down), (up_bytes, self.up))
        ]
        return sent[0] + self.compute_seconds(round, client, num_steps) + sent[1]


def _rate(key: str, megabits: float | None) -> float:
    """Bits a second; infinite where no time is counted."""
    return math.inf if megabits is None else 1e6 * checks.number(key, megabits, above=0, hint=", or null")
