"""Tells which setting what ``_target_`` names cannot use: for strategies, models, data and partitions of one's own."""

import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra.utils

from fedsky.checks import shown

# What a setting of a simple kind may be, and how a refusal says so; true and false are no numbers.
KINDS: dict[Any, tuple[tuple[type, ...], str]] = {
    float: ((int, float), "a number"),
    int: ((int,), "a whole number"),
    bool: ((bool,), "true or false"),
    str: ((str,), "a text"),
    types.NoneType: ((types.NoneType,), "null"),
}
UNUSABLE = (TypeError, ValueError, AttributeError, AssertionError, ArithmeticError)
CONVERTED = ("could not convert string to float", "invalid literal for int()")  # Python's words, of float() and int()


def found(target: str) -> Any:
    """What a dotted name names; None where there is nothing of that name."""
    try:
        return hydra.utils.get_object(target)
    except Exception:  # whatever its module does as it is imported: Hydra has told it
        return None


@contextmanager
def telling(group: str, settings: Mapping[str, Any], target: Any) -> Iterator[None]:
    """Within it a value that ``target`` cannot use is a ValueError with its key, the value and the file of the code."""
    try:
        yield
    except UNUSABLE as error:
        if isinstance(error, ValueError) and not str(error).startswith(CONVERTED):
            raise  # one that has its remedy
        wrong = mismatch(group, settings, target)
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(wrong or f"{_blamed(group, settings, reason)}: {reason} ({place(target, error)})") from error


def mismatch(group: str, settings: Mapping[str, Any], target: Any) -> str | None:
    """What is wrong with the first setting that is not of the kind that the code says; None where all are."""
    for key, kind in _hints(target).items():
        if key not in settings:
            continue
        kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
        if not all(isinstance(each, typing.Hashable) and each in KINDS for each in kinds):
            continue
        value = settings[key]
        right = [KINDS[each] for each in kinds]
        if not any(isinstance(value, known) and (isinstance(value, bool) == (bool in known)) for known, _ in right):
            words = " or ".join(word for _, word in right)
            return f"{_key(group, key)}={shown(value)}: {words} is needed ({place(target)})"
    return None


def place(target: Any, error: BaseException | None = None) -> str:
    """The file of the code that was called, as seen from here, with the line of an error in it."""
    try:
        path = Path(inspect.getsourcefile(target) or "")
    except TypeError:  # of what is written in C
        return getattr(target, "__qualname__", str(target))
    line, trace = "", error.__traceback__ if error is not None else None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    here = Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path.name}{line}"


def _hints(target: Any) -> dict[str, Any]:
    code = target
    if isinstance(target, type):
        code = next(vars(each)["__init__"] for each in target.__mro__ if "__init__" in vars(each))
    try:
        return typing.get_type_hints(code)
    except (NameError, TypeError, AttributeError):  # names that only a type checker knows
        return {}


def _blamed(group: str, settings: Mapping[str, Any], reason: str) -> str:
    """The settings that an error speaks of, by key or value; all of them where it speaks of none."""
    own = {key: value for key, value in settings.items() if not key.startswith("_")}
    named = {key: value for key, value in own.items() if f"'{key}'" in reason or repr(value) in reason} or {
        key: value for key, value in own.items() if isinstance(value, str)
    }
    return ", ".join(f"{_key(group, key)}={shown(value)}" for key, value in (named or own).items()) or group


def _key(group: str, key: str) -> str:
    return f"{group}.{key}" if group else key
