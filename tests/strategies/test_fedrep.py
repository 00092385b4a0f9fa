"""FedRep: first the head on a fixed body, then the body under the fixed head."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from personal import own_models, task_of
from run_files import rows_of
from torch import nn
from torch.nn import functional as F

from strategies.fedrep import fixed

Go = Callable[..., Path]
FULL_BATCH = ["batch_size=1000", "momentum=0", "weight_decay=0", "lr=0.3", "lr_schedule=constant"]


def descend(model: nn.Module, prefix: str, images: torch.Tensor, labels: torch.Tensor) -> float:
    """One step of gradient descent, of 0.3, on the parameters of one part; the loss before it."""
    part = [parameter for name, parameter in model.named_parameters() if name.startswith(prefix)]
    loss = F.cross_entropy(model(images), labels)
    gradients = torch.autograd.grad(loss, part)
    with torch.no_grad():
        for parameter, gradient in zip(part, gradients, strict=True):
            parameter.sub_(gradient, alpha=0.3)
    return loss.item()


def test_it_follows_its_algorithm(go: Go) -> None:
    asked = [
        "num_rounds=2",
        "strategy.head_epochs=3",
        "local_epochs=2",
        "partition=quantity",
        "partition.min_examples=5",
    ]
    folder = go("strategy=fedrep", *asked, *FULL_BATCH, model="personal.deep")
    task = task_of(folder)
    server = {name: tensor.clone() for name, tensor in task.initial.items()}
    heads = [{name: tensor for name, tensor in server.items() if name.startswith("2.")}] * 4
    for round in (1, 2):
        told = [row for row in rows_of(folder, "clients") if row["round"] == round]
        total, weights = {name: torch.zeros_like(tensor) for name, tensor in server.items()}, 0
        for client in range(4):
            task.model.load_state_dict(server | heads[client])
            indices = task.part("train", [client])
            batch = task.images(indices), torch.from_numpy(task.photos.labels[indices])
            losses = [descend(task.model, part, *batch) for part in ("2.", "2.", "2.", "0.", "0.")]
            assert told[client]["train_loss"] == pytest.approx(np.mean(losses), abs=1e-12)
            assert told[client]["num_steps"] == 5
            trained = {name: tensor.clone() for name, tensor in task.model.state_dict().items()}
            heads[client] = {name: trained[name] for name in heads[client]}
            weights += len(indices)
            for name in total:
                total[name] += len(indices) * trained[name]
        server |= {name: tensor / weights for name, tensor in total.items() if name.startswith("0.")}
    for client, model in enumerate(own_models(folder)):
        expected = server | heads[client]
        assert all(abs(model[name] - expected[name].numpy()).max() < 1e-12 for name in expected)


def test_what_was_fixed_is_trained_again_even_if_training_diverges() -> None:
    model = nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    with suppress(ValueError), fixed(model.parameters()):
        assert not model.weight.requires_grad
        raise ValueError
    assert model.weight.requires_grad and not model.bias.requires_grad


def test_training_leaves_all_parameters_to_be_trained(go: Go) -> None:
    folder = go("strategy=fedrep", "num_rounds=1", real=True)
    assert all(parameter.requires_grad for parameter in task_of(folder).model.parameters())


def test_a_model_without_a_body_is_refused(go: Go) -> None:
    with pytest.raises(ValueError, match=r"strategy=fedrep: .* all head .* strategy=local"):
        go("strategy=fedrep")
