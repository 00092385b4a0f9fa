"""What conf/ says of a setting behind its value: what it means, the launch form's bounds, the range to tune it in.

A comment ends with ``[0 to 10 by 0.001]``, the bounds and the step of the form; with ``[tuned 0.001 to 1 in log]``,
the range in which ``python -m fedsky.tune`` looks for the best value, by its logarithm or, without ``in log``, evenly;
or with both: ``[0 to 10 by 0.001, tuned 0.001 to 1 in log]``.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_NUMBER = r"[\d.]+"
_FORM = rf"(?P<low>{_NUMBER}) to (?P<high>{_NUMBER}) by (?P<step>{_NUMBER})"
_TUNED = rf"tuned (?P<least>{_NUMBER}) to (?P<most>{_NUMBER})(?P<log> in log)?"
BOUNDS = re.compile(rf"\s*\[(?:{_FORM}(?:, {_TUNED})?|{_TUNED.replace('?P<', '?P<only_')})\]$")


@dataclass(frozen=True)
class Range:
    """Where a setting's best value is looked for, both ends included; log: by its logarithm."""

    low: float
    high: float
    log: bool


def comments(path: Path) -> dict[str, str]:
    """What a file of conf/ says of each of its own keys, behind its value."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        setting, mark, comment = line.partition("#")
        key, colon, _ = setting.partition(":")
        if mark and colon and key and not key.startswith(" "):
            found[key] = comment.strip()
    return found


def meaning(comment: str) -> str:
    """A comment without bounds and range."""
    return BOUNDS.sub("", comment)


def bounds(comment: str) -> tuple[str, str, str] | None:
    """The form's least value, greatest value and step, as they are written; None where the form has not the setting."""
    found = BOUNDS.search(comment)
    return (found["low"], found["high"], found["step"]) if found and found["step"] else None


def tuned(comment: str) -> Range | None:
    """The range that a setting is tuned in; None where it is not."""
    found = BOUNDS.search(comment)
    if found is None:
        return None
    only = "only_" if found["only_most"] else ""
    if found[f"{only}most"] is None:
        return None
    return Range(float(found[f"{only}least"]), float(found[f"{only}most"]), found[f"{only}log"] is not None)
