"""What must coincide, and what must not."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import Message
from run_files import digests, info_of, rows_of
from safetensors.numpy import load_file
from torch.nn import functional as F

from fedsky.client.task import load_task, specification
from fedsky.config import compose, resolve
from fedsky.engine.inline import InlineGrid
from fedsky.run import run

TINY = {"_target_": "tiny.points", "fold": "1/5"}
Go = Callable[..., Path]


@pytest.fixture
def go(tmp_path: Path) -> Go:
    """Runs overrides on tiny float64 data in this process and returns the folder."""
    numbers = iter(range(100))

    def run_tiny(*overrides: str, real: bool = False) -> Path:
        asked = ["engine=inline", "num_rounds=3", "num_clients=4", *overrides]
        small = ["data.count=60", "data.size=32"] if real else []
        config = resolve(compose([*asked, *small]))
        if not real:
            config |= {"data": dict(TINY), "model": {"_target_": "tiny.linear"}}
        folder = tmp_path / str(next(numbers))
        run(config, folder)
        return folder

    return run_tiny


@pytest.mark.parametrize("real", [False, True])
def test_fedprox_without_its_term_is_fedavg_to_the_bit(go: Go, real: bool) -> None:
    fedavg = go("strategy=fedavg", "local_epochs=2", real=real)
    assert digests(go("strategy=fedprox", "strategy.mu=0", "local_epochs=2", real=real)) == digests(fedavg)


@pytest.mark.parametrize("real", [False, True])
def test_fedprox_with_its_term_is_not_fedavg_and_stays_nearer_to_the_start(go: Go, real: bool) -> None:
    ends = [
        go("strategy=fedprox", f"strategy.mu={mu}", "local_epochs=3", "num_rounds=1", real=real) for mu in (0, 1, 5)
    ]
    models = [load_file(folder / "model.safetensors") for folder in ends]
    task = load_task(specification(info_of(ends[0])["config"], ends[0] / "clients"))
    parameters = [name for name, _ in task.model.named_parameters()]
    moved = [sum(float(((model[n] - task.initial[n].numpy()) ** 2).sum()) for n in parameters) for model in models]
    assert moved[0] > moved[1] > moved[2] > 0


def test_one_client_is_centralized(go: Go) -> None:
    alone = go("strategy=fedavg", "num_clients=1")
    pooled = go("strategy=centralized", "num_clients=1")
    names = ("predictions.csv", "model.safetensors")
    assert digests(alone, names) == digests(pooled, names)


def test_local_with_one_owner_is_centralized(go: Go) -> None:
    own = go("strategy=local", "num_clients=1", real=True) / "models" / "0.safetensors"
    pooled = go("strategy=centralized", "num_clients=1", real=True) / "model.safetensors"
    ours, theirs = load_file(own), load_file(pooled)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_one_full_batch_step_over_unequal_clients_is_one_pooled_step(go: Go) -> None:
    folder = go("partition=quantity", "num_rounds=1", "batch_size=1000", "lr=0.3", "weight_decay=0")
    config = info_of(folder)["config"]
    task = load_task(specification(config, folder / "clients"))
    everyone = task.part("train", [0, 1, 2, 3])
    assert len({len(owner.train) for owner in task.owners}) > 1
    task.model.load_state_dict(task.initial)
    labels = torch.from_numpy(task.photos.labels[everyone])
    loss = F.cross_entropy(task.model(task.images(everyone)), labels)
    gradients = torch.autograd.grad(loss, list(task.model.parameters()))
    model = load_file(folder / "model.safetensors")
    for (name, start), gradient in zip(task.model.named_parameters(), gradients, strict=True):
        assert np.abs(model[name] - (start - 0.3 * gradient).detach().numpy()).max() < 1e-12


def test_centralized_makes_as_many_passes_as_the_federation(go: Go) -> None:
    half = ["participation=0.5", "local_epochs=3", "num_rounds=4", "batch_size=1000"]
    rows = rows_of(go("strategy=centralized", *half), "rounds")
    assert [row["num_steps"] for row in rows] == [0, 1, 2, 1, 2]  # 4 rounds x 3 epochs x half of the clients
    assert rows[-1]["bytes_up"] == rows[-1]["bytes_down"] == 0


def test_the_order_of_the_replies_changes_nothing(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    ordered = go("partition=quantity", "partition.min_examples=5", "num_clients=7")
    shuffle, orders = random.Random(1), []

    receive = InlineGrid.receive

    def any_reply(grid: InlineGrid) -> Message:
        grid.pushed.rotate(shuffle.randrange(len(grid.pushed)))
        orders.append(int(grid.pushed[0][0].metadata.message_id))
        return receive(grid)

    monkeypatch.setattr(InlineGrid, "receive", any_reply)
    monkeypatch.setattr(InlineGrid, "in_flight", 7)
    shuffled = go("partition=quantity", "partition.min_examples=5", "num_clients=7")
    assert orders != sorted(orders)
    assert digests(shuffled) == digests(ordered)


def test_evaluation_by_clients_counts_as_the_server_does(go: Go) -> None:
    rows: list[list[dict[str, Any]]] = []
    for who in ("server", "clients"):
        folder = go(f"evaluate={who}", "num_clients=5", real=True)
        rows.append(rows_of(folder, "clients"))
        assert (folder / "predictions.csv").read_text().count("\n") == 1 + 12
    for server, clients in zip(*rows, strict=True):
        assert server["num_test"] == clients["num_test"]
        assert server["accuracy"] == clients["accuracy"]
        assert server["loss"] == pytest.approx(clients["loss"], abs=1e-5)


@pytest.mark.parametrize("strategy", ["fedavg", "local"])
def test_patience_stops_a_run_that_no_longer_improves(go: Go, strategy: str) -> None:
    folder = go("lr=1e-12", "patience=2", "num_rounds=50", f"strategy={strategy}")
    rows = rows_of(folder, "rounds")
    result = info_of(folder)["result"]
    best = max(rows, key=lambda row: (row["validation_accuracy"], -row["validation_loss"]))["round"]
    assert [len(rows), result["round"]] == [3, 2]
    assert result["best_validation_round"] == best
    assert (folder / "predictions.csv").read_text().count("\n") == 1 + result["num_test"]


def test_a_seed_repeats_a_run_and_another_does_not(go: Go) -> None:
    first = go("participation=0.5", "seed=3")
    assert digests(go("participation=0.5", "seed=3")) == digests(first)
    other = digests(go("participation=0.5", "seed=4"))
    assert other["model.safetensors"] != digests(first)["model.safetensors"]
