"""Any classifier of torchvision or timm, with a head for the classes at hand."""

from typing import Any

from torch import nn

from fedsky.checks import listed
from fedsky.config import start


def torchvision_model(name: str, num_classes: int, weights: str | None = None) -> nn.Module:
    """torchvision's classifier of a name; ``weights`` is torchvision's word for those of ImageNet, such as DEFAULT."""
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise ValueError(f"model.name={name}: torchvision has no such classifier; choose {listed(_near(name, known))}")
    # These two have heads for training alone, whose outputs nothing here takes.
    more: dict[str, Any] = {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    if weights is None:
        made: nn.Module = models.get_model(name, num_classes=num_classes, **more)
        return made
    start.check_name(weights, name, [weight.name for weight in models.get_model_weights(name)])
    pretrained: Any = models.get_model(name, weights=weights)
    if more:
        pretrained.aux_logits, pretrained.aux1, pretrained.aux2, pretrained.AuxLogits = False, None, None, None
    return _with_head(pretrained, num_classes)


def timm_model(name: str, num_classes: int, weights: bool | None = None) -> nn.Module:
    """timm's model of a name; ``weights`` true: with those that timm knows, downloaded."""
    try:
        import timm
    except ImportError as error:
        raise ValueError("model=timm needs timm, which is missing: python -m pip install 'fedsky[timm]'") from error
    if name not in timm.list_models():
        near = _near(name, timm.list_models())
        raise ValueError(f"model.name={name}: timm has no such model; choose {listed(near)}")
    if weights not in (None, True, False):
        raise ValueError(f"model.weights={weights}: choose true, null or a file ({', '.join(start.FORMS)})")
    made: nn.Module = timm.create_model(name, pretrained=bool(weights), num_classes=num_classes)
    return made


def _with_head(model: nn.Module, num_classes: int) -> nn.Module:
    """The model with its last layer, linear or a convolution of 1 x 1, made anew for so many classes."""
    name, last = [(name, each) for name, each in model.named_modules() if isinstance(each, nn.Linear | nn.Conv2d)][-1]
    above, _, key = name.rpartition(".")
    made: nn.Module
    if isinstance(last, nn.Linear):
        made = nn.Linear(last.in_features, num_classes, bias=last.bias is not None)
    else:
        made = nn.Conv2d(last.in_channels, num_classes, kernel_size=1)
    setattr(model.get_submodule(above), key, made)
    return model


def _near(name: str, known: list[str]) -> list[str]:
    import difflib

    return difflib.get_close_matches(name, known, n=5, cutoff=0.3) or known[:5]
