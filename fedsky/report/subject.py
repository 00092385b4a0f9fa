"""One kind of data as the page shows it: which of its groups are drawn, how they look and where the plots go."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from fedsky.language import _

from . import style
from .blocks import Plot, Writer
from .comparisons import Comparison, compare_all
from .groups import ComparableGroups, Group, by_context

MOST_CONTEXTS = 4  # settings of which the page answers and draws; all are in the tables
MOST_GROUPS = 32  # rows of a figure: every strategy that there is, and both baselines


@dataclass(frozen=True)
class Subject:
    """prefix: how the names of its plots and anchors begin; thorough: whether every view is drawn;
    baseline: the group that all others are compared with."""

    kind: ComparableGroups
    shown: list[Group]
    prefix: str
    looks: dict[str, style.Look]
    thorough: bool
    writer: Writer
    baseline: str | None = None

    def plot(
        self, name: str, draw: Callable[[], Figure], alt: str, caption: str, frame: pd.DataFrame, file: str = ""
    ) -> Plot:
        """One of its figures; frame: its numbers, all of which stand in the file."""
        return self.writer.plot(self.prefix + name, draw, alt, caption, frame, file)

    @property
    def comparisons(self) -> list[Comparison]:
        """Those that the page shows, the planned ones first."""
        return compare_all(self.kind, self.baseline)

    @property
    def contexts(self) -> list[tuple[str, list[Group]]]:
        """The shown groups by context."""
        return list(by_context(self.shown).items())

    @property
    def cut(self) -> str:
        """What a reader must know of groups that are not drawn; empty where all are."""
        if len(self.shown) == len(self.kind.groups):
            return ""
        return " " + _(
            "Drawn are {n} of {all} groups; all are in tables/.", n=len(self.shown), all=len(self.kind.groups)
        )


def subject(
    kind: ComparableGroups, prefix: str, writer: Writer, thorough: bool, baseline: str | None = None
) -> Subject:
    """The groups of the first contexts, as many as a figure has room for; numbers never depend on what is shown."""
    shown: list[Group] = []
    for groups in list(kind.contexts.values())[:MOST_CONTEXTS]:
        if not shown or len(shown) + len(groups) <= MOST_GROUPS:
            shown += groups[:MOST_GROUPS]
    looks = style.looks(kind.groups, kind.groups)
    return Subject(kind, shown, prefix, looks, thorough, writer, baseline)


def numbered(name: str, number: int, all_of_them: int) -> str:
    """A figure's name, with its number where there are several."""
    return f"{name}-{number}" if all_of_them > 1 else name
