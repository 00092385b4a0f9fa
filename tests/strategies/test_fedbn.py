"""FedBN: all but BatchNorm is FedAvg's, and BatchNorm is the client's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from personal import own_models, own_state, same, server_model
from run_files import rows_of
from torch import nn

from fedsky.model import build, resnet10, torchvision_resnet
from strategies.fedbn import batchnorm

Go = Callable[..., Path]


def of_batchnorm(names: list[str]) -> set[str]:
    """The tensors of the layers that keep a running mean."""
    layers = {name.removesuffix("running_mean") for name in names if name.endswith(".running_mean")}
    return {name for name in names if name.rpartition(".")[0] + "." in layers}


@pytest.mark.parametrize("real", [False, True])
def test_a_round_from_the_same_start_is_fedavgs_in_all_but_batchnorm(go: Go, real: bool) -> None:
    asked = ["num_rounds=1", "partition=quantity", "partition.min_examples=5", "local_epochs=2"]
    fedavg = server_model(go("strategy=fedavg", *asked, real=real, model="personal.normed"))
    folder = go("strategy=fedbn", *asked, real=real, model="personal.normed")
    models, own = own_models(folder), of_batchnorm(list(fedavg))
    assert 0 < len(own) < len(fedavg) and len(own) % 5 == 0
    for model in models:
        assert all(model[name].tobytes() == fedavg[name].tobytes() for name in fedavg.keys() - own)
    for name in own:
        moved = not name.endswith("num_batches_tracked")
        assert len({model[name].tobytes() for model in models}) == (4 if moved else len({int(m[name]) for m in models}))


def test_the_server_leaves_batchnorm_as_the_client_left_it(go: Go) -> None:
    folder = go("strategy=fedbn", "participation=0.5", "num_rounds=4", "seed=2", real=True)
    steps = np.zeros(4, dtype=int)
    for row in rows_of(folder, "clients"):
        steps[row["client"]] += row["num_steps"] or 0
    for client, model in enumerate(own_models(folder)):
        own = own_state(folder, client) or {}
        assert own.keys() == of_batchnorm(list(model))
        assert all(model[name].tobytes() == own[name].tobytes() for name in own)
        counted = {int(tensor) for name, tensor in own.items() if name.endswith("num_batches_tracked")}
        assert counted == {steps[client]}, "each round goes on from the client's own"
    assert len(set(steps)) > 1


@pytest.mark.parametrize("changed", [{"model": "personal.deep"}, {"real": True}])
def test_without_batchnorm_it_is_fedavg(go: Go, changed: dict[str, Any]) -> None:
    asked = ["model.norm=group"] if changed.get("real") else []
    fedavg = server_model(go("strategy=fedavg", *asked, **changed))
    folder = go("strategy=fedbn", *asked, **changed)
    assert same(server_model(folder), fedavg)
    assert all(same(model, fedavg) for model in own_models(folder))


def test_layers_are_found_by_their_type() -> None:
    resnet18: Any = torchvision_resnet("resnet18", num_classes=2)
    found = batchnorm(resnet18)
    assert {"bn1.weight", "layer2.0.downsample.1.running_var"} <= set(found)
    assert len(found) == 20 * 5
    small = build(resnet10, 3, seed=0)
    assert set(batchnorm(small)) == of_batchnorm(list(small.state_dict()))
    layers: dict[str, nn.Module] = {"bn": nn.Linear(2, 2), "y": nn.GroupNorm(1, 2), "z": nn.LayerNorm(2)}
    odd = nn.ModuleDict({**layers, "x": nn.SyncBatchNorm(2)})
    assert {name.split(".")[0] for name in batchnorm(odd)} == {"x"}
    assert batchnorm(nn.BatchNorm1d(2)) == list(nn.BatchNorm1d(2).state_dict())
    bare = nn.Sequential(nn.BatchNorm1d(2, affine=False, track_running_stats=False))
    assert batchnorm(bare) == []
    twice = nn.BatchNorm1d(2)
    assert {name.split(".")[0] for name in batchnorm(nn.Sequential(twice, twice))} == {"0", "1"}
