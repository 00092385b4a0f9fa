"""Several clients' messages answered in one process, their local training made as one where that is possible.

Each is answered by the ClientApp as ever, in a turn of its own. When all have come to their training, or have ended,
those that are alike are trained together, the others alone, and each goes on with its own model. No strategy needs to
know: what it does before, after, or to the gradients on the way is done one client after the other.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from flwr.app import Message

from fedsky.client.stacked import Stack
from fedsky.client.task import Task, load_task
from fedsky.client.turns import Turn, now
from fedsky.history.times import steps_of


def answer(messages: Sequence[Message], one: Callable[[Message], Message]) -> list[Message]:
    """The replies to messages about training, in their order. one: answers a message by itself."""
    if len(messages) == 1:
        return [one(messages[0])]
    configs: list[Any] = [message.content.config_records["config"] for message in messages]
    task = load_task(configs[0]["task"])
    order = sorted(range(len(messages)), key=lambda place: _size(task, configs[place]), reverse=True)
    stack = _stack(task, len(messages))
    turns = [Turn(model, partial(one, messages[place])) for place, model in zip(order, stack.models, strict=False)]
    replies = dict(zip(order, _all(stack, turns), strict=True))
    return [replies[place] for place in range(len(messages))]


def _size(task: Task, config: Any) -> tuple[int, int]:
    """The steps of a client, and its images."""
    num = sum(len(task.owners[client].train) for client in config["owners"])
    return config["local_epochs"] * steps_of(num, config["batch_size"]), num


def _stack(task: Task, size: int) -> Stack:
    """The task's stack, which is kept, with as many rows or more."""
    if task.stack is None or len(task.stack.models) < size:
        task.stack = Stack(task.model, size)
    stack: Stack = task.stack
    return stack


def _all(stack: Stack, turns: list[Turn]) -> list[Message]:
    """What all turns come to."""
    replies: dict[Turn, Message] = {}
    answers: dict[Turn, Any] = dict.fromkeys(turns)
    while answers:
        for turn, found in answers.items():
            replies[turn] = turn.go_on(found)
        answers = {}
        for first, some in _alike(stack, turns):
            answers |= _trained(stack, first, some)
    return [replies[turn] for turn in turns]


def _alike(stack: Stack, turns: list[Turn]) -> Iterator[tuple[int, list[Turn]]]:
    """The turns that wait, in groups of neighbours that can be trained together, each with its first row."""
    some: list[Turn] = []
    for row, turn in enumerate(turns):
        fits = bool(some) and not turn.has_ended and turn.asks.num_steps <= some[-1].asks.num_steps
        if some and not (fits and stack.like(turn.asks) == stack.like(some[-1].asks)):
            yield row - len(some), some
            some = []
        if not turn.has_ended:
            some.append(turn)
    if some:
        yield len(turns) - len(some), some


def _trained(stack: Stack, first: int, turns: list[Turn]) -> dict[Turn, Any]:
    """Trains clients that are alike, and counts for each its share of the time; one alone trains by itself."""
    if len(turns) == 1:
        return {turns[0]: None}
    wall, processor = now()
    try:
        found: Sequence[Any] = stack.train(first, [turn.asks for turn in turns])
    except Exception as error:  # which is each client's
        found = [error] * len(turns)
    ended, processor_ended = now()
    for turn in turns:
        turn.together = len(turns)
        turn.spend((ended - wall) / len(turns), (processor_ended - processor) / len(turns))
    return dict(zip(turns, found, strict=True))
