"""What a GPU asks for, as far as it can be seen without one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from fedsky.client.task import Task, specification
from fedsky.config import compose, resolve
from fedsky.engine import check_engine
from fedsky.run import run

POINTS: dict[str, Any] = {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}


def config(*words: str) -> dict[str, Any]:
    return resolve(compose(["engine=inline", "num_clients=3", "num_rounds=2", "data.count=60", "data.size=32", *words]))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused_before_anything_starts(tmp_path: Path) -> None:
    for kind in ("inline", "ray"):
        with pytest.raises(ValueError, match=r"engine.num_gpus=0.5: torch \S+ sees no GPU on this machine: set engine"):
            check_engine({"kind": kind, "num_gpus": 0.5, "address": None}, "server", "federated")
    check_engine({"kind": "ray", "num_gpus": 0.5, "address": "auto"}, "server", "federated")  # Ray knows of others
    with pytest.raises(ValueError, match=r"engine.num_gpus=2: "):
        run(config("engine.num_gpus=2") | POINTS, tmp_path / "run")


def test_half_precision_trains_to_nearly_the_same(tmp_path: Path) -> None:
    words = ["model.norm=group", "batch_size=4", "num_rounds=1"]
    models = []
    for name, more in (
        ("full", []),
        ("half", ["precision=bfloat16"]),
        ("both", ["precision=bfloat16", "engine.batch_clients=3"]),
    ):
        info = run(config(*words, *more), tmp_path / name)
        models.append(load_file(tmp_path / name / "model.safetensors"))
    assert info["batched"]["together"] == 3
    assert all(array.dtype == np.float32 for array in models[1].values())
    for other in models[1:]:
        apart = [float(np.abs(array - other[name]).max()) for name, array in models[0].items()]
        assert 0 < max(apart) < 0.03
    with pytest.raises(ValueError, match="precision=half: choose float32 or bfloat16"):
        config("precision=half")


def test_deterministic_is_said_to_torch_and_changes_nothing_on_the_cpu(tmp_path: Path) -> None:
    try:
        for name, more in (("asked", ["engine.deterministic=true"]), ("not", [])):
            run(config(*more) | POINTS, tmp_path / name)
            assert torch.are_deterministic_algorithms_enabled() == bool(more)
    finally:
        torch.use_deterministic_algorithms(False)
    first, second = (tmp_path / name / "model.safetensors" for name in ("asked", "not"))
    assert first.read_bytes() == second.read_bytes()


def test_images_that_are_on_the_device_are_those_of_the_file(tmp_path: Path) -> None:
    task, held = (Task(specification(config(), tmp_path)) for _ in range(2))
    assert task.held is None
    held.held = torch.tensor(held.photos.pixels)
    indices = np.array([5, 3, 20])
    assert torch.equal(held.images(indices), task.images(indices))
