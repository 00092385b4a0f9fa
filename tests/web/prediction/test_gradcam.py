import numpy as np
import pytest
import torch
from matplotlib import colormaps
from torch import nn

from fedsky.model import resnet8, resnet18
from fedsky.web.prediction.gradcam import gradcam, last_block, overlay, relative, square_of


class Tiny(nn.Module):
    """One 1 x 1 convolution, the mean over all places, a linear head: Grad-CAM of it can be written down."""

    def __init__(self, mix: torch.Tensor, head: torch.Tensor) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, len(mix), 1, bias=False)
        self.head = nn.Linear(len(mix), len(head), bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(mix[:, :, None, None])
            self.head.weight.copy_(head)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(images).mean(dim=(2, 3)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_map_is_that_of_the_closed_form(target: int, frozen: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    mix, head, images = (torch.randn(shape, generator=generator) for shape in ((4, 3), (2, 4), (1, 3, 5, 6)))
    model = Tiny(mix, head).requires_grad_(not frozen)
    # The logit is the head times the channels' means: its gradient is head / (5 * 6) everywhere.
    channels = torch.einsum("kc,chw->khw", mix, images[0])
    expected = torch.relu(torch.einsum("k,khw->hw", head[target] / 30, channels))
    found = gradcam(model, images, target)
    assert torch.allclose(found, expected, atol=1e-6)
    assert 0 < (expected > 0).float().mean() < 1


@pytest.mark.parametrize("make", [resnet8, resnet18])
def test_it_is_captums(make: object) -> None:
    attr = pytest.importorskip("captum.attr", reason="captum is not installed: pip install --no-deps captum")
    torch.manual_seed(0)
    model = make(num_classes=2).eval()  # type: ignore[operator]
    images = torch.randn(1, 3, 64, 64)
    theirs = attr.LayerGradCam(model, last_block(model)).attribute(images, target=1, relu_attributions=True)[0, 0]
    ours = gradcam(model, images, 1)
    assert ours.shape == theirs.shape and ours.max() > 0
    assert torch.allclose(ours, theirs.detach(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("make", "places"), [(resnet8, 4), (resnet18, 2)])
def test_the_last_block_of_every_resnet_is_found_and_left_as_it_was(make: object, places: int) -> None:
    torch.manual_seed(0)
    model = make(num_classes=2).eval()  # type: ignore[operator]
    images = torch.randn(1, 3, 64, 64)
    before = model(images)
    assert gradcam(model, images, 0).shape == (places, places)
    assert not last_block(model)._forward_hooks
    assert torch.equal(model(images), before)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_network_without_places_is_refused() -> None:
    with pytest.raises(ValueError, match="no convolution"):
        gradcam(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), torch.zeros(1, 3, 2, 2), 0)


def test_a_map_is_scaled_by_its_largest_value() -> None:
    assert relative(torch.tensor([[0.0, 2.0], [1.0, 0.5]])).tolist() == [[0, 1], [0.5, 0.25]]
    assert relative(torch.zeros(2, 2)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("size", [(60, 40), (40, 60), (50, 50)])
def test_the_overlay_covers_the_square_that_was_seen(size: tuple[int, int]) -> None:
    attention = np.array([[1.0, 0.0], [0.0, 0.0]], np.float32)
    picture = np.asarray(overlay(attention, size, colormaps["viridis"]))
    left, top, side = square_of(*size)
    assert picture.shape == (size[1], size[0], 4)
    seen = np.zeros(picture.shape[:2], bool)
    seen[top : top + side, left : left + side] = True
    assert (picture[seen][:, 3] == 255).all() and not picture[~seen].any()
    first, last = picture[top, left, :3].astype(int), picture[top + side - 1, left + side - 1, :3].astype(int)
    assert np.abs(first - [253, 231, 37]).max() < 9 and np.abs(last - [68, 1, 84]).max() < 9  # viridis's ends
