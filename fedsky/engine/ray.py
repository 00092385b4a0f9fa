"""Flower's simulation engine on Ray: the only file that starts Flower.

What is Flower's: its fleet engine ``run_api``, which takes messages from a link state, has a worker for each actor hand
them to a ``Backend``, and puts the replies back. What is ours are the two that it asks for: a link state without
polling and a backend that puts a round's arrays into Ray's object store once, for all actors to read there.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of a change to come

from flwr.app import ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp

from fedsky.engine import cluster

LOG = logging.getLogger("fedsky")
ALIVE_SECONDS = 0.1  # between looks whether the engine, from which a reply is awaited, is still there
START_SECONDS = 60.0  # that a cluster takes at most to start
FULL = (
    "Ray's object store is full, and so is the disk beside it: make room in /dev/shm or name a folder with room by "
    "RAY_TMPDIR=FOLDER before the command, take fewer engine.num_actors, or choose engine=inline"
)
WITHOUT_RAY_SECONDS = 10.0  # that the server takes at most to end a run without Ray


class Actors:
    """One actor for each CPU that the cluster has for it: a ``Backend`` of flwr's, but for its name."""

    def __init__(self, num_gpus: float, stop: threading.Event, built: threading.Event) -> None:
        self.resources: dict[str, int | float] = {"num_cpus": 1, "num_gpus": num_gpus}
        self.stop, self.built = stop, built
        self.all: list[Any] = []
        self.idle: SimpleQueue[Any] = SimpleQueue()

    def build(self, app_fn: Callable[[], ClientApp]) -> None:
        """Starts the actors, unless they are; ValueError where the cluster has no room for one."""
        if self.all:
            return
        import ray
        from flwr.simulation.ray_transport.ray_actor import pool_size_from_resources

        from fedsky.engine.actor import Actor
        from fedsky.engine.nodes import Once

        make: Any = ray.remote(Actor).options(**self.resources)
        app = ray.put(app_fn())
        self.once = Once(ray.put)
        self.make: Callable[[], Any] = lambda: make.remote(app)
        for _ in range(pool_size_from_resources(self.resources)):
            self._start()
        self.built.set()

    def _start(self) -> None:
        self.all.append(self.make())
        self.idle.put(self.all[-1])

    @property
    def num_workers(self) -> int:
        return len(self.all)

    def is_worker_idle(self) -> bool:
        return not self.idle.empty()

    def process_message(self, message: Message, context: Any) -> tuple[Message, Any]:
        """Has an actor answer; after the end every message comes back as it is, which wakes flwr's workers.

        Where its process is killed, as for want of memory, a fresh one answers instead: the same bytes, as what a
        client starts from is kept until its round is complete. The second time it is the client's own doing: raised.
        """
        import ray

        if self.stop.is_set():
            return message, context
        try:
            sent, arrays = self.once.take(message)
            references = [arrays] if arrays is not None else []
            try:
                return self._answer(sent, references), context
            except ray.exceptions.RayActorError as error:
                if self.stop.is_set() or not cluster.is_alive():
                    raise
                LOG.warning("a worker died in mid-round (%s): its client is done again on a fresh one", _why(error))
                return self._answer(sent, references), context
        except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError):
            failure = ConfigRecord({"reason": FULL, "traceback": ""})
            return Message(RecordDict({"failure": failure}), reply_to=message), context
        except Exception:
            if cluster.is_alive() and not self.stop.is_set():
                raise
            self.stop.wait(WITHOUT_RAY_SECONDS)  # the server sees that, too, and ends the run in a line of its own
            return message, context

    def _answer(self, message: Message, references: list[Any]) -> Message:
        import ray

        actor = self.idle.get()
        try:
            reply: Message = ray.get(actor.answer.remote(message, references))
            self.idle.put(actor)
        except ray.exceptions.RayActorError:  # it died; the next client has another
            self.all.remove(actor)
            if not self.stop.is_set():
                self._start()
            raise
        except BaseException:
            self.idle.put(actor)
            raise
        return reply

    def terminate(self) -> None:
        import ray

        for actor in self.all:
            ray.kill(actor)


def _why(error: Exception) -> str:
    """Ray's first line of why a process died, without its hints."""
    return " ".join(str(error).split(". ")[0].split())[:200]


