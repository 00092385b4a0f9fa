"""One round between a strategy and clients whose answers a test makes up."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.supercore.task_identity import TaskIdentity
from torch import Tensor

Answer = tuple[dict[str, Tensor], dict[str, float]]  # arrays and metrics


def replies(answers: Sequence[Answer]) -> Iterator[Message]:
    """The answers as a server gets them."""
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
    for node, (arrays, metrics) in enumerate(answers, start=1):
        asked = Message(RecordDict(), dst_node_id=node, message_type="train")
        yield Message(
            RecordDict({"arrays": ArrayRecord(arrays), "metrics": MetricRecord(dict(metrics))}), reply_to=asked
        )


def exchange(
    strategy: Any, model: dict[str, Tensor], answers: Sequence[Answer], round: int = 1
) -> dict[str, Tensor] | None:
    """The model after a round in which ``answers`` came; what begins with x is a parameter, the rest are buffers."""
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
    strategy.trainable = [name for name in model if name.startswith("x")]
    grid: Any = SimpleNamespace(get_node_ids=lambda: list(range(1, len(answers) + 1)))
    asked = ConfigRecord({"seed": 0, "participation": 1.0, "local_epochs": 1, "stragglers": 0.0})
    list(strategy.configure_train(round, ArrayRecord(model), asked, grid))
    arrays, _ = strategy.aggregate_train(round, replies(answers))
    return None if arrays is None else dict(arrays.to_torch_state_dict())
