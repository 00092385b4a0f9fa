"""Run folders made by hand, with numbers whose report is known."""

import copy
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from fedsky.report import style

CLASSES = ["cloudy", "sunny"]
INFO: dict[str, Any] = {
    "status": "done",
    "reason": None,
    "started": "2026-05-01T10:00:00+00:00",
    "ended": "2026-05-01T10:10:00+00:00",
    "command": "python -m fedsky",
    "commit": "0123abc",
    "versions": {"torch": "2.11.0", "flwr": "1.41.0"},
    "machine": {"processor": "x86-64"},
    "model": {"num_parameters": 78042, "num_bytes": 312168},
    "data": {"fingerprint": "f1", "num_images": 100, "classes": CLASSES, "image_size": 32},
    "result": {},
}
CONFIG: dict[str, Any] = {
    "seed": 0, "data_seed": 0, "num_clients": 2, "num_rounds": 2, "local_epochs": 1, "batch_size": 16, "lr": 0.05,
    "participation": 1.0, "client_names": None, "strategy": {"_target_": "strategies.fedavg.FedAvg"},
    "data": {"_target_": "fedsky.data.rendered", "fold": None}, "partition": {"_target_": "fedsky.partition.iid"},
    "model": {"_target_": "fedsky.model.resnet8", "width": 0.5}, "engine": {"kind": "ray"},
}  # fmt: skip
CHOICES = {"strategy": "fedavg", "partition": "iid", "model": "resnet8", "data": "rendered", "engine": "ray"}
WriteRun = Callable[..., Path]


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The base with dotted keys changed: {"strategy.mu": 1}."""
    result = copy.deepcopy(dict(base))
    for key, value in changes.items():
        *path, last = key.split(".")
        target = result
        for name in path:
            target = target.setdefault(name, {})
        target[last] = value
    return result


def write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_a_run(
    folder: Path,
    strategy: str = "fedavg",
    seed: int = 0,
    *,
    curve: Sequence[float | None] = (0.5, 0.7, 0.8),
    loss: Sequence[float | None] | None = None,
    owners: Sequence[float | None] = (0.7, 0.9),
    counts: Sequence[tuple[Sequence[int], Sequence[int]]] = (([30, 10], [10, 10]), ([10, 30], [10, 10])),
    predictions: Sequence[tuple[Any, ...]] | None = None,
    groups: Mapping[str, int] | None = None,
    num_bytes: int | None = 500_000,
    seconds: float | None = 1.5,
    config: Mapping[str, Any] | None = None,
    info: Mapping[str, Any] | None = None,
    choices: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a run folder. curve: accuracy = balanced accuracy of rounds 0, 1 ...; owners: last accuracy of each.

    counts: each owner's (train, test) images by class; predictions: (image, label, predicted), and perhaps the owner
    and the probability of sunny; groups: the near duplicates' numbers by image, a column only if given.
    """
    folder.mkdir(parents=True)
    settings = merged(CONFIG, {"seed": seed, "strategy._target_": f"strategies.{strategy}.X", **(config or {})})
    chosen = {**CHOICES, "strategy": strategy, **(choices or {})}
    role = {"local": "alone", "centralized": "pooled"}.get(strategy, "federated")
    (folder / "run.json").write_text(
        json.dumps(
            merged(INFO, {"role": role, "name": folder.name, "config": settings, "choices": chosen, **(info or {})})
        )
    )
    losses = loss if loss is not None else [None if value is None else 1 - value for value in curve]
    write_lines(folder / "rounds.jsonl", [
        {"round": number, "loss": losses[number], "accuracy": value, "balanced_accuracy": value,
         "bytes_up": 0 if number == 0 else num_bytes, "bytes_down": 0 if number == 0 else num_bytes}
        for number, value in enumerate(curve)
    ])  # fmt: skip
    last = len(curve) - 1
    write_lines(folder / "clients.jsonl", [
        {"round": last, "client": client, "num_test": sum(counts[client][1]), "accuracy": value,
         "pooled_accuracy": curve[-1] if strategy == "local" else None,
         "pooled_balanced_accuracy": curve[-1] if strategy == "local" else None}
        for client, value in enumerate(owners)
    ])  # fmt: skip
    write_lines(
        folder / "timing.jsonl",
        [{"round": number, "client": None, "round_seconds": seconds} for number in range(1, len(curve))],
    )
    clients = [
        {"client": client, "name": str(client), "train": train, "validation": [1, 1], "test": test}
        for client, (train, test) in enumerate(counts)
    ]
    (folder / "partition.json").write_text(json.dumps({"classes": CLASSES, "clients": clients}))
    if predictions is not None:
        with (folder / "predictions.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            head = ["image", "client", "label", "predicted", "probability_cloudy", "probability_sunny"]
            rows.writerow(head if groups is None else [*head, "group"])
            for each in predictions:
                cells: list[Any] = [*each, *(0, 0.5)[len(each) - 3 :]]
                image, label, predicted, client, sunny = cells
                row = [image, client, label, predicted, 1 - sunny, sunny]
                rows.writerow(row if groups is None else [*row, groups.get(image, "")])
    return folder


@pytest.fixture(scope="session")
def write_run() -> WriteRun:
    """A function that writes a run folder."""
    return write_a_run


@pytest.fixture(scope="session")
def judge() -> Callable[..., list[tuple[str, str, str]]]:
    """Predictions for 20 cloudy and 20 sunny images, of which those with the given numbers are judged wrongly."""

    def make(*wrong: int) -> list[tuple[str, str, str]]:
        rows = []
        for number in range(40):
            label, other = ("cloudy", "sunny") if number < 20 else ("sunny", "cloudy")
            rows.append((f"{number:03}", label, other if number in wrong else label))
        return rows

    return make


@pytest.fixture
def figures() -> None:
    """Named by a test that needs figures as files, where ``no_pixels`` holds for the rest of its module."""


@pytest.fixture
def no_pixels(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Saving figures is most of the time: they are made but not saved, unless a test asks for ``figures``."""
    if "figures" not in request.fixturenames:
        monkeypatch.setattr(style, "save", lambda figure: style.Drawn("<svg></svg>", b"", b""))
