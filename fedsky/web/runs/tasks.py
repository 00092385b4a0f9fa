"""What a comparison asks of the report, a process of its own: statistics, a figure, a whole report.

The numbers are fedsky.report's; nothing is computed here. ``python -m fedsky.web.runs.tasks`` is the process, as
matplotlib's settings are one for a whole process; fedsky.web.isolated says what bounds it.
"""

import base64
import shutil
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedsky.history import Run, write_whole
from fedsky.web.isolated import Work, serve

from .scan import unsafe

if TYPE_CHECKING:
    from fedsky.report.selection import Choice

ROOM_BYTES = 2_000_000_000  # of memory, above what it has when the report's libraries are loaded
PLOTS = ("curves", "final", "owners")


@dataclass(frozen=True)
class Asked:
    """A comparison of run folders; the words are those of fedsky.report.summary.compare."""

    folders: tuple[Path, ...]
    metric: str = "balanced_accuracy"
    x: str = "round"
    group_by: str = ""
    baseline: str = ""
    margin: float = 2.0  # points of accuracy
    lang: str = "en"

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Asked":
        return cls(**told | {"folders": tuple(map(Path, told["folders"]))})

    def to_json(self) -> dict[str, Any]:
        """As it is sent to the process."""
        return asdict(self) | {"folders": list(map(str, self.folders))}

    def choice(self) -> "Choice":
        """As the report takes it."""
        from fedsky.report.keys import split_keys
        from fedsky.report.selection import Choice

        return Choice(tuple(split_keys(self.group_by)), (), self.baseline or None, self.margin / 100)

    def readable(self) -> list[Path | Run]:
        """The folders, and in place of those that must not be read runs without a row, whose problems say why."""
        return [Run(each, {}, problems=wrong) if (wrong := unsafe(each)) else each for each in self.folders]


def compare(asked: Asked) -> dict[str, Any]:
    """The comparison as one JSON value."""
    from fedsky.report import summary

    return summary.compare(
        asked.readable(),
        metric=asked.metric,
        x=asked.x,
        lang=asked.lang,
        group_by=asked.group_by or None,
        baseline=asked.baseline or None,
        margin=asked.margin / 100,
    )


def mean(asked: Asked) -> dict[str, Any]:
    """The report's mean of runs that repeat one experiment, with its interval."""
    from fedsky.report import summary

    return summary.group_mean(asked.readable(), asked.metric)


def draw(asked: Asked, plot: str, number: int, format: str) -> bytes:
    """A figure of the comparison's kind of data of that number, as SVG or PNG; ValueError where there is none."""
    from fedsky import language
    from fedsky.report import plots, style, tables
    from fedsky.report.selection import select
    from fedsky.report.views import curves

    with language.use(asked.lang), style.drawing():
        kinds = select(asked.readable(), asked.choice()).kinds
        if number >= len(kinds):
            raise ValueError(f"kind={number}: the comparison has {len(kinds)} kinds of data")
        kind = kinds[number]
        looks = style.looks(kind.groups, kind.groups)
        if plot == "curves":
            rounds, spent = tables.rounds_table(kind, kind.groups, asked.metric), curves.spent_table(kind)
            found, _ = curves.curves(rounds, spent, kind.groups, asked.metric, asked.x)
            if not found:
                raise ValueError(f"x={asked.x}: no run tells it")
            figure = plots.curves(found, asked.metric, asked.x, looks)
        elif plot == "final":
            figure = plots.final(kind.groups, looks)
        else:
            figure = plots.owners(tables.owners_table(kind, kind.groups), kind.groups, looks)
        style.lay_out(figure)
        return style.as_png(figure) if format == "png" else style.as_svg(figure).encode()


def report(asked: Asked, target: Path) -> None:
    """Writes the whole report of the comparison as one zip file; it appears whole or not at all."""
    from fedsky.report.page import write_report

    with tempfile.TemporaryDirectory(prefix="fedsky-report-") as place:
        out = Path(place) / "report"
        folders = [each for each in asked.readable() if isinstance(each, Path)]
        write_report(folders, out, asked.choice(), asked.lang)
        packed = Path(place) / "report.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in out.rglob("*") if path.is_file()):
                entry = zipfile.ZipInfo(f"report/{path.relative_to(out)}")  # without times: the same bytes each time
                entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
        write_whole(target, packed.read_bytes())
        shutil.rmtree(out)


def begin() -> Work:
    """Loads what the report needs; returns what does a task."""
    import fedsky.report.page
    import fedsky.report.summary  # noqa: F401

    return do


def do(task: dict[str, Any], _: bytes) -> dict[str, Any]:
    """A task, as ``comparing.Comparing`` asks for it."""
    asked = Asked.from_json(task["asked"])
    if task["name"] == "compare":
        return compare(asked)
    if task["name"] == "mean":
        return mean(asked)
    if task["name"] == "draw":
        return {"figure": base64.b64encode(draw(asked, task["plot"], task["number"], task["format"])).decode()}
    report(asked, Path(task["target"]))
    return {}


if __name__ == "__main__":
    serve(begin, ROOM_BYTES)