class Post:
    """The messages on their way: all that flwr's engine asks for them, which it neither polls nor keeps.

    It is the engine's link state and the factory of it, the mapping of its nodes and what it keeps of each: nothing, as
    the clients' own states are files.
    """

    def __init__(self) -> None:
        self.messages: SimpleQueue[Message | None] = SimpleQueue()  # None ends the engine
        self.replies: SimpleQueue[Message] = SimpleQueue()

    def state(self) -> "Post":
        return self

    def keys(self) -> Iterator[int]:
        """The node of each message as soon as there is one: flwr's engine goes through its nodes for messages."""
        while (message := self.messages.get()) is not None:
            self.next = message
            yield message.metadata.dst_node_id

    def get_message_ins(self, node_id: int, limit: int | None) -> list[Message]:
        return [self.next]

    def store_message_res(self, message: Message) -> None:
        self.replies.put(message)

    def __getitem__(self, node: int) -> "Post":
        return self

    def retrieve_context(self, run_id: int) -> None:
        """None: an actor makes a Context for every message."""

    def update_context(self, run_id: int, context: None) -> None:
        """Keeps nothing."""


class Simulation:
    """Flower's simulation engine on Ray, kept open for all jobs of a sweep. ``run_api`` runs in a thread of its own.

    That starts Ray at once and, when it is told the ``ClientApp``, the actors: this process may import it meanwhile.
    """

    def __init__(self, settings: dict[str, Any], num_actors: int) -> None:
        self.settings, self.num_actors = settings, num_actors
        self.stop = threading.Event()
        self.started = threading.Event()  # or failed to
        self.ended, self.closed = threading.Event(), threading.Event()
        self.post = Post()
        self.actors = Actors(float(settings.get("num_gpus", 0)), self.stop, self.started)
        self.failure: BaseException | None = None
        self.app: ClientApp | None = None
        self.told = threading.Event()  # the app, or to end
        import ray  # noqa: F401  # here, as two threads that import the same may disturb each other

        self.thread = threading.Thread(target=self._run, name="simulation", daemon=True)
        self.thread.start()

    def go_on(self, app: ClientApp) -> None:
        """Has the actors start, unless they have, to answer messages by an app."""
        self.app = self.app or app
        self.told.set()

    def _run(self) -> None:
        post: Any = self.post
        actors: Any = self.actors
        try:
            cluster.start(self.settings.get("address"), self.num_actors)
            self.told.wait()
            if (app := self.app) is None:
                return
            actors.build(lambda: app)  # before imports that take a second, during which the actors have theirs
            from flwr.server.superlink.fleet.vce.metrics import VceMetrics
            from flwr.server.superlink.fleet.vce.vce_api import run_api

            run_api(lambda: app, lambda: actors, post, post, post, self.stop, VceMetrics())
        except BaseException as error:
            self.failure = error
        finally:
            self.started.set()
            self.ended.set()
            self.closed.wait()  # Ray's processes are killed when the thread that started them ends

    def wait(self) -> None:
        """Returns when the actors start; ValueError where they cannot."""
        self.started.wait()
        cluster.restore_handlers()
        if isinstance(self.failure, ValueError):
            raise self.failure
        if self.failure is not None:
            reason = " ".join(f"{self.failure.__cause__ or self.failure}".split())[:300]
            raise ValueError(
                f"Flower's simulation engine did not start ({reason}): try engine=inline"
            ) from self.failure

    def reply(self) -> Message:
        """The next reply, which is waited for; ValueError where the engine has ended."""
        while True:
            try:
                return self.post.replies.get(timeout=ALIVE_SECONDS)
            except Empty:
                if not cluster.is_alive():
                    raise ValueError(
                        "Ray's own process (raylet) was killed: fedsky.resume goes on after the last complete round"
                    ) from None
                if self.ended.is_set():
                    raise ValueError("Flower's simulation engine has ended; run.log may say why") from self.failure

    def close(self, at_once: bool = False) -> None:
        """Ends the actors and Ray; ``at_once`` does not wait for clients that are still training."""
        self.stop.set()
        self.told.set()
        self.started.wait(START_SECONDS)  # half a cluster cannot be ended
        if not cluster.is_alive():  # nor one be spoken to that is gone
            cluster.stop()
            self.closed.set()
            return
        if at_once:
            self.actors.terminate()
        for _ in range(self.actors.num_workers):  # flwr's workers wait for a message, a second each time
            self.post.messages.put(Message(RecordDict(), dst_node_id=1, message_type="query"))
        self.post.messages.put(None)
        self.ended.wait(timeout=5 if at_once else 60)
        cluster.stop()
        self.closed.set()
