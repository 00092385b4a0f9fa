"""A finished run's numbers, or the reason why none are taken from it."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from fedsky.history import DONE, FEDERATED, Run
from fedsky.untrusted import number, printable, section

from . import spending
from .reading import owners_by_round, owners_of, partition_of, predictions_of, probabilities_of, rounds_of

# What makes two runs a pair, as text: seed, data_seed, fold; and, where groups were chosen, what else must be the same.
Key = tuple[str, ...]
LEAST = 5e-7  # of a probability: predictions.csv holds six digits
NEAR = 0.01  # the loss of such probabilities is the run's own up to this share of it


@dataclass(eq=False)
class Result:
    """One finished run; NaN where unknown.

    rounds: one row a round (metrics, bytes, local steps, seconds); owners: one row an owner, of the last round;
    owner_rounds: the accuracy of each owner (columns) in each round (rows), on its own test images.
    """

    run: Run
    name: str
    last_round: int
    rounds: pd.DataFrame
    owners: pd.DataFrame
    owner_rounds: pd.DataFrame
    partition: pd.DataFrame
    problems: list[str] = field(default_factory=list)
    predictions: pd.DataFrame | None = None  # index: image; see reading.predictions_of

    @property
    def strategy(self) -> str:
        return strategy_name(self.run)

    @property
    def sends_nothing(self) -> bool:
        """Whether no model travels: training alone and pooled training count no bytes."""
        return self.run.role != FEDERATED

    @property
    def key(self) -> Key:
        config = self.run.config
        fold = section(config, "data").get("fold")
        return printable(config.get("seed")), printable(config.get("data_seed")), printable(fold)

    @property
    def is_cut_anew(self) -> bool:
        """Whether another fold or data_seed tests on others, rather than on those declared, or the latest."""
        data = section(self.run.config, "data")
        declared = section(self.run.info, "data").get("num_declared_test")
        return "fold" in data and data.get("split") != "time" and not declared

    @property
    def fingerprint(self) -> str:
        return printable(section(self.run.info, "data").get("fingerprint"))

    @cached_property
    def test_images(self) -> str | None:
        """What identifies the test images and their labels; None where predictions.csv does not tell."""
        if self.predictions is None:
            return None
        text = json.dumps(sorted(self.predictions["label"].items()))
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def num_images(self) -> dict[str, int]:
        """How many images each part (train, validation, test) has; empty where partition.json does not tell."""
        return {str(part): int(count) for part, count in self.partition.groupby("part")["count"].sum().items()}

    @property
    def seconds(self) -> float:
        """Wall seconds of all rounds; NaN if a round's are missing."""
        return float(self.spent("seconds").loc[self.last_round])

    @property
    def clients_at_once(self) -> float:
        """How many clients train at a time; NaN where the run does not say."""
        engine = section(self.run.config, "engine")
        if engine.get("kind") == "inline":
            return 1.0
        if engine.get("address") is not None:
            return math.nan
        actors = engine.get("num_actors")
        return number(section(self.run.info, "machine").get("num_cores") if actors is None else actors, 1)

    def final(self, metric: str) -> float:
        """A metric of the last round, on the test images; NaN where unknown."""
        return float(self.rounds[metric].loc[self.last_round])

    def megabytes(self, column: str) -> float:
        """Megabytes (10^6 bytes) in all rounds; 0 where nothing is sent, NaN where a round's count is missing."""
        counts = self.rounds[column]
        if self.sends_nothing:
            return float(counts.fillna(0).sum()) / 1e6
        known = counts[counts.index > 0]
        if known.isna().any() or len(known) < self.last_round:
            return math.nan
        return float(counts.sum()) / 1e6

    def spent(self, what: str) -> pd.Series:
        """What was spent by the end of each round: round, megabytes, seconds or steps; NaN after a gap in the count.

        megabytes are those of both directions, steps the local SGD steps of all clients; what is done before round 1
        counts for seconds alone.
        """
        return spending.spent(self.rounds, what, self.sends_nothing)

    def probabilities(self) -> pd.DataFrame | None:
        """The probability of each class (columns) for each test image (rows), read anew; None, and told, if unknown."""
        if self.predictions is None:
            return None
        table, why = probabilities_of(self.run, self.predictions)
        if why and why not in self.problems:
            self.problems.append(why)
        return table

    @cached_property
    def losses(self) -> pd.Series | None:
        """The loss of each test image; None where its probability is unknown, or the run reports another mean."""
        table = self.probabilities()
        if table is None or self.predictions is None:
            return None
        place = table.columns.get_indexer(pd.Index(self.predictions["label"]))
        own = table.to_numpy(float)[np.arange(len(table)), place]
        found = pd.Series(-np.log(np.maximum(own, LEAST)), index=table.index)
        reported = self.final("loss")
        return found if abs(found.mean() - reported) <= NEAR * max(reported, 0.1) else None


@dataclass(eq=False)
class LeftOut:
    """A run that no number is taken from, and why."""

    run: Run
    name: str
    reason: str
    problems: list[str]


def strategy_name(run: Run) -> str:
    """The name of the strategy as chosen, else the last part of its target."""
    chosen = section(run.info, "choices").get("strategy")
    target = section(run.config, "strategy").get("_target_")
    return printable(chosen or str(target or "unknown strategy").rpartition(".")[2], 60)


def planned_rounds(run: Run) -> int | None:
    """How many rounds a run was asked for; None where its configuration does not say."""
    value = run.config.get("num_rounds")
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _ended_early(run: Run, reached: int, planned: int) -> bool:
    """Whether the run itself says that this round was its last, as patience or a strategy may have it."""
    last = section(run.info, "result").get("round")
    return type(last) is int and last == reached < planned


def read_result(run: Run, name: str) -> Result | LeftOut:
    """The numbers of a run, or the reason why it has none to compare.

    Empties the run's rows: what is needed of them is in the result's tables, far smaller.
    """
    problems = [printable(problem, 200) for problem in run.problems]
    rounds = rounds_of(run, problems)
    reached, planned = (int(rounds.index[-1]) if len(rounds) else None), planned_rounds(run)
    reason = None
    if run.status != DONE:
        reason = printable(run.info.get("reason") or "")
    elif reached is None:
        reason = "rounds.jsonl has no round"
    elif planned is not None and reached != planned and not _ended_early(run, reached, planned):
        reason = f"rounds.jsonl ends at round {reached} of {planned}"
    if reason is not None or reached is None:
        run.clients, run.timing = [], []
        return LeftOut(run, name, reason or "", problems)
    if rounds["seconds"].reindex(range(1, reached + 1)).isna().any():
        problems.append("timing.jsonl: not every round has its seconds, so that no total is given")
    partition = partition_of(run.partition, problems)
    owners = owners_of(run, reached, partition, problems)
    result = Result(run, name, reached, rounds, owners, owners_by_round(run), partition, problems)
    expected = int(partition.loc[partition["part"] == "test", "count"].sum())
    result.predictions = predictions_of(run, expected, result.final("accuracy"), problems)
    run.rounds, run.clients, run.timing = [], [], []
    return result
