from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fedsky import model as models
from fedsky.config import compose, make, resolve


def build(name: str, *overrides: str, seed: int = 0) -> nn.Module:
    config = resolve(compose([f"model={name}", *overrides]))
    return models.build(make(config["model"], _partial_=True), 2, seed)


@pytest.mark.parametrize("name", ["resnet8", "resnet10", "resnet18", "resnet34", "resnet50"])
@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.slow
def test_every_model_gives_a_logit_a_class(name: str, norm: str) -> None:
    model = build(name, f"model.norm={norm}").eval()
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 2)
    assert bool(list(model.buffers())) == (norm == "batch")


@pytest.mark.slow
def test_the_small_ones_have_the_layers_of_their_names() -> None:
    def weighted(model: nn.Module) -> int:
        shortcuts = {
            id(m) for block in model.modules() if (s := getattr(block, "downsample", None)) for m in s.modules()
        }
        return sum(isinstance(m, nn.Conv2d | nn.Linear) and id(m) not in shortcuts for m in model.modules())

    assert [weighted(build(name)) for name in ("resnet8", "resnet10", "resnet18", "resnet34", "resnet50")] == [
        8,
        10,
        18,
        34,
        50,
    ]
    whole, half = build("resnet8", "model.width=1"), build("resnet8", "model.width=0.5")
    assert 3.5 < models.num_parameters(whole) / models.num_parameters(half) < 4.5


def test_a_seed_fixes_the_start_and_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first, again, other = (build("resnet8", seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])


def test_imagenet_weights_come_by_torchvisions_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import models as torchvision_models  # seconds, as torch's compiler comes with it

    theirs = torchvision_models.resnet18().state_dict()
    monkeypatch.setattr(torchvision_models.ResNet18_Weights, "get_state_dict", lambda *args, **kwargs: theirs)
    ours = build("resnet18", "model.weights=DEFAULT").state_dict()
    assert torch.equal(ours["layer4.1.conv2.weight"], theirs["layer4.1.conv2.weight"])
    assert ours["fc.weight"].shape == (2, 512)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["model=resnet8", "model.width=3"], r"model\.width=3"),
        (["model=resnet8", "model.norm=layer"], r"model\.norm=layer: choose batch or group"),
        (["model=resnet18", "model.weights=MINE"], r"model\.weights=MINE .* choose DEFAULT"),
        (["model=resnet18", "model.weights=DEFAULT", "model.norm=group"], "use model.norm=batch"),
    ],
)
def test_what_no_model_has_is_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        models.build(make(resolve(compose(overrides))["model"], _partial_=True), 2, 0)


def test_a_layers_groups_divide_its_channels() -> None:
    layers = [models.norm_layer("group")(channels) for channels in (32, 12, 7)]
    assert np.array([layer.num_groups for layer in layers if isinstance(layer, nn.GroupNorm)]).tolist() == [8, 6, 7]


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(("before", "stride"), [(8, 1), (8, 2), (4, 1)])
def test_the_own_block_is_torchvisions_to_the_bit(norm: str, before: int, stride: int) -> None:
    from torchvision.models import resnet

    layer = models.norm_layer(norm)
    theirs = nn.Sequential(nn.Conv2d(before, 8, 1, stride, bias=False), layer(8)) if before != 8 or stride > 1 else None
    block = resnet.BasicBlock(before, 8, stride, theirs, norm_layer=layer)
    own = models.BasicBlock(before, 8, stride, layer)
    assert list(own.state_dict()) == list(block.state_dict())
    own.load_state_dict(block.state_dict())
    images = torch.randn(3, before, 6, 6)
    found = []
    for each in (own, block):
        out = each(images.clone())
        out.square().sum().backward()
        found.append([out, *(parameter.grad for parameter in each.parameters()), *each.buffers()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_the_small_ones_are_drawn_as_with_torchvisions_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import resnet

    own = build("resnet8").state_dict()

    def theirs(before: int, width: int, stride: int, layer: Any) -> Any:
        shortcut = (
            nn.Sequential(resnet.conv1x1(before, width, stride), layer(width))
            if (stride, before) != (1, width)
            else None
        )
        return resnet.BasicBlock(before, width, stride, shortcut, norm_layer=layer)

    monkeypatch.setattr(models, "BasicBlock", theirs)
    drawn = build("resnet8").state_dict()
    assert list(own) == list(drawn) and all(torch.equal(own[name], drawn[name]) for name in own)
