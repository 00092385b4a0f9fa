"""Who answers a message where workers are lost, come late, or are more than this machine has cores; without Ray."""

import threading
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, cast

import pytest
import ray
from flwr.app import Message, RecordDict
from ray._private.state import GlobalState

import fedsky.engine.nodes  # noqa: F401  # which lets this process make messages
from fedsky.engine import quick_start
from fedsky.engine.actors import Actors, Worker
from fedsky.engine.asked import Asked
from fedsky.engine.ray import Post, serve

ASKED = Asked("{}", "", Path(), "", {}, "")


class Lost(Exception):
    """In the place of Ray's own."""


class Stub:
    """An actor's handle: ``remote`` gives what ``ray.get`` is asked for, here a function."""

    def __init__(self, does: Any, lacks: tuple[str | None, bool] = (None, True)) -> None:
        self.answer, self.look = Call(does), Call(lambda *_: lacks)


class Call:
    def __init__(self, does: Any) -> None:
        self.does = does

    def remote(self, *arguments: Any) -> Any:
        return lambda: self.does(*arguments)


class Nothing:
    """Of arrays that are sent once."""

    def take(self, message: Message) -> tuple[Message, None]:
        return message, None


@pytest.fixture
def actors(monkeypatch: pytest.MonkeyPatch) -> Actors:
    made = Actors(0.0, 4, threading.Event(), threading.Event(), SimpleQueue())
    monkeypatch.setattr(ray, "get", lambda call: call())
    monkeypatch.setattr(ray, "kill", lambda actor: None)
    monkeypatch.setattr(made, "_start", lambda: None)  # no other comes
    made.lost, made.once = (Lost,), Nothing()  # type: ignore[assignment]
    return made


def dies(*_: Any) -> Any:
    raise Lost("it died. With hints")


def has(actors: Actors, *nodes: tuple[str, Any]) -> None:
    for node, does in nodes:
        actors.all.append(Worker(does if isinstance(does, Stub) else Stub(does), node, node))
    actors.idle = list(actors.all)


def asked() -> Message:
    return Message(RecordDict(), dst_node_id=1, message_type="train")


def test_a_client_whose_node_is_lost_is_done_again_on_another(actors: Actors, caplog: Any) -> None:
    """Not by the other worker of the same node, which is lost, too, without anybody's having seen it yet."""
    has(actors, ("b", dies), ("b", dies), ("a", lambda message, _: message))
    message = asked()
    assert actors.process_message(message, None) == (message, None)
    assert [worker.node for worker in actors.all] == ["b", "a"] and len(actors.idle) == 2
    assert caplog.messages == ["a worker died in mid-round (it died): its client is done again by another"]


@pytest.mark.parametrize(("nodes", "tries"), [("aaa", 2), ("abcdef", 4), ("aba", 3)])
def test_a_client_that_ends_every_worker_is_told(actors: Actors, nodes: str, tries: int) -> None:
    has(actors, *((node, dies) for node in nodes))
    with pytest.raises(Lost):
        actors.process_message(asked(), None)
    assert len(actors.all) == len(nodes) - tries


def test_a_worker_that_is_waited_for_answers(actors: Actors) -> None:
    """The only one of another node has another client's message just now."""
    has(actors, ("b", dies), ("a", lambda message, _: message))
    busy = actors.idle.pop()
    threading.Timer(0.05, actors._free, [busy]).start()
    message = asked()
    assert actors.process_message(message, None) == (message, None)


