"""``model.freeze``: parameters that stay as they start; they are neither trained nor sent.

A layer of BatchNorm whose own parameters are frozen keeps its running statistics, too, and normalises by them.
"""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

BACKBONE = "backbone"


def freeze(model: nn.Module, asked: Any) -> None:
    """Freezes the parameters of a pattern, such as ``layer1.*``, of several, or ``backbone``: all but the head's.

    The head is the last module that has parameters of its own. ValueError where no name fits, or all do.
    """
    if asked is None:
        return
    patterns = asked if isinstance(asked, list) else [asked]
    names = [name for name, _ in model.named_parameters()]
    head = head_of(model)
    chosen: set[str] = set()
    for pattern in patterns:
        fits = [
            name for name in names if (name not in head if pattern == BACKBONE else fnmatchcase(name, str(pattern)))
        ]
        if not fits:
            raise ValueError(f"model.freeze={pattern}: no parameter is called so; they are {_few(names)}")
        chosen |= set(fits)
    if len(chosen) == len(names):
        raise ValueError(f"model.freeze={','.join(map(str, patterns))}: nothing is left to train; leave {head[0]} out")
    for name, parameter in model.named_parameters():
        if name in chosen:
            parameter.requires_grad_(False)
    for place, module in model.named_modules():
        own = _own(place, module.named_parameters(recurse=False))
        if own and set(own) <= chosen:
            chosen |= set(_own(place, module.named_buffers(recurse=False)))
    model.frozen = frozenset(each for each in model.state_dict() if each in chosen)  # type: ignore[assignment]


def head_of(model: nn.Module) -> list[str]:
    """The names of the head's parameters, in order."""
    return [
        own for place, module in model.named_modules() if (own := _own(place, module.named_parameters(recurse=False)))
    ][-1]


def frozen(model: nn.Module) -> Collection[str]:
    """The names of the arrays of a model that stay as they start."""
    names: Collection[str] = getattr(model, "frozen", frozenset())
    return names


def training_mode(model: nn.Module) -> nn.Module:
    """The model in training mode, but for what is frozen of its BatchNorm."""
    model.train()
    fixed = frozen(model)
    for name, module in model.named_modules():
        if f"{name}.running_mean" in fixed:
            module.eval()
    return model


def _own(place: str, named: Iterable[tuple[str, Any]]) -> list[str]:
    return [f"{place}.{name}" if place else name for name, _ in named]


def _few(names: list[str]) -> str:
    return ", ".join(names if len(names) <= 8 else [*names[:4], "...", *names[-3:]])
