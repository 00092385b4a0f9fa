"""The actors of a simulation on Ray: who answers a message, also where a process or a node is lost.

Importing this loads neither Flower nor torch, and the actors start by Ray alone: this process has time to load both.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from fedsky.engine import cluster
from fedsky.engine.actor import Actor
from fedsky.engine.asked import Asked

if TYPE_CHECKING:
    from flwr.app import Message
    from flwr.clientapp import ClientApp

LOG = logging.getLogger("fedsky")
MOST_LOST = 3  # nodes on which a client is begun and lost, before it is told to be its own doing
START_SECONDS = 60.0  # that is waited for all actors before the first message; later ones join in
LOOK_SECONDS = 10.0  # between looks whether a cluster has a core left, while no actor is there
FULL = (
    "Ray's object store is full, and so is the disk beside it: make room in /dev/shm or name a folder with room by "
    "RAY_TMPDIR=FOLDER before the command, take fewer engine.num_actors, or choose engine=inline"
)
WITHOUT_RAY_SECONDS = 10.0  # that the server takes at most to end a run without Ray


@dataclass(eq=False)
class Worker:
    """An actor that runs: where, by Ray's word and a person's; and which run it has looked at its machine for."""

    actor: Any
    node: str
    name: str
    asked: Asked | None = None


class Actors:
    """One actor for each CPU that the cluster has for it, ``most`` at most: a ``Backend`` of flwr's, but for its name.

    An actor answers as soon as it runs. One that is lost has another started in its place, wherever the cluster has
    room: on the machine where a process was killed, nowhere where a node is gone, on that node when it is back.
    """

    def __init__(
        self, num_gpus: float, most: int, stop: threading.Event, built: threading.Event, replies: "SimpleQueue[Message]"
    ) -> None:
        self.resources: dict[str, int | float] = {"num_cpus": 1, "num_gpus": num_gpus}
        self.most, self.stop, self.built, self.replies = most, stop, built, replies
        self.beside: dict[str, list[Message]] = {}  # what goes to an actor with a message, by that one's number
        self.num_workers = 0
        self.changed = threading.Condition()
        self.coming: list[Any] = []  # actors that do not run yet
        self.all: list[Worker] = []
        self.idle: list[Worker] = []
        self.asked: Asked | None = None  # of every machine, by the run that goes on; None of this machine alone
        self.apart = False  # whether a machine does not see the folder of states

    def start(self) -> None:
        """Starts the actors; ValueError where the cluster has no room for one."""
        import ray

        lost = ray.exceptions
        self.lost: tuple[type[Exception], ...] = (lost.RayActorError, lost.ObjectLostError)
        make: Any = ray.remote(Actor).options(**self.resources, scheduling_strategy="SPREAD")
        self.make: Callable[[], Any] = make.remote
        self.num_workers = min(self._room(), self.most)
        if not self.num_workers:
            wanted = " and ".join(f"{number:g} {name}" for name, number in self._wanted().items())
            raise ValueError(f"no node of the Ray cluster has {wanted} for a worker")
        for _ in range(self.num_workers):
            self._start()
        self.built.set()

    def build(self, app_fn: "Callable[[], ClientApp]") -> None:
        """What flwr's engine begins with: the actors have started, and have the ClientApp of their own machine."""
        import ray

        from fedsky.engine.nodes import Once

        self.once = Once(ray.put)

    def _wanted(self) -> dict[str, int | float]:
        """What an actor takes of a node."""
        names = {"num_cpus": "CPU", "num_gpus": "GPU"}
        return {names[key]: number for key, number in self.resources.items() if number}

    def _room(self) -> int:
        """How many actors the nodes have room for, each by itself: what is left on two is not one's."""
        import ray

        nodes = [each["Resources"] for each in ray.nodes()]  # type: ignore[no-untyped-call]
        return sum(min(int(has.get(name, 0) / number) for name, number in self._wanted().items()) for has in nodes)

    def _start(self) -> None:
        actor = self.make()
        with self.changed:
            self.coming.append(actor)
        actor.where.remote().future().add_done_callback(partial(self._arrived, actor))

    def _arrived(self, actor: Any, told: "Future[tuple[str, str]]") -> None:
        with self.changed:
            self.coming.remove(actor)
            if (error := told.exception()) is None:
                self.all.append(Worker(actor, *told.result()))
                self.idle.append(self.all[-1])
            elif not self.stop.is_set():
                LOG.warning("a worker did not start (%s)", _why(error))
            self.changed.notify_all()

    def begin(self, asked: Asked) -> list[str]:
        """The machines that do not see the run's folder; ValueError names one that lacks something else of a run."""
        import ray

        with self.changed:
            is_first = self.asked is None
            if is_first and not self.changed.wait_for(lambda: not self.coming, START_SECONDS):
                LOG.warning(
                    "%d of %d workers have a core now, the others join in later", len(self.all), self.num_workers
                )
            workers = list(self.all)
        looks = [(worker, worker.actor.look.remote(asked)) for worker in workers]
        lacks, apart = set(), set()
        for worker, look in looks:
            try:
                lack, is_seen = ray.get(look)
            except self.lost as error:
                self._lose(worker, error)
                continue
            worker.asked = asked
            if lack is not None:
                lacks.add(f"node {worker.name}: {lack}")
            if not is_seen:
                apart.add(worker.name)
        if lacks:
            raise ValueError(min(lacks))
        self.asked, self.apart = asked, bool(apart)
        return sorted(apart)

    def is_worker_idle(self) -> bool:
        return bool(self.idle)

    def process_message(self, message: "Message", context: Any) -> "tuple[Message, Any]":
        """Has an actor answer; after the end every message comes back as it is, which wakes flwr's workers.

        Where its process is killed, as for want of memory, or its node is lost, another one answers instead, on another
        node if there is one: the same bytes, as what a client starts from is kept until its round is complete. The
        second time on a node it is the client's own doing: raised. Clients that are trained together come as one
        message; the others' replies go their own way.
        """
        import ray
        from flwr.app import ConfigRecord, Error, Message, RecordDict
        from flwr.common.constant import ErrorCode

        if self.stop.is_set():
            return message, context
        others = self.beside.pop(message.metadata.message_id, [])
        try:
            replies = self._replies([message, *others])
        except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError):
            failure = ConfigRecord({"reason": FULL, "traceback": ""})
            replies = [Message(RecordDict({"failure": failure}), reply_to=each) for each in (message, *others)]
        except Exception as error:
            if cluster.is_alive() and not self.stop.is_set():
                for other in others:
                    self.replies.put(Message(Error(ErrorCode.UNKNOWN, str(error)), reply_to=other))
                raise
            self.stop.wait(WITHOUT_RAY_SECONDS)  # the server sees that, too, and ends the run in a line of its own
            return message, context
        for reply in replies[1:]:
            self.replies.put(reply)
        return replies[0], context

    def _replies(self, messages: "list[Message]") -> "list[Message]":
        """What a worker answers, or another if that one is lost."""
        taken = [self.once.take(message) for message in messages]
        sent, references = [each for each, _ in taken], [[] if made is None else [made] for _, made in taken]
        shunned: set[str] = set()
        while True:
            worker = self._take(shunned)
            try:
                if self._is_fit(worker):
                    return self._answer(worker, sent, references)
            except self.lost as error:
                self._lose(worker, error)
                again = worker.node not in shunned and len(shunned) < MOST_LOST
                if not again or self.stop.is_set() or not cluster.is_alive():
                    raise
                shunned.add(worker.node)
                LOG.warning("a worker died in mid-round (%s): its client is done again by another", _why(error))

    def _take(self, shunned: set[str]) -> Worker:
        """An idle worker, which is waited for: on none of the shunned nodes, unless all are there."""
        with self.changed:
            while not self.stop.is_set():
                is_elsewhere = any(worker.node not in shunned for worker in self.all)
                for worker in self.idle:
                    if not is_elsewhere or worker.node not in shunned:
                        self.idle.remove(worker)
                        return worker
                if not self.changed.wait(LOOK_SECONDS) and not self.all and not self._has_room():
                    raise ValueError("no node of the Ray cluster is left that has a core for a worker")
        raise ValueError("the simulation has ended")

    def _has_room(self) -> bool:
        """Whether an actor may still come."""
        import ray

        return bool(self.coming) and ray.cluster_resources().get("CPU", 0) >= 1  # type: ignore[no-untyped-call]

    def _is_fit(self, worker: Worker) -> bool:
        """Whether a worker's machine has what the run asks for; one that came late and has not is left out."""
        import ray

        if worker.asked is self.asked:
            return True
        lack, is_seen = ray.get(worker.actor.look.remote(self.asked))
        if lack is None and not is_seen and not self.apart:
            lack = "it does not see the run's folder"
        if lack is None:
            worker.asked = self.asked
            return True
        LOG.warning("node %s came late and is left out: %s", worker.name, lack)
        with self.changed:
            self.all.remove(worker)
            self.changed.notify_all()
        ray.kill(worker.actor)
        return False

    def _answer(self, worker: Worker, messages: "list[Message]", references: list[list[Any]]) -> "list[Message]":
        import ray

        try:
            replies: list[Message] = ray.get(worker.actor.answer.remote(messages, references))
        except self.lost:
            raise
        except BaseException:
            self._free(worker)
            raise
        self._free(worker)
        return replies

    def _free(self, worker: Worker) -> None:
        with self.changed:
            self.idle.append(worker)
            self.changed.notify_all()

    def _lose(self, worker: Worker, error: Exception) -> None:
        """Has another started in the place of a worker that is lost, or out of reach."""
        import ray

        with self.changed:
            self.all.remove(worker)
            if worker in self.idle:
                self.idle.remove(worker)
            self.changed.notify_all()
        if self.stop.is_set() or not cluster.is_alive():
            return
        if not isinstance(error, ray.exceptions.ActorDiedError):
            with suppress(ray.exceptions.RayError):  # it may live on, and would keep its core
                ray.kill(worker.actor)
        self._start()

    def terminate(self) -> None:
        import ray

        for actor in [*(worker.actor for worker in self.all), *self.coming]:
            ray.kill(actor)
        with self.changed:  # for whoever waits for a worker
            self.changed.notify_all()


def _why(error: BaseException) -> str:
    """Ray's first line of why a process died, without its hints."""
    return " ".join(str(error).split(". ")[0].split())[:200]
