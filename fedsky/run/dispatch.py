"""Between a strategy and the engine: who is asked in a round, whose reply counts, and what virtual time it is."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message

from fedsky.client.arrays import num_bytes
from fedsky.client.behaviour import BEGUN, STALENESS, TAKEN, Behaviour
from fedsky.client.task import Task
from fedsky.config import ON_FAILURE, make
from fedsky.engine.grid import ClientGrid, Traffic
from fedsky.history import FEDERATED, POOLED, Row
from fedsky.history.columns import AWAY, CRASHED, LATE, OK, REFUSED, UNUSED
from fedsky.run.states import States

LOG = logging.getLogger("fedsky")
FAIL, SKIP, RETRY = ON_FAILURE


@dataclass
class Outcome:
    """What became of a client in a round, and why; the virtual seconds that it took, from those at which it began."""

    status: str
    reason: str | None = None
    seconds: float | None = None
    begun: float = 0.0
    staleness: int | None = None


class Dispatch:
    """The exchange of one run's training messages.

    After a round ``outcomes`` says of every client that was asked or away what became of it, ``trained`` holds the
    metrics of those that trained, and ``now`` is the virtual time, in seconds since the run began.
    """

    def __init__(
        self, config: Row, behaviour: Behaviour, strategy: Any, grid: ClientGrid, states: States, now: float
    ) -> None:
        self.behaviour, self.strategy, self.grid, self.states, self.now = behaviour, strategy, grid, states, now
        self.on_failure: str = config["on_failure"]
        self.min_replies: int = config["min_replies"]
        self.batch_size: int = config["batch_size"]
        self.outcomes: dict[int, Outcome] = {}
        self.trained: dict[int, Row] = {}
        self.asked: dict[int, Message] = {}  # kept where they may have to be sent once more

    def train(self, round: int, arrays: ArrayRecord, settings: ConfigRecord) -> tuple[ArrayRecord | None, Row]:
        """One round of training: the strategy's model, None where it keeps the one that it had, and its metrics."""
        self.outcomes, self.trained, self.asked = {}, {}, {}
        wanted = None
        if self.strategy.role == FEDERATED and self.behaviour.overselect:
            wanted = self._wanted(round, settings)
            share: Any = settings["participation"]
            settings = ConfigRecord({**settings, "participation": min(1.0, share * (1 + self.behaviour.overselect))})
        messages = self.strategy.configure_train(round, arrays, settings, self.grid)
        replies: Iterator[Message] = self._judged(self.exchange(self._asked(round, messages), round), round)
        self.read: int | None = None  # whose reply the strategy has in its hands
        self.grid.tolerant = self.on_failure != FAIL
        try:
            if wanted is not None or self.min_replies > 1:
                replies = iter(self._enough(list(replies), wanted))
            model, metrics = self.strategy.aggregate_train(round, self._noted(replies))
        except ValueError as error:
            if self.read is None:
                raise
            told = str(error)
            whose = f"client {self.read}"
            told = told.replace("a client", whose, 1) if told.startswith("a client") else f"{whose}: {told}"
            raise ValueError(told) from error
        finally:
            self.grid.tolerant = False
        self.now = self._ended(wanted)
        return model, dict(metrics or {})

    def exchange(self, messages: Iterable[Message], round: int) -> Iterator[Message]:
        """The replies to messages that tell clients which state to start from."""
        return self.states.noted(self._whole(self.grid.send_and_receive(self._kept(self.states.told(messages)))), round)

    def _kept(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            if self.grid.tolerant and self.on_failure == RETRY:
                self.asked[self.grid.number[message.metadata.dst_node_id]] = message
            yield message

    def _whole(self, replies: Iterable[Message]) -> Iterator[Message]:
        """The replies without those that say what went wrong: such a client is noted, or asked once more."""
        for reply in replies:
            error = self.grid.failure(reply) if self.grid.tolerant else None
            if error is None:
                yield reply
            elif self.on_failure == RETRY:
                LOG.warning("%s: asked once more", error)
                self.grid.tolerant = False  # the second time it ends the run
                yield from self.grid.send_and_receive([_again(self.asked[error.client])])
                self.grid.tolerant = True
            else:
                LOG.warning("left out of the round: %s", error)
                self.outcomes.setdefault(error.client, Outcome(OK)).status = error.status
                self.outcomes[error.client].reason = str(error).partition(": ")[2]

    def _wanted(self, round: int, settings: Any) -> int:
        """How many replies a round takes where more clients are asked: as many as without asking more."""
        num_members = len(self.strategy.members(len(self.grid.nodes)))
        return len(self.strategy.cohort(num_members, settings["participation"], settings["seed"], round))

    def _asked(self, round: int, messages: Iterable[Message]) -> Iterator[Message]:
        """The messages that go out; those to clients that are away do not, nor those to clients that break down."""
        if self.strategy.role != FEDERATED:
            yield from messages
            return
        for message in messages:
            asked: Any = message.content.config_records["config"]
            client = asked["client"]
            if (why := self._why_away(round, client, BEGUN in asked)) is not None:
                self.outcomes[client] = Outcome(AWAY, why)
                continue
            fate = self.behaviour.fate(round, client)
            self.outcomes[client] = outcome = Outcome(
                fate.status, begun=asked.get(BEGUN, self.now), staleness=asked.get(STALENESS), seconds=asked.get(TAKEN)
            )
            if fate.status != CRASHED:
                yield message
                continue
            records = message.content.array_records
            down = num_bytes(records["arrays"]) if "arrays" in records else 0
            self.grid.traffic.setdefault(client, Traffic()).down += down
            outcome.reason = f"after {fate.part:.0%} of its training"
            if outcome.seconds is None:
                steps = fate.part * self.behaviour.steps(client, asked["local_epochs"], self.batch_size)
                outcome.seconds = self.behaviour.seconds(round, client, steps, down, 0)

    def _why_away(self, round: int, client: int, is_known: bool) -> str | None:
        """Why a client is away; is_known: the strategy has asked the simulation itself."""
        simulated = None if is_known else self.behaviour.why_away(round, client)
        return simulated if simulated is not None else self.grid.why_away(client)

    def judge(self, messages: Iterable[Message], round: int) -> Iterator[Message]:
        """The answers of clients that judge models; where ``skip`` says so without those that fail or are away."""
        self.grid.tolerant = self.on_failure == SKIP
        try:
            replies = self.grid.send_and_receive(self.states.told(messages))
            yield from self.states.noted(self._judging(replies, round), round)
        finally:
            self.grid.tolerant = False

    def _judging(self, replies: Iterable[Message], round: int) -> Iterator[Message]:
        for reply in replies:
            error = self.grid.failure(reply) if self.grid.tolerant else None
            if error is None:
                yield reply
            else:
                LOG.warning("round %d: not judged: %s", round, error)

    def _judged(self, replies: Iterable[Message], round: int) -> Iterator[Message]:
        """The replies that count, of those that come; notes what becomes of each."""
        for reply in replies:
            client = self.grid.number[reply.metadata.src_node_id]
            metrics = self.trained[client] = dict(reply.content.metric_records["metrics"])
            outcome = self.outcomes.setdefault(client, Outcome(OK, begun=self.now))
            if outcome.seconds is None:
                outcome.seconds = self._seconds(round, client, float(metrics["num_steps"]))
            if outcome.status == OK and self.strategy.role == FEDERATED:
                if outcome.seconds > self.behaviour.deadline:
                    outcome.status, outcome.reason = LATE, f"after the deadline of {self.behaviour.deadline:g} s"
                elif self.on_failure == SKIP and (why := self.strategy.refusal(reply)) is not None:
                    outcome.status, outcome.reason = REFUSED, why
                    LOG.warning("round %d: client %d is left out: %s", round, client, why)
            if outcome.status == OK:
                yield reply

    def _seconds(self, round: int, client: int, num_steps: float) -> float:
        if self.strategy.role == POOLED:  # all images on one machine
            return self.behaviour.seconds_per_step * num_steps
        if self.strategy.role != FEDERATED:
            return self.behaviour.compute_seconds(round, client, num_steps)
        traffic = self.grid.traffic.get(client, Traffic())
        return self.behaviour.seconds(round, client, num_steps, traffic.down, traffic.up)

    def _enough(self, replies: list[Message], wanted: int | None) -> list[Message]:
        """The first ``wanted`` replies by virtual time, in the clients' order; none where they are too few to count."""
        number = self.grid.number
        if wanted is not None and len(replies) > wanted:
            order = sorted(replies, key=lambda reply: self._arrival(number[reply.metadata.src_node_id]))
            for reply in order[wanted:]:
                outcome = self.outcomes[number[reply.metadata.src_node_id]]
                outcome.status, outcome.reason = LATE, f"after the first {wanted}"
        kept = [reply for reply in replies if self.outcomes[number[reply.metadata.src_node_id]].status == OK]
        if len(kept) >= self.min_replies:
            return kept
        for reply in kept:
            outcome = self.outcomes[number[reply.metadata.src_node_id]]
            outcome.status, outcome.reason = UNUSED, f"{len(kept)} of min_replies={self.min_replies}"
        return []

    def _arrival(self, client: int) -> tuple[float, int]:
        outcome = self.outcomes[client]
        return outcome.begun + (outcome.seconds or 0.0), client

    def _noted(self, replies: Iterable[Message]) -> Iterator[Message]:
        for reply in replies:
            self.read = self.grid.number[reply.metadata.src_node_id]
            yield reply
            self.read = None

    def _ended(self, wanted: int | None) -> float:
        """The virtual time at the end of the round: when the last reply that it waits for is there, or the deadline.

        The server hears at once that a client broke down, and of a lost reply when it should have come. A round for
        which nobody is there lasts until the deadline, if there is one.
        """
        deadline = self.behaviour.deadline if self.strategy.role == FEDERATED else float("inf")
        waited = [each for each in self.outcomes.values() if each.seconds is not None]
        counted = [each for each in waited if each.status in (OK, UNUSED)]
        if wanted is not None and len(counted) >= wanted:
            waited = counted
        ends = [each.begun + min(each.seconds or 0.0, deadline) for each in waited]
        return max(ends, default=self.now + (deadline if deadline < float("inf") else 0.0))


def _again(message: Message) -> Message:
    """The same message, to be sent once more."""
    metadata = message.metadata
    return Message(message.content, dst_node_id=metadata.dst_node_id, message_type=metadata.message_type)


def behaviour_of(config: Row, task: Task, directory: Path) -> Behaviour:
    """The behaviour of a run's clients, once its configuration is settled; relative paths begin from ``directory``."""
    behaviour: Behaviour = make(config["clients"])
    names = config["client_names"] or range(len(task.owners))
    counts = [len(owner.train) for owner in task.owners]
    behaviour.begin(config["seed"], counts, [str(name) for name in names], directory)
    return behaviour
