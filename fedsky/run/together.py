"""How many clients a process trains together (``engine.batch_clients``), and whether it can with this model."""

import logging

import torch

from fedsky.client.stacked import Stack, why_not
from fedsky.client.task import Task
from fedsky.client.training import Shard, Work
from fedsky.history import Row

LOG = logging.getLogger("fedsky")
AUTO = "auto"
ON_CPU, LARGEST = 16, 8192  # clients; pixels of a batch up to which they gain by it (docs/measured.md)
ON_GPU, SHARE = 64, 0.25  # clients; of the memory for their models, gradients and velocities
COPIES = 4


class Together:
    """The number of clients that are trained together, why they are not, and how many really were."""

    def __init__(self, config: Row, task: Task) -> None:
        asked = config["engine"].get("batch_clients")
        self.asked, self.reason = asked, None
        self.clients = _fit(task, config["batch_size"]) if asked == AUTO else asked or 1
        self.trained, self.alone = 0, 0
        if asked == AUTO and self.clients == 1:
            self.reason = f"batches of more than {LARGEST} pixels take longer so on the CPU"
        elif self.clients > 1 and (reason := why_not(task.model) or _trial(task, config)) is not None:
            self.clients, self.reason = 1, reason
        if self.reason is not None:
            LOG.warning("engine.batch_clients=%s: clients are trained one by one: %s", asked, self.reason)

    def count(self, trained: dict[int, Row]) -> None:
        """Counts the clients of a round; tells once where it was of no use."""
        if self.clients == 1 or not trained:
            return
        together = sum(row.get("together", 1) > 1 for row in trained.values())
        if not together and not self.trained + self.alone and len(trained) > 1:
            LOG.warning(
                "engine.batch_clients=%s: no two clients of the first round could be trained together: the strategy "
                "has a loss of its own, or their numbers of images are unlike (BatchNorm needs them alike)",
                self.asked,
            )
        self.trained += together
        self.alone += len(trained) - together

    def told(self) -> Row:
        """What run.json says of it."""
        return {"clients": self.clients, "reason": self.reason, "together": self.trained, "alone": self.alone}


def _fit(task: Task, batch_size: int) -> int:
    """By the task alone, so that the same command has the same bytes."""
    if task.device.type == "cuda":
        memory = SHARE * torch.cuda.get_device_properties(task.device).total_memory
        model = COPIES * sum(tensor.numel() * tensor.element_size() for tensor in task.initial.values())
        return max(1, min(ON_GPU, int(memory / model)))
    most = max(len(owner.train) for owner in task.owners)
    return ON_CPU if min(batch_size, most) * task.photos.pixels[0, 0].size <= LARGEST else 1


def _trial(task: Task, config: Row) -> str | None:
    """Why torch cannot make a step of two such models at once; None where it can. Nothing of the task changes."""
    largest = max((owner.train for owner in task.owners), key=len)[: config["batch_size"]]
    settings = {key: config[key] for key in ("momentum", "weight_decay", "batch_size", "precision")}
    settings |= {"lr": 0.0, "local_epochs": 1}
    stack = Stack(task.model, 2)
    works = [Work(model, Shard(task, largest, torch.Generator()), settings, None) for model in stack.models]
    try:
        stack.train(0, works)
    except (RuntimeError, ValueError, NotImplementedError) as error:
        return f"{type(task.model).__name__}: {' '.join(str(error).split())[:200]}"
    return None
