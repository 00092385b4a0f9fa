"""Shows how a collection grows."""

import sys
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fedsky.photographs.collect.collection import Outcome


class Bar:
    """A context whose ``told`` takes the Outcome as it grows: a live bar on stderr in a terminal, else nothing."""

    def __init__(self, title: str, limit: int) -> None:
        self.outcome: Outcome | None = None
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[refused]} refused"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self.task = self.bar.add_task(escape(title), total=limit, refused=0)

    def __enter__(self) -> "Bar":
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def told(self, outcome: Outcome) -> None:
        """Shows what has been kept and refused so far."""
        self.outcome = outcome
        self.bar.update(self.task, completed=outcome.present + outcome.kept, refused=outcome.refused.total())
