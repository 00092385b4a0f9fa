"""The shared training loop: the steps are torch's own, and nothing is loaded that they do not need."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from fedsky.client.training import sgd_step


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_step_is_torchs_to_the_bit(momentum: float, decay: float) -> None:
    start = [torch.randn(4, 3), torch.randn(5), torch.randn(2)]
    own, theirs = ([nn.Parameter(tensor.clone()) for tensor in start] for _ in range(2))
    optimizer = torch.optim.SGD(theirs, lr=0.3, momentum=momentum, weight_decay=decay)
    velocities: list[torch.Tensor | None] = [None] * len(own)
    for step in range(4):
        for place, (a, b) in enumerate(zip(own, theirs, strict=True)):
            gradient = None if place == step % 3 else torch.randn_like(a)  # of what a batch does not reach
            a.grad, b.grad = gradient, None if gradient is None else gradient.clone()
        sgd_step(own, velocities, {"lr": 0.3, "momentum": momentum, "weight_decay": decay})
        optimizer.step()
        assert all(torch.equal(a, b) for a, b in zip(own, theirs, strict=True))


def test_a_run_loads_no_compiler_and_no_torchvision(tmp_path: Path) -> None:
    """Each is seconds of every process's start."""
    code = (
        "import sys; from fedsky.config import compose, resolve; from fedsky.run import run; from pathlib import Path;"
        "config = resolve(compose(['engine=inline', 'num_rounds=1', 'data.count=60', 'data.size=32']));"
        "run(config, Path(sys.argv[1])); slow = {'torch._dynamo', 'torchvision', 'scipy', 'fastapi', 'ray'};"
        "assert not slow & set(sys.modules), slow & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
