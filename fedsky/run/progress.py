"""Shows how a run goes on: a live bar in a terminal, one line a round in a log."""

import logging
import sys
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LOG = logging.getLogger("fedsky")


def number(value: Any, digits: int = 4) -> str:
    """A metric for a screen; a dash where there is none."""
    return f"{value:.{digits}f}" if isinstance(value, float | int) and value == value else "–"


class Display:
    """A context in which ``round`` tells of each round as it ends. In a terminal the lines go to the log alone."""

    def __init__(self, title: str, num_rounds: int) -> None:
        self.live = sys.stderr.isatty()
        self.num_rounds = num_rounds
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not self.live,
        )
        self.task = self.bar.add_task(title, total=num_rounds, figures="starting")

    def __enter__(self) -> "Display":
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def round(self, row: dict[str, Any], seconds: float) -> None:
        """Tells of one round: its row of rounds.jsonl and the seconds that it took."""
        figures = f"loss {number(row['loss'])}  accuracy {number(row['accuracy'])}"
        self.bar.update(self.task, completed=row["round"], figures=figures)
        megabytes = (row["bytes_up"] + row["bytes_down"]) / 1e6
        LOG.log(
            logging.DEBUG if self.live else logging.INFO,
            "round %d/%d  %s  validation %s  train loss %s  %d clients  %.1f MB  %.1f s",
            row["round"],
            self.num_rounds,
            figures,
            number(row["validation_accuracy"]),
            number(row["train_loss"]),
            row["num_trained"],
            megabytes,
            seconds,
        )
