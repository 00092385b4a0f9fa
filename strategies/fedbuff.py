"""FedBuff.

John Nguyen, Kshitiz Malik, Hongyuan Zhan, Ashkan Yousefpour, Michael Rabbat, Mani Malek, Dzmitry Huba (2022). Federated
Learning with Buffered Asynchronous Aggregation. AISTATS. Algorithm 1: nobody waits for the slowest. Clients train at
their own pace, each from the model x_k that it got when it began, to y_k; as soon as K of them (``buffer``) have
answered, the server makes a step from its model x of that moment,

    x = x + server_lr * sum over the buffer of p_k s(tau_k) (y_k - x_k)

with tau_k the steps that the server has made since client k began, and p_k the shares of examples (the paper's clients
count alike). s(tau), by ``staleness``, is

    constant    1
    polynomial  (1 + tau)^-a                            a = 1/2 in the paper
    hinge       1 if tau <= b, else 1 / (1 + a (tau - b))

the latter two of Xie et al. (2019). Buffers, such as BatchNorm's statistics, are no sums of steps: they take the mean
of y_k and x by p_k s(tau_k) and the rest. With K of everybody and clients that begin together tau = 0: FedAvg, to the
bit.

A round is one step of the server. Who answers when is known beforehand: virtual time (conf/clients) hangs on speeds,
bytes and images, not on what is learnt. So each job is trained when its answer is due, from x_k, which ``memory`` keeps
until then. Who has answered begins anew at the next step, ``participation`` of all clients at most at a time, drawn
among those that are there. Who breaks down, or whose reply is lost or late, does so too; the server goes on waiting for
K.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from torch import Tensor, nn

from fedsky.client import BEGUN, STALENESS, TAKEN, Behaviour, checks, draw_stragglers, round_half_up
from strategies.fedavg import FedAvg

WEIGHTS = ("constant", "polynomial", "hinge")
JOBS, NOW = "jobs", "now"  # in memory: one row a client, and the virtual time of the server's last step
ROUND, BEGAN, SECONDS, RATE, PASSES = range(5)  # columns of a job; ROUND 0: the client has none
BASE = "base/"  # before round and name: the arrays that went out with jobs begun in that round


class FedBuff(FedAvg):
    """``buffer`` replies make a step of ``server_lr``; ``a`` and ``b`` are those of the staleness function."""

    averages = False
    one_model = False
    partial_work = True

    def __init__(self, buffer: int, staleness: str, a: float, b: float, server_lr: float = 1.0, **fedavg: Any) -> None:
        super().__init__(**fedavg)
        self.buffer = checks.whole("strategy.buffer", buffer, 1)
        self.staleness = checks.choice("strategy.staleness", staleness, WEIGHTS)
        self.a = checks.number("strategy.a", a, at_least=0)
        self.b = checks.number("strategy.b", b, at_least=0)
        self.server_lr = checks.number("strategy.server_lr", server_lr, above=0)

    def begin(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """Refuses a buffer that would never be full; nobody has a job at first."""
        super().begin(model, config)
        members = self.members(config["num_clients"])
        self.num_clients, self.batch_size = config["num_clients"], config["batch_size"]
        self.at_once = max(1, round_half_up(config["participation"] * len(members)))
        if self.buffer > self.at_once:
            raise ValueError(
                f"strategy.buffer={self.buffer}: only {self.at_once} clients train at a time: lower it, or raise "
                "participation or num_clients"
            )
        self.memory = {
            JOBS: torch.zeros(config["num_clients"], 5, dtype=torch.float64),
            NOW: torch.zeros((), dtype=torch.float64),
        }

    def know(self, behaviour: Behaviour) -> None:
        """Who is there, and how long each takes; ValueError where more than the buffer would be waited for."""
        if behaviour.overselect:
            raise ValueError(
                f"clients.overselect={behaviour.overselect:g}: this strategy waits for the first that answer anyway: "
                "use clients.overselect=0"
            )
        self.behaviour = behaviour

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterator[Message]:
        """The jobs whose answers make this step, and those that end without one by then."""
        self.arrays, self.sent = arrays, self.outgoing(self.moving(arrays), "train")
        self.round, self.nodes = server_round, list(grid.get_node_ids())
        self._forget()
        self._begin_jobs(server_round, dict(config))
        self._end_jobs(server_round)
        return self._jobs(config)

    def _begin_jobs(self, round: int, config: dict[str, Any]) -> None:
        """Gives a job to clients that wait for one and are there, as many as may train at a time."""
        jobs, seed = self.memory[JOBS].clone(), int(config["seed"])
        waiting = [
            client
            for client in self.members(self.num_clients)
            if not jobs[client, ROUND] and self.behaviour.why_away(round, client) is None
        ]
        free = self.at_once - int((jobs[:, ROUND] > 0).sum())
        drawn = self.cohort(len(waiting), min(1.0, free / len(waiting)), seed, round) if waiting and free else []
        fresh = [waiting[place] for place in drawn]
        slow = draw_stragglers(fresh, config["stragglers"], int(config["local_epochs"]), seed, round)
        num_bytes = self.sent.count_bytes()
        for client in fresh:
            passes = slow.get(client, int(config["local_epochs"]))
            steps = self.behaviour.steps(client, passes, self.batch_size)
            seconds = self.behaviour.seconds(round, client, steps, num_bytes, num_bytes)
            jobs[client] = torch.tensor([round, self.memory[NOW], seconds, config.get("lr", 0.0), passes])
        self.memory[JOBS] = jobs
        if fresh:
            self.memory |= {f"{BASE}{round}/{name}": torch.from_numpy(a.numpy()) for name, a in self.sent.items()}

    def _end_jobs(self, round: int) -> None:
        """Takes the jobs that end first, until as many as the buffer holds have answered."""
        jobs = self.memory[JOBS]
        ends = {
            client: float(jobs[client, BEGAN]) + min(float(jobs[client, SECONDS]), self.behaviour.deadline)
            for client in range(self.num_clients)
            if jobs[client, ROUND]
        }
        self.due: dict[int, list[float]] = {}  # the jobs that end in this round
        answers = 0
        for client in sorted(ends, key=lambda client: (ends[client], client)):
            if answers == self.buffer:
                break
            self.due[client] = jobs[client].tolist()
            answers += self.behaviour.answers(round, client, self.due[client][SECONDS])
            self.memory[NOW] = torch.tensor(ends[client], dtype=torch.float64)
        for client in self.due:
            jobs[client] = 0.0

    def _jobs(self, config: ConfigRecord) -> Iterator[Message]:
        for client, job in sorted(self.due.items()):
            began = int(job[ROUND])
            asked = ConfigRecord({**config, "local_epochs": int(job[PASSES]), BEGUN: job[BEGAN], TAKEN: job[SECONDS]})
            asked[STALENESS] = self.round - began
            if "lr" in config:  # that of the round in which it began
                asked["lr"] = job[RATE]
            arrays = {name: Array.from_numpy_ndarray(x.numpy()) for name, x in self.base(began).items()}
            yield self.message("train", self.nodes[client], client, ArrayRecord(arrays), asked)

    def _forget(self) -> None:
        """Drops the models with which no job began that goes on."""
        needed = {str(int(began)) for began in self.memory[JOBS][:, ROUND].tolist()}
        self.memory = {
            name: tensor
            for name, tensor in self.memory.items()
            if not name.startswith(BASE) or name.split("/")[1] in needed
        }

    def base(self, round: int) -> dict[str, Tensor]:
        """The arrays with which jobs began in a round."""
        return {name: self.memory[f"{BASE}{round}/{name}"] for name in self.sent}

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """The model after the step."""
        found = super().aggregate_train(server_round, replies)
        self._forget()
        return found

    def mean(self, replies: Iterable[Message]) -> dict[str, Tensor] | None:
        """sum of p_k s_k (y_k + (x - x_k)) + (1 - sum of p_k s_k) x, in float64, summed as the replies arrive."""
        x = self.before()
        total = {name: torch.zeros_like(tensor) for name, tensor in x.items()}
        weights, shares = 0.0, {True: 0.0, False: 0.0}
        for reply in replies:
            began = int(self.due[self.nodes.index(reply.metadata.src_node_id)][ROUND])
            weight, fresh = self.weight(reply), self.fresh(self.round - began)
            base = self.base(began)
            weights += weight
            scaled = {True: self.server_lr * fresh * weight, False: fresh * weight}
            for is_step in shares:
                shares[is_step] += scaled[is_step]
            for name, y in self.received(reply).items():
                is_step = name in self.trainable
                moved = self.moved(y.double(), base[name].double(), x[name]) if is_step else y
                total[name].add_(moved, alpha=scaled[is_step])
        if not weights:
            return None
        for name, tensor in total.items():
            tensor.div_(weights)
            if rest := 1 - shares[name in self.trainable] / weights:
                tensor.add_(x[name], alpha=rest)
        return total

    def moved(self, y: Tensor, base: Tensor, x: Tensor) -> Tensor:
        """The model for which a reply speaks: the server's, moved as the client has moved its own."""
        return y + (x - base)

    def fresh(self, tau: int) -> float:
        """s(tau)."""
        if self.staleness == "polynomial":
            return float((1 + tau) ** -self.a)
        return 1.0 if self.staleness == "constant" or tau <= self.b else 1 / (1 + self.a * (tau - self.b))
