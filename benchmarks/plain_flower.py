"""The same round as a plainly written flwr app, in the style of Flower's quickstart: what fedsky must be ahead of."""

import argparse
import itertools
import json
import os
import statistics
import time
from typing import Any

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")

import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation
from torch import Tensor
from torch.nn import functional as F
from torchvision.models import resnet18

parser = argparse.ArgumentParser(description=__doc__)
for name, default in (("clients", 10), ("images", 100), ("judged", 20), ("rounds", 4), ("size", 64)):
    parser.add_argument(f"--{name}", type=int, default=default)
asked, _ = parser.parse_known_args()
client_app, server_app = ClientApp(), ServerApp()
ends: list[float] = []


def images(seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Random images and labels."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 3, asked.size, asked.size, generator=generator)
    return x, torch.randint(0, 2, (count,), generator=generator)


def received(message: Message) -> Any:
    """The model of a message."""
    model = resnet18(num_classes=2)
    model.load_state_dict(message.content.array_records["arrays"].to_torch_state_dict())
    return model


@client_app.train()
def train(message: Message, context: Context) -> Message:
    """One local epoch."""
    model = received(message).train()
    x, y = images(int(context.node_config["partition-id"]), asked.images)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for batch in range(0, len(x), 16):
        optimizer.zero_grad()
        F.cross_entropy(model(x[batch : batch + 16]), y[batch : batch + 16]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    metrics = MetricRecord({"num-examples": len(x)})
    return Message(RecordDict({"arrays": ArrayRecord(model.state_dict()), "metrics": metrics}), reply_to=message)


@client_app.evaluate()
def evaluate(message: Message, context: Context) -> Message:
    """The client's own test images."""
    model = received(message).eval()
    x, y = images(1000 + int(context.node_config["partition-id"]), asked.judged)
    with torch.no_grad():
        accuracy = (model(x).argmax(1) == y).float().mean().item()
    metrics = MetricRecord({"accuracy": accuracy, "num-examples": len(x)})
    return Message(RecordDict({"metrics": metrics}), reply_to=message)


class Timed(FedAvg):
    """flwr's FedAvg, noting when each round ends."""

    def aggregate_evaluate(self, server_round: int, replies: Any) -> MetricRecord | None:
        metrics = super().aggregate_evaluate(server_round, replies)
        ends.append(time.perf_counter())
        return metrics


@server_app.main()
def main(grid: Grid, context: Context) -> None:
    """All rounds."""
    start = ArrayRecord(resnet18(num_classes=2).state_dict())
    Timed().start(grid=grid, initial_arrays=start, num_rounds=asked.rounds)


if __name__ == "__main__":
    run_simulation(server_app, client_app, asked.clients, backend_config={"client_resources": {"num_cpus": 1}})
    rounds = [end - before for before, end in itertools.pairwise(ends)]
    print(json.dumps({"what": "plain flwr", "round_seconds": statistics.median(rounds)}))
