"""What a page is made of, and the writer that collects a report's files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from fedsky.history import Run, write_whole
from fedsky.language import _
from fedsky.report.fonts import Spelling

from . import exports, style
from .photographs import Mistake
from .story import Story

MOST_ROWS, MOST_CELLS = 60, 600  # of a table on the page; tables/ has all


@dataclass(frozen=True)
class Sheet:
    """A table of the page. folded: the line to unfold it by, empty where it stands open; cut: what is not shown."""

    title: str
    frame: pd.DataFrame
    folded: str = ""
    cut: str = ""
    kind: str = "sheet"


@dataclass(frozen=True)
class Plot:
    """A figure of the page with what stands around it."""

    name: str
    alt: str
    caption: str
    svg: Markup
    sheet: Sheet
    kind: str = "plot"


@dataclass(frozen=True)
class Text:
    """Sentences: a list, folded where they are many."""

    sentences: Sequence[str]
    folded: str = ""
    title: str = ""
    kind: str = "text"


@dataclass(frozen=True)
class Finding:
    """What all comes to: sentences, and the figure beside them."""

    stories: Sequence[Story]
    plot: Plot
    kind: str = "finding"


@dataclass(frozen=True)
class Plots:
    """Figures beside each other. folded: the line to unfold them by; opened: whether they are unfolded at first."""

    plots: Sequence[Plot]
    folded: str = ""
    opened: bool = False
    kind: str = "plots"


@dataclass(frozen=True)
class Gallery:
    """Small photographs with what was made of them."""

    title: str
    mistakes: Sequence[Mistake]
    kind: str = "gallery"


Block = Sheet | Text | Finding | Plots | Gallery


@dataclass(frozen=True)
class Section:
    """A heading, what must be known to read what follows, and what follows. opened: whether it is unfolded at first."""

    anchor: str
    title: str
    lead: str
    blocks: Sequence[Block]
    opened: bool = False


@dataclass(frozen=True)
class Part:
    """What the page says about one kind of data."""

    anchor: str
    title: str
    sections: Sequence[Section]


def sheet(title: str, frame: pd.DataFrame, folded: str = "", file: str = "", most: int = MOST_ROWS) -> Sheet:
    """A table of the page, its first rows where it is long, fewer where it is wide; file: where all of it is."""
    most = min(most, max(12, MOST_CELLS // max(1, len(frame.columns))))
    if len(frame) <= most:
        return Sheet(title, frame, folded)
    where = _("all are in {file}", file=file) if file else _("the rest is not shown")
    cut = _("The first {n} of {all} rows; {where}.", n=most, all=len(frame), where=where)
    return Sheet(title, frame.head(most), folded, cut)


@dataclass
class Writer:
    """Collects a report's files in memory, so that a failure leaves no half report."""

    files: dict[str, bytes] = field(default_factory=dict)
    frames: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    glyphs: style.Glyphs = field(default_factory=style.Glyphs)
    spelling: Spelling = field(default_factory=Spelling)

    def plot(
        self, name: str, draw: Callable[[], Figure], alt: str, caption: str, frame: pd.DataFrame, file: str = ""
    ) -> Plot:
        """Draws a figure, keeps it as SVG, PNG and PDF, and sets it into the page with its numbers."""
        with style.drawing(self.spelling):
            drawn = style.save(draw())
        self.files[f"plots/{name}.svg"] = drawn.svg.encode()
        self.files[f"plots/{name}.png"] = drawn.png
        self.files[f"plots/{name}.pdf"] = drawn.pdf
        svg = Markup(self.glyphs.inline(drawn.svg, name))  # noqa: S704 - our own drawing
        return Plot(name, alt, caption, svg, sheet(caption, frame, _("The numbers of this plot"), file))

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Keeps a table for tables/NAME.csv, below those of that name before."""
        if len(frame):
            self.frames.setdefault(name, []).append(frame)

    def write(self, out: Path, runs: Mapping[str, Run], asked: Mapping[str, object]) -> None:
        """Writes everything, and the manifest of it, of the runs that it comes from and of what was asked for."""
        for name, frames in self.frames.items():
            self.files[f"tables/{name}.csv"] = exports.csv_bytes(pd.concat(frames))
        self.files["manifest.json"] = exports.manifest_bytes(self.files, runs, asked)
        for place in sorted({(out / name).parent for name in self.files} - {out}):
            if place.is_symlink():
                raise ValueError(f"{place} is a link: name another place for the report by --out")
        earlier = exports.unchanged(out)
        for name, content in sorted(self.files.items()):
            write_whole(out / name, content)
        for name in earlier - set(self.files):  # which would be taken for this report's
            (out / name).unlink(missing_ok=True)