def test_without_a_worker_or_a_core_for_one_the_run_ends(actors: Actors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsky.engine.actors.LOOK_SECONDS", 0.01)
    has(actors, ("b", dies))
    with pytest.raises(ValueError, match="no node of the Ray cluster is left that has a core for a worker"):
        actors.process_message(asked(), None)


@pytest.mark.parametrize(
    ("lacks", "told"),
    [(("it has torch 1, not 2", True), "it has torch 1, not 2"), ((None, False), "it does not see the run's folder")],
)
def test_a_node_that_comes_late_must_have_what_the_others_have(
    actors: Actors, caplog: Any, lacks: tuple[str | None, bool], told: str
) -> None:
    has(actors, ("a", lambda message, _: message))
    assert actors.begin(ASKED) == []
    has(actors, ("late", Stub(dies, lacks)))
    actors.idle.reverse()
    message = asked()
    assert actors.process_message(message, None) == (message, None)
    assert caplog.messages == [f"node late came late and is left out: {told}"]
    assert [worker.node for worker in actors.all] == ["a"]


def test_what_the_machines_lack_is_told_by_name(actors: Actors) -> None:
    has(actors, ("b", Stub(dies, ("its data cannot be read: x", True))), ("a", Stub(dies)))
    with pytest.raises(ValueError, match=r"^node b: its data cannot be read: x$"):
        actors.begin(ASKED)
    actors.all.pop(0)
    has(actors, ("c", Stub(dies, (None, False))))
    assert actors.begin(ASKED) == ["c"]


@pytest.mark.parametrize(
    ("num_gpus", "nodes", "room"),
    [
        (0.0, [{"CPU": 2.0}, {"CPU": 4.0}, {}, {"GPU": 1.0}], 6),  # one that is lost has nothing
        (0.5, [{"CPU": 2.0}, {"CPU": 4.0, "GPU": 1.0}, {"CPU": 1.0, "GPU": 1.0}], 3),
        (2.0, [{"CPU": 2.0, "GPU": 1.0}, {"CPU": 2.0, "GPU": 1.0}], 0),  # each has one, and none has two
    ],
)
def test_room_is_counted_node_by_node(
    actors: Actors, monkeypatch: pytest.MonkeyPatch, num_gpus: float, nodes: list[dict[str, float]], room: int
) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: [{"Resources": each} for each in nodes])
    monkeypatch.setattr(ray, "remote", lambda _: SimpleNamespace(options=lambda **_: SimpleNamespace(remote=None)))
    actors.resources["num_gpus"] = num_gpus
    if room == 0:
        with pytest.raises(ValueError, match="no node of the Ray cluster has 1 CPU and 2 GPU for a worker"):
            actors.start()
    else:
        actors.most = 100
        actors.start()
    assert actors.num_workers == room and actors.built.is_set() == (room > 0)


def test_a_node_that_starts_is_looked_for_until_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = iter([[], [{"NodeID": "another"}], [{"NodeID": "another"}, {"NodeID": "own"}]])
    monkeypatch.setattr(quick_start, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(GlobalState, "node_table", lambda _: next(tables))
    monkeypatch.setattr(GlobalState, "get_node", lambda _, node: {"node": node})
    before, state = GlobalState.get_node, cast(Any, GlobalState)()
    with quick_start.quick_start():
        assert state.get_node("own") == {"node": "own"}
    assert next(tables, None) is None and GlobalState.get_node is before


def test_as_many_clients_train_at_a_time_as_there_are_actors() -> None:
    """More than Flower's own engine has threads for on any machine: all wait here for each other."""
    number, stop = 40, threading.Event()
    meeting = threading.Barrier(number, timeout=60)

    class Meeting:
        num_workers = number

        def build(self, app: Any) -> None: ...

        def terminate(self) -> None: ...

        def process_message(self, message: Message, context: Any) -> Any:
            if not stop.is_set():
                meeting.wait()
            return message, context

    post = Post()
    for _ in range(number):
        post.messages.put(asked())
    thread = threading.Thread(target=serve, args=(None, Meeting(), post, stop))
    thread.start()
    replies: SimpleQueue[Message] = post.replies
    assert [replies.get(timeout=60) for _ in range(number)]
    stop.set()
    post.messages.put(None)
    thread.join(30)
    assert not thread.is_alive() and not meeting.broken


def test_clients_that_are_trained_together_go_to_one_worker_and_are_done_again_as_one(actors: Actors) -> None:
    sent: list[list[Message]] = []

    def answers(messages: list[Message], _: Any) -> list[Message]:
        sent.append(messages)
        return [Message(RecordDict(), reply_to=message) for message in messages]

    has(actors, ("b", dies), ("a", answers))
    first, *others = (Message(RecordDict(), dst_node_id=node, message_type="train") for node in (1, 2, 3))
    first.metadata.__dict__["_message_id"] = "7"
    actors.beside["7"] = others
    reply, _ = actors.process_message(first, None)
    assert sent == [[first, *others]] and not actors.beside
    assert [each.metadata.src_node_id for each in (reply, actors.replies.get(), actors.replies.get())] == [1, 2, 3]


def test_what_fails_together_fails_for_each(actors: Actors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsky.engine.cluster.is_alive", lambda: True)
    has(actors, ("a", dies))
    first, other = (Message(RecordDict(), dst_node_id=node, message_type="train") for node in (1, 2))
    actors.beside[first.metadata.message_id] = [other]
    actors._take = lambda shunned: actors.all[0]  # type: ignore[method-assign]  # the same again: none else is there
    actors._lose = lambda worker, error: None  # type: ignore[method-assign]
    with pytest.raises(Lost):
        actors.process_message(first, None)
    assert actors.replies.get_nowait().error.reason == "it died. With hints"
