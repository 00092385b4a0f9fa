"""Flower's simulation engine on Ray: the only file that starts Flower.

What is Flower's: its fleet engine ``run_api``, which takes messages from a link state, has a worker for each actor hand
them to a ``Backend``, and puts the replies back. What is ours are the two that it asks for: a link state without
polling and a backend (fedsky/engine/actors.py) that puts a round's arrays into Ray's object store once, for all actors
to read there.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of a change to come

from fedsky.engine import cluster
from fedsky.engine.actors import Actors

if TYPE_CHECKING:
    from flwr.app import Message
    from flwr.clientapp import ClientApp

ALIVE_SECONDS = 0.1  # between looks whether the engine, from which a reply is awaited, is still there
START_SECONDS = 60.0  # that a cluster takes at most to start


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

    def get_message_ins(self, node_id: int, limit: int | None) -> "list[Message]":
        return [self.next]

    def store_message_res(self, message: "Message") -> None:
        self.replies.put(message)

    def __getitem__(self, node: int) -> "Post":
        return self

    def retrieve_context(self, run_id: int) -> None:
        """None: an actor makes a Context for every message."""

    def update_context(self, run_id: int, context: None) -> None:
        """Keeps nothing."""


def serve(app: "ClientApp", actors: Any, post: Any, stop: threading.Event) -> None:
    """Has Flower's fleet engine hand messages to actors until it is stopped: as many at a time as there are actors."""
    from flwr.server.superlink.fleet.vce import vce_api
    from flwr.server.superlink.fleet.vce.metrics import VceMetrics
    from flwr.server.superlink.fleet.vce.vce_api import run_api

    # Its own has four threads more than this machine has cores, and 32 at most, whatever the cluster has.
    pool: Any = partial(ThreadPoolExecutor, max_workers=actors.num_workers)
    vce_api.ThreadPoolExecutor = pool  # type: ignore[attr-defined]
    run_api(lambda: app, lambda: actors, post, post, post, stop, VceMetrics())


class Simulation:
    """Flower's simulation engine on Ray, kept open for all jobs of a sweep. ``run_api`` runs in a thread of its own.

    That starts Ray and its actors at once: this process may import the ``ClientApp`` meanwhile, and then tell it.
    """

    def __init__(self, settings: dict[str, Any], num_actors: int) -> None:
        self.settings, self.num_actors = settings, num_actors
        self.stop = threading.Event()
        self.started = threading.Event()  # or failed to
        self.ended, self.closed = threading.Event(), threading.Event()
        self.post = Post()
        self.actors = Actors(float(settings.get("num_gpus", 0)), num_actors, self.stop, self.started, self.post.replies)
        self.joined: dict[str, Any] | None = None  # what a cluster is that was joined
        self.failure: BaseException | None = None
        self.app: ClientApp | None = None
        self.told = threading.Event()  # the app, or to end
        import ray  # noqa: F401  # here, as two threads that import the same may disturb each other

        self.thread = threading.Thread(target=self._run, name="simulation", daemon=True)
        self.thread.start()

    def go_on(self, app: "ClientApp") -> None:
        """Has Flower's engine hand messages to the actors, which answer by an app."""
        self.app = self.app or app
        self.told.set()

    def _run(self) -> None:
        actors: Any = self.actors
        try:
            self.joined = cluster.start(self.settings.get("address"), self.num_actors)
            actors.start()
            self.told.wait()
            if self.app is not None:
                serve(self.app, actors, self.post, self.stop)
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

    def reply(self) -> "Message":
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
        if self.app is not None:
            from flwr.app import Message, RecordDict

            for _ in range(self.actors.num_workers):  # flwr's workers wait for a message, a second each time
                self.post.messages.put(Message(RecordDict(), dst_node_id=1, message_type="query"))
            self.post.messages.put(None)
        self.ended.wait(timeout=5 if at_once else 60)
        cluster.stop()
        self.closed.set()
