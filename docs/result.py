"""What the committed reference runs measured, by the report's own functions: rows of tables, and a picture."""

import re
from functools import cache
from pathlib import Path

from fedsky import language
from fedsky.report import plots, style
from fedsky.report.comparisons import Comparison, compare_all
from fedsky.report.groups import ComparableGroups, Group
from fedsky.report.means import mean
from fedsky.report.selection import select
from fedsky.report.statistics import Estimate
from fedsky.report.story import gains, stories
from fedsky.report.words import fixed, signed

ALONE, POOLED = "local", "centralized"
METRIC = "balanced_accuracy"
ROW = re.compile(r"\| *(?P<name>[^|]*`(?P<strategy>\w+)`[^|]*)\|")


@cache
def kind(folder: Path) -> ComparableGroups:
    """The runs under a folder; ValueError unless all may be compared."""
    kinds = select([folder]).kinds
    if len(kinds) != 1:
        raise ValueError(f"{folder}: {len(kinds)} kinds of data; one is needed")
    return kinds[0]


def groups(folder: Path) -> dict[str, Group]:
    """The strategies of the runs under a folder, in the report's order."""
    return {group.strategy: group for group in kind(folder).groups}


def comparison(folder: Path, first: str, second: str) -> Comparison:
    """The report's comparison of two strategies, in the order in which it is made."""
    found = {frozenset((each.first.strategy, each.second.strategy)): each for each in compare_all(kind(folder))}
    return found[frozenset((first, second))]


def rows(folder: Path, old: str) -> str:
    """A Markdown table whose rows name strategies, its other columns computed anew, as many of them as it has.

    They are: balanced accuracy in percent; minus training alone, in points, with the report's 95 % interval; the same
    minus pooled training.
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
    found = mean(groups(folder)[strategy], METRIC)
    cells = ["" if found is None else f"{fixed(100 * found.value)} %"]
    for other in (ALONE, POOLED):
        if strategy == other:
            cells.append("")
        else:
            pair = comparison(folder, strategy, other)
            sign = 1 if pair.first.strategy == strategy else -1
            cells.append(_points(pair.difference, sign))
    return cells


def _points(estimate: Estimate | None, sign: int) -> str:
    if estimate is None:
        return ""
    points = estimate.scaled(100 * sign)
    if points.low is None or points.high is None:
        return f"{signed(points.value)}"
    return f"{signed(points.value)} [{signed(points.low)}, {signed(points.high)}]"


def story(lang: str, folder: Path) -> str:
    """What the runs under a folder come to, in the report's sentences, one a line."""
    with language.use(lang):
        [told] = stories(kind(folder))
    first, *rest = told.sentences
    return "\n".join([f"**{first}**", *rest])


def picture(folder: Path) -> str:
    """The report's first plot, how much better than alone everybody is, as SVG."""
    found = kind(folder)
    looks = style.looks(found.groups, found.groups)
    with style.drawing():
        return style.save(plots.story(gains(found), looks)).svg
