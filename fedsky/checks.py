"""Checks of the values that a user sets: each returns the value, or raises ValueError with the key and the remedy."""

import math
from collections.abc import Sequence
from typing import Any


def number(
    key: str,
    value: Any,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    hint: str = "",
) -> float:
    """A finite number within its bounds, as a float; ``hint`` ends the refusal."""
    right = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and (at_least is None or value >= at_least)
        and (above is None or value > above)
        and (at_most is None or value <= at_most)
        and (below is None or value < below)
    )
    if not right:
        bounds = [
            f"of {at_least:g} or more" if at_least is not None else "",
            f"above {above:g}" if above is not None else "",
            f"at most {at_most:g}" if at_most is not None else "",
            f"below {below:g}" if below is not None else "",
        ]
        wanted = " and ".join(filter(None, bounds))
        raise ValueError(f"{key}={shown(value)}: a number {wanted} is needed{hint}".replace("  ", " "))
    return float(value)


def whole(key: str, value: Any, at_least: int = 0, at_most: int | None = None, *, of: str = "", hint: str = "") -> int:
    """A whole number within its bounds; ``of`` says what it counts, ``hint`` ends the refusal."""
    right = isinstance(value, int) and not isinstance(value, bool) and value >= at_least
    if not right or (at_most is not None and value > at_most):
        bounds = f"{at_least} or more" if at_most is None else f"{at_least} to {at_most}"
        wanted = f"a whole number of {of}, {bounds}," if of else f"a whole number of {bounds}"
        raise ValueError(f"{key}={shown(value)}: {wanted} is needed{hint}")
    return int(value)


def flag(key: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{key}={shown(value)}: true or false is needed")
    return value


def choice(key: str, value: Any, choices: Sequence[Any]) -> Any:
    """One of the choices; 1 is not taken for true."""
    if not any(value == known and type(value) is type(known) for known in choices):
        raise ValueError(f"{key}={shown(value)}: choose {listed(choices)}")
    return value


def fold(text: Any) -> tuple[int, int]:
    """k and the number of folds of ``"k/folds"``, k counted from 1."""
    head, slash, tail = str(text).partition("/")
    if not (slash and head.isdecimal() and tail.isdecimal() and int(tail) >= 3 and 1 <= int(head) <= int(tail)):
        raise ValueError(f"data.fold={shown(text)}: write k/5 with k from 1 to 5 (or k/n with n of 3 or more)")
    return int(head), int(tail)


def listed(names: Sequence[Any]) -> str:
    """Names as a sentence has them: a, b or c."""
    words = [shown(name) for name in names]
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]])) or "another"


def shown(value: Any) -> str:
    """A value as it is written on the command line."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{','.join(map(shown, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
