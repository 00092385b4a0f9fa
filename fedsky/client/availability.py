"""In which rounds a client is there: always, by chance, in bursts, by day, as a file says; from when on and until when.

Whatever is drawn comes from (seed, a number of its own, round), one number a client: client k gets the same draw
whatever else is asked for, in whatever order, by whatever process.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedsky import checks, untrusted

KINDS = ("always", "bernoulli", "bursts", "daily", "trace")
CHANCE, PHASE = 7, 8  # numbers of the draws; fedsky.client.behaviour has those from 9 on
FIELDS = ["client", "first", "last"]

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@lru_cache(maxsize=16)  # asked for client by client
def uniform(seed: int, number: int, round: int, num_clients: int) -> Floats:
    """One number in [0, 1) a client, the same for a client however many there are."""
    return np.random.default_rng([seed, number, round]).random(num_clients)


def owner(key: str, name: Any, names: Sequence[str]) -> int:
    """The client that a name or a number means; ValueError where there is none."""
    text = str(name)
    if text in names:
        return names.index(text)
    if text.isdecimal() and int(text) < len(names):
        return int(text)
    raise ValueError(f"{key} names owner '{untrusted.printable(name, 40)}'; there are {checks.listed([*names[:20]])}")


def by_owner(key: str, settings: Any, names: Sequence[str]) -> dict[int, Any]:
    """The values of a mapping from owners' names or numbers, by client."""
    if not isinstance(settings, Mapping):
        raise ValueError(f"{key}={checks.shown(settings)}: write owners and values, such as {{A: 4}}")
    return {owner(key, name, names): value for name, value in settings.items()}


class Availability:
    """Who is there in a round; the settings are those of conf/clients."""

    def __init__(
        self,
        kind: str,
        away: float,
        there_rounds: float,
        away_rounds: float,
        day_rounds: float,
        trace: str | None,
        join: Mapping[str, int] | None,
        leave: Mapping[str, int] | None,
    ) -> None:
        self.kind = checks.choice("clients.availability", kind, KINDS)
        self.share = checks.number("clients.away", away, at_least=0, at_most=1)
        self.there_rounds = checks.number("clients.there_rounds", there_rounds, at_least=1)
        self.away_rounds = checks.number("clients.away_rounds", away_rounds, at_least=1)
        self.day_rounds = checks.number("clients.day_rounds", day_rounds, above=0)
        if kind == "trace" and trace is None:
            raise ValueError("clients.trace=null: name the CSV file with the rounds in which clients are there")
        self.trace, self.join, self.leave = trace, join or {}, leave or {}

    def begin(self, seed: int, names: Sequence[str], directory: Path) -> None:
        """Once it is known who the owners are; the file of a trace is found from ``directory``."""
        self.seed, self.num = seed, len(names)
        self.first = by_owner("clients.join", self.join, names)
        self.end = by_owner("clients.leave", self.leave, names)
        for key, rounds in (("clients.join", self.first), ("clients.leave", self.end)):
            for number in rounds.values():
                checks.whole(key, number, 1, of="rounds")
        self.phase = uniform(seed, PHASE, 0, self.num)
        share = self.away_rounds / (self.there_rounds + self.away_rounds)  # away in the long run
        self.states = [uniform(seed, CHANCE, 0, self.num) >= share]  # of bursts, by round
        self.spans = (
            {}
            if self.kind != "trace" or self.trace is None
            else read_trace(directory / Path(self.trace).expanduser(), names)
        )
        self.period = max((last for spans in self.spans.values() for _, last in spans), default=1)

    def why_away(self, round: int, client: int) -> str | None:
        """Why a client is away in a round, from 1; None where it is there."""
        if round < self.first.get(client, 1):
            return f"joins in round {self.first[client]}"
        if round >= self.end.get(client, round + 1):
            return f"left in round {self.end[client]}"
        return None if self._is_there(round, client) else {"daily": "night", "trace": "trace"}.get(self.kind, "chance")

    def _is_there(self, round: int, client: int) -> bool:
        if self.kind == "bernoulli":
            return bool(uniform(self.seed, CHANCE, round, self.num)[client] >= self.share)
        if self.kind == "bursts":
            return bool(self._bursts(round)[client])
        if self.kind == "daily":
            return bool(((round - 1) / self.day_rounds + self.phase[client]) % 1 >= self.share)
        if self.kind == "trace" and client in self.spans:
            now = (round - 1) % self.period + 1
            return any(first <= now <= last for first, last in self.spans[client])
        return True

    def _bursts(self, round: int) -> Bools:
        """The two-state chain, walked on from the last round that was asked for."""
        while len(self.states) <= round:
            there, drawn = self.states[-1], uniform(self.seed, CHANCE, len(self.states), self.num)
            self.states.append(np.where(there, drawn >= 1 / self.there_rounds, drawn < 1 / self.away_rounds))
        return self.states[round]


def read_trace(path: Path, names: Sequence[str]) -> dict[int, list[tuple[int, int]]]:
    """The rounds, first to last, in which each client of a file is there; ValueError where it is no trace."""
    try:
        lines = csv.DictReader(io.StringIO(untrusted.text_of(path, path.parent), newline=""))
        if lines.fieldnames != FIELDS:
            raise ValueError(f"its first line must be {','.join(FIELDS)}")
        spans: dict[int, list[tuple[int, int]]] = {}
        for number, row in enumerate(lines, 2):
            first, last = row["first"] or "", row["last"] or ""
            if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
                raise ValueError(
                    f"line {number}: whole rounds, the first from 1 and the last not before it, are needed"
                )
            spans.setdefault(owner(f"line {number}", row["client"], names), []).append((int(first), int(last)))
    except (OSError, csv.Error, UnicodeDecodeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ValueError(f"clients.trace={path}: {why}") from error
    if not spans:
        raise ValueError(f"clients.trace={path}: it names no client")
    return spans
