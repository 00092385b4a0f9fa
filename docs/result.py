"""What the committed reference runs measured, by the report's own functions: rows of tables, and a picture."""

import re
from functools import cache
from pathlib import Path

from fedsky.report import plots, style
from fedsky.report.comparisons import compare, joining
from fedsky.report.groups import Group
from fedsky.report.selection import select
from fedsky.report.statistics import Estimate
from fedsky.report.words import fixed

ALONE, POOLED = "local", "centralized"
METRIC = "balanced_accuracy"
ROW = re.compile(r"\| *(?P<name>[^|]*`(?P<strategy>\w+)`[^|]*)\|")


@cache
def groups(folder: Path) -> dict[str, Group]:
    """The strategies of the runs under a folder, in the report's order; ValueError unless all may be compared."""
    kinds = select([folder]).kinds
    if len(kinds) != 1:
        raise ValueError(f"{folder}: {len(kinds)} kinds of data; one is needed")
    return {group.strategy: group for group in kinds[0].groups}


def rows(folder: Path, old: str) -> str:
    """A Markdown table whose rows name strategies, its other columns computed anew, as many of them as it has.

    They are: balanced accuracy in percent; minus training alone, in points, with the 95 % interval over runs; the same
    with that over test images; minus pooled training, with both.
    """
    lines = []
    for line in old.splitlines():
        row = ROW.match(line)
        if row is None:
            lines.append(line)
            continue
        cells = [row["name"].strip(), *_cells(folder, row["strategy"])]
        lines.append("| " + " | ".join(cells[: line.count("|") - 1]) + " |")
    return "\n".join(lines)


@cache
def _cells(folder: Path, strategy: str) -> list[str]:
    found = groups(folder)
    group = found[strategy]
    mean = group.mean(METRIC)
    cells = ["" if mean is None else f"{fixed(100 * mean.value)} %"]
    for other in (ALONE, POOLED):
        if strategy == other:
            cells += ["", ""]
        else:
            difference = compare(group, found[other])
            cells += [_points(difference.runs), _points(difference.images)]
    return cells


def _points(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    points = estimate.scaled(100)
    if points.low is None or points.high is None:
        return f"{_signed(points.value)}"
    return f"{_signed(points.value)} [{_signed(points.low)}, {_signed(points.high)}]"


def _signed(value: float) -> str:
    text = fixed(value)
    return text if text.startswith("-") or float(text) == 0 else f"+{text}"


def picture(folder: Path) -> str:
    """The report's plot of who gains by joining, as SVG."""
    found = groups(folder)
    looks = style.looks(found.values(), found.values())
    with style.drawing():
        return style.save(plots.joining(joining(list(found.values())), looks)).svg
