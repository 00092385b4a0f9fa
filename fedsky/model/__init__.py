"""The ResNets: torchvision's own, and two small ones for laptops of the same blocks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fedsky.config.start import check_name

NUM_GROUPS = 8  # of GroupNorm, or fewer where a layer's channels do not divide by it

# What the server does with BatchNorm's running statistics, stated in every run.json. The example-weighted mean is
# what FedAvg's equivalences hold for; integer counters are rounded means and stay integers.
BATCHNORM_STATISTICS = {
    "batch": "running mean and variance averaged by the server, weighted by examples, apart from server optimizers",
    "group": "none: GroupNorm keeps no running statistics",
}


def norm_layer(norm: str) -> Callable[[int], nn.Module]:
    """The normalisation layer of a name: ``batch`` or ``group``."""
    if norm == "batch":
        return nn.BatchNorm2d
    if norm == "group":
        return lambda channels: nn.GroupNorm(next(g for g in range(NUM_GROUPS, 0, -1) if channels % g == 0), channels)
    raise ValueError(f"model.norm={norm}: choose batch or group")


class BasicBlock(nn.Module):
    """torchvision's block of that name, to the bit and by the names of its tensors; He et al. 2015, figure 2.

    To import torchvision takes each process as long as some rounds, as it imports torch's compiler.
    """

    def __init__(self, before: int, width: int, stride: int, layer: Callable[[int], nn.Module]) -> None:
        super().__init__()
        shortcut = None
        if stride != 1 or before != width:
            shortcut = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), layer(width))
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.bn1 = layer(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = layer(width)
        self.downsample = shortcut

    def forward(self, images: Tensor) -> Tensor:
        """Images [n, before, size, size] to [n, width, size / stride, size / stride]."""
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(images)))))
        out += images if self.downsample is None else self.downsample(images)
        return self.relu(out)  # type: ignore[no-any-return]


class SmallResNet(nn.Sequential):
    """A ResNet of one BasicBlock a stage: torchvision's stem, ``len(widths)`` stages, pooling, a linear head.

    Input [n, 3, size, size], output logits [n, num_classes]. Initialised as torchvision's (He et al. 2015, fan out).
    """

    # A step of it takes a fifth to a third less time on a CPU so; one of torchvision's ResNet-18 takes longer.
    memory_format = torch.channels_last

    def __init__(self, widths: tuple[int, ...], num_classes: int, norm: str) -> None:
        layer = norm_layer(norm)
        blocks = []
        for stage, (before, width) in enumerate(zip((widths[0], *widths), widths, strict=False)):
            stride = 1 if stage == 0 else 2
            blocks.append(BasicBlock(before, width, stride, layer))
        super().__init__(
            nn.Conv2d(3, widths[0], kernel_size=7, stride=2, padding=3, bias=False),
            layer(widths[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
            *blocks,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(widths[-1], num_classes),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def small(
    num_stages: int, num_classes: int, width: float = 1.0, norm: str = "batch", weights: None = None
) -> SmallResNet:
    """resnet8 (3 stages: no last stage) or resnet10 (4 stages), its channels times ``width`` (1 or 0.5)."""
    if weights is not None:
        check_name(weights, f"resnet{2 * num_stages + 2}", ())
    if width not in (0.5, 1.0):
        raise ValueError(f"model.width={width}: choose 1 or 0.5")
    channels = tuple(int(64 * 2**stage * width) for stage in range(num_stages))
    return SmallResNet(channels, num_classes, norm)


def torchvision_resnet(name: str, num_classes: int, norm: str = "batch", weights: str | None = None) -> nn.Module:
    """torchvision's resnet18, 34 or 50 with a fresh head; ``weights`` is torchvision's name, such as DEFAULT."""
    from torchvision import models

    if weights is not None and norm != "batch":
        raise ValueError(f"model.weights={weights} were trained with BatchNorm: use model.norm=batch with them")
    layer: Any = norm_layer(norm)
    if weights is None:
        model: nn.Module = models.get_model(name, num_classes=num_classes, norm_layer=layer)
        return model
    check_name(weights, name, [weight.name for weight in models.get_model_weights(name)])
    pretrained: Any = models.get_model(name, weights=weights)
    pretrained.fc = nn.Linear(pretrained.fc.in_features, num_classes)
    return pretrained  # type: ignore[no-any-return]


def build(make: Callable[..., nn.Module], num_classes: int, seed: int) -> nn.Module:
    """The model at its start: the same weights for the same seed, whatever was drawn before, here or elsewhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(num_classes=num_classes)


def num_parameters(model: nn.Module) -> int:
    """How many trainable numbers a model has."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def num_bytes(state: dict[str, Tensor]) -> int:
    """The size of a model's tensors in bytes."""
    return sum(tensor.numel() * tensor.element_size() for tensor in state.values())


resnet8 = partial(small, 3)
resnet10 = partial(small, 4)
resnet18 = partial(torchvision_resnet, "resnet18")
resnet34 = partial(torchvision_resnet, "resnet34")
resnet50 = partial(torchvision_resnet, "resnet50")
