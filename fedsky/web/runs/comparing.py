"""Comparisons of runs: asked of the report in a process of its own, and kept until a run of theirs changes."""

import base64
import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedsky.web.isolated import IsolatedProcess

from .answers import Answer, Answers
from .index import Index
from .keeping import Keeping
from .rows import Row
from .tasks import Asked

# What the process bears well, on two cores (python -m benchmarks.comparisons): 500 repetitions of 20 settings
# take 5 s and 0.4 MB of answer; each of its own settings, 14 s and 1.4 MB; of 200 rounds each, 8 s and 2.6 MB (packed
# 0.09). A figure takes as long again, the report a minute; the process 270 MB of memory, with the report 350.
MOST_RUNS = 500
WAITING, OF_ONE = 12, 4  # requests that may wait for a comparison, of all and of one visitor
WAITING_FOR_REPORTS = 3  # one of a visitor
PROCESS = ("-m", "fedsky.web.runs.tasks")
SECONDS, REPORT_SECONDS = 120.0, 600.0  # that one may take
ROOM = 200_000_000  # bytes of kept files


@dataclass(frozen=True)
class Chosen:
    """A comparison that is asked for, with all that its answer depends on. names: run ids by folder name.

    who: asks for it, which its answer does not depend on.
    """

    asked: Asked
    key: tuple[Any, ...]
    names: dict[str, str]
    who: str = ""


class Comparing:
    """The comparisons of one site."""

    def __init__(self, index: Index, folder: Path, hide: Callable[[bytes], bytes] = bytes) -> None:
        self.index, self.answers = index, Answers(most=WAITING, hide=hide)
        self.keeping = Keeping(folder, ROOM)
        self.quick = IsolatedProcess("a comparison", PROCESS, seconds=SECONDS, most=WAITING, each=OF_ONE)
        self.slow = IsolatedProcess(
            "a comparison's report", PROCESS, seconds=REPORT_SECONDS, most=WAITING_FOR_REPORTS, each=1
        )

    def choose(self, rows: list[Row], who: str = "", **options: Any) -> Chosen:
        """A comparison of these runs for a visitor."""
        found = [each for row in rows if (each := self.index.found(row.id)) is not None]
        found.sort(key=lambda each: each.folder)
        names: dict[str, str] = {}
        for each in found:
            names[each.folder.name] = each.id if each.folder.name not in names else ""
        asked = Asked(tuple(each.folder for each in found), **options)
        key = (*((each.id, each.stamp) for each in found), *sorted(options.items()))
        return Chosen(asked, key, {name: id for name, id in names.items() if id}, who)

    def compare(self, chosen: Chosen) -> dict[str, Any]:
        """The comparison, from memory, from disk, or made now; ``run_ids`` leads from its runs' names to their ids."""
        path = self.keeping.path(("compare", *chosen.key), "json")
        kept = self.keeping.get(path)
        if kept is None:
            made = self.quick.ask({"name": "compare", "asked": chosen.asked.to_json()}, who=chosen.who)
            kept = json.dumps({**made, "run_ids": chosen.names}).encode()
            self.keeping.put(path, kept)
        value = json.loads(kept)
        assert isinstance(value, dict)
        return value

    def answer(self, chosen: Chosen) -> Answer:
        """The comparison as it is sent."""
        return self.answers.get(("compare", *chosen.key), lambda: self.compare(chosen))

    def mean(self, rows: Sequence[Row], metric: str, who: str = "") -> dict[str, Any]:
        """The mean of runs that repeat one experiment, {value, low, high, n}, from disk, or made now for a visitor."""
        found = sorted(
            (each for row in rows if (each := self.index.found(row.id)) is not None), key=lambda each: each.folder
        )
        path = self.keeping.path(("mean", metric, *((each.id, each.stamp) for each in found)), "json")
        kept = self.keeping.get(path)
        if kept is None:
            asked = Asked(tuple(each.folder for each in found), metric=metric)
            kept = json.dumps(self.quick.ask({"name": "mean", "asked": asked.to_json()}, who=who)).encode()
            self.keeping.put(path, kept)
        value = json.loads(kept)
        assert isinstance(value, dict)
        return value

    def figure(self, chosen: Chosen, plot: str, number: int, format: str) -> bytes:
        """A figure of the comparison."""
        path = self.keeping.path(("draw", plot, number, *chosen.key), format)
        kept = self.keeping.get(path)
        if kept is None:
            task = {"name": "draw", "asked": chosen.asked.to_json(), "plot": plot, "number": number, "format": format}
            kept = base64.b64decode(self.quick.ask(task, who=chosen.who)["figure"])
            self.keeping.put(path, kept)
        return kept

    def report(self, chosen: Chosen) -> Path:
        """The zip file of the whole report."""
        path = self.keeping.path(("report", *chosen.key), "zip")
        if self.keeping.get(path) is None:
            task = {"name": "report", "asked": chosen.asked.to_json(), "target": str(path)}
            self.slow.ask(task, who=chosen.who)
            self.keeping.tidy()
        return path

    def close(self) -> None:
        """Ends its processes."""
        self.quick.close()
        self.slow.close()


COLUMNS = (
    "table",
    "data",
    "group",
    "strategy",
    "metric",
    "axis",
    "seed",
    "data_seed",
    "fold",
    "x",
    "value",
    "low",
    "high",
    "n",
)


def as_csv(comparison: dict[str, Any], metric: str, axis: str) -> str:
    """A comparison's curves (means and single runs) and last rounds as one long table."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in _long(comparison, metric, axis):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return buffer.getvalue()


def _long(comparison: dict[str, Any], metric: str, axis: str) -> Iterator[dict[str, Any]]:
    for kind in comparison["kinds"]:
        for group in kind["groups"]:
            about = {"data": kind["title"], "group": group["label"], "strategy": group["strategy"]}
            for name, final in group["final"].items():
                yield {"table": "final", **about, "metric": name, **final}
            curve, shown = group["curve"], {**about, "metric": metric, "axis": axis}
            for x, value, low, high in zip(curve["x"], curve["mean"], curve["low"], curve["high"], strict=True):
                yield {"table": "mean", **shown, "x": x, "value": value, "low": low, "high": high, "n": group["n"]}
            for run in curve["runs"]:
                for x, value in zip(run["x"], run["y"], strict=True):
                    yield {"table": "run", **shown, **run["key"], "x": x, "value": value, "n": 1}


def _harmless(cell: Any) -> Any:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
