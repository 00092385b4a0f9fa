"""Where in a photograph a network looked: Grad-CAM (Selvaraju et al. 2017, equations 1 and 2).

The weight of a channel is the mean over all places of the gradient of the class's logit with respect to it; the map is
the positive part of the channels' weighted sum, at the last convolutional block.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from fedsky.language import _
from fedsky.model import BasicBlock

Floats = NDArray[np.float32]


def last_block(model: nn.Module) -> nn.Module:
    """The last residual block of a ResNet; of another network the last convolution. ValueError where there is none."""
    from torchvision.models import resnet  # seconds, as torch's compiler comes with it

    for kinds in ((BasicBlock, resnet.BasicBlock, resnet.Bottleneck), (nn.Conv2d,)):
        found = [module for module in model.modules() if isinstance(module, kinds)]
        if found:
            return found[-1]
    raise ValueError(_("This model has no convolution, so that there is no place in a picture that it looks at."))


def gradcam(model: nn.Module, images: Tensor, target: int) -> Tensor:
    """The map [h, w] of one image [1, 3, size, size] for the class ``target``, not below 0 and not scaled."""
    kept: list[Tensor] = []

    def keep(_: nn.Module, __: object, output: Tensor) -> Tensor:
        if not output.requires_grad:  # a model whose weights are frozen
            output = output.detach().requires_grad_()
        kept.append(output)
        return output

    handle = last_block(model).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            logits = model(images)
            (gradient,) = torch.autograd.grad(logits[0, target], kept[0])
    finally:
        handle.remove()
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return torch.relu((weights * kept[0]).sum(dim=1))[0].detach()


def relative(attention: Tensor) -> Floats:
    """A map scaled to [0, 1] by its largest value; all 0 where nothing speaks for the class."""
    values: Floats = attention.numpy().astype(np.float32)
    largest = float(values.max())
    return values / largest if largest > 0 else np.zeros_like(values)


def square_of(width: int, height: int) -> tuple[int, int, int]:
    """Left, top and side in pixels of the square in the middle of a photograph, all that a model sees of it."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side


def overlay(attention: Floats, size: tuple[int, int], colours: Callable[[Floats], NDArray[np.float64]]) -> Image.Image:
    """A map [h, w] in [0, 1] as an RGBA picture of a photograph's ``size`` (width, height), clear where nothing was
    seen. ``colours`` gives RGBA in [0, 1] for values, as matplotlib's colour maps do."""
    left, top, side = square_of(*size)
    smooth = Image.fromarray(attention).resize((side, side), Image.Resampling.BICUBIC)
    rgba = colours(np.asarray(smooth).clip(0, 1))
    picture = Image.new("RGBA", size)
    picture.paste(Image.fromarray((rgba * 255).round().astype(np.uint8)), (left, top))
    return picture
