"""MOON: its loss by hand, and runs beside FedAvg's."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from personal import Model, own_state
from quadratics import Federation, random_owners
from run_files import digests, info_of
from safetensors.numpy import load_file
from torch import Tensor, nn

from fedsky.client.task import load_task, specification
from fedsky.model.pixels import normalise
from strategies.fedavg import FedAvg
from strategies.moon import Moon, contrast, represent

Go = Callable[..., Path]


def test_the_contrastive_loss_by_hand() -> None:
    z = torch.tensor([[1.0, 0.0], [3.0, 4.0]], dtype=torch.float64)
    z_received = torch.tensor([[1.0, 1.0], [4.0, 3.0]], dtype=torch.float64)  # cosines 0.7071, 0.96
    z_previous = torch.tensor([[0.0, 2.0], [-3.0, -4.0]], dtype=torch.float64)  # cosines 0, -1
    near, far = ([math.sqrt(0.5), 0.96], [0.0, -1.0])
    for temperature in (0.5, 2.0):
        terms = [
            -math.log(math.exp(a / temperature) / (math.exp(a / temperature) + math.exp(b / temperature)))
            for a, b in zip(near, far, strict=True)
        ]
        found = contrast(z, z_received, z_previous, temperature).item()
        assert found == pytest.approx(sum(terms) / 2, abs=1e-12)
    assert contrast(z, z_received, z_previous, 0.5).item() == pytest.approx((0.21762 + 0.01965) / 2, abs=1e-5)


def test_equal_models_make_log_2_without_a_gradient() -> None:
    z = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)).requires_grad_()
    other = torch.randn(5, 7, generator=torch.Generator().manual_seed(1))
    loss = contrast(z, other, other, 0.1)
    assert loss.item() == pytest.approx(math.log(2))
    (gradient,) = torch.autograd.grad(loss, [z])
    assert gradient.abs().max().item() < 1e-7


def test_the_representation_is_what_the_last_layer_gets() -> None:
    body, head = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1)), nn.Linear(4, 2)
    model = nn.Sequential(body, nn.Flatten(), head, nn.Softmax(dim=1))
    images = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    outputs, z = represent(model, images)
    assert torch.equal(z, body(images).flatten(1)) and z.requires_grad
    assert torch.equal(outputs, head(z).softmax(dim=1))
    assert not head._forward_pre_hooks


@pytest.mark.parametrize("how", [{"model": "personal.normed"}, {"real": True}])
def test_without_its_term_it_is_fedavg_to_the_bit(go: Go, how: dict[str, Any]) -> None:
    fedavg = go("strategy=fedavg", "local_epochs=2", "participation=0.5", **how)
    assert digests(go("strategy=moon", "strategy.mu=0", "local_epochs=2", "participation=0.5", **how)) == digests(
        fedavg
    )


def test_with_a_model_of_one_layer_and_a_loss_of_its_own_every_round_is_fedavgs(tmp_path: Path) -> None:
    owners = random_owners(3, 3, 2)
    ours, plain = (
        Federation(strategy, owners, tmp_path, [1, 1]).run(3) for strategy in (Moon(mu=5.0, temperature=0.5), FedAvg())
    )
    assert np.array_equal(ours, plain)


@pytest.mark.parametrize("how", [{"model": "personal.normed"}, {"real": True}])
def test_the_first_round_is_fedavgs_for_any_weight(go: Go, how: dict[str, Any]) -> None:
    ends = [
        load_file(go("num_rounds=1", *asked, **how) / "model.safetensors")
        for asked in (["strategy=fedavg"], ["strategy=moon", "strategy.mu=5", "strategy.temperature=0.1"])
    ]
    assert max(float(np.abs(ends[0][name] - ends[1][name]).max()) for name in ends[0]) < 1e-6


def test_the_second_round_moves_representations_from_the_previous_to_the_received_models(go: Go) -> None:
    asked = ("strategy=moon", "lr_schedule=constant", "lr=0.02", "local_epochs=3", "model.norm=group")
    first = go(*asked, "num_rounds=1", real=True)
    task = load_task(specification(info_of(first)["config"], first / "clients"))

    def z_of(model: Model | None, client: int) -> Tensor:
        assert model is not None
        task.model.load_state_dict({name: torch.from_numpy(array) for name, array in model.items()})
        with torch.no_grad():
            return represent(task.model.eval(), normalise(task.images(task.part("train", [client]))))[1]

    received = load_file(first / "model.safetensors")
    losses: list[list[float]] = []
    for mu in (0, 5):
        second = go(*asked, f"strategy.mu={mu}", "num_rounds=2", real=True)
        losses.append([])
        for client in range(4):
            z = [z_of(model, client) for model in (own_state(second, client), received, own_state(first, client))]
            losses[-1].append(contrast(z[0], z[1], z[2], 0.5).item())
    assert all(without > with_it + 0.03 for without, with_it in zip(*losses, strict=True)), losses


def test_a_client_keeps_its_whole_model(go: Go) -> None:
    folder = go("strategy=moon", "num_clients=1", real=True)
    kept, model = own_state(folder, 0), load_file(folder / "model.safetensors")
    assert kept is not None and kept.keys() == model.keys()
    assert all(np.array_equal(kept[name], model[name]) for name in model)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"mu": -1}, "strategy.mu=-1: a number of 0 or more is needed"),
        ({"mu": float("nan")}, "strategy.mu=nan"),
        ({"mu": "1"}, "strategy.mu=1"),
        ({"temperature": 0}, "strategy.temperature=0: a number above 0 is needed"),
        ({"temperature": True}, "strategy.temperature=true"),
    ],
)
def test_what_it_refuses(wrong: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        Moon(**{"mu": 1.0, "temperature": 0.5, **wrong})
