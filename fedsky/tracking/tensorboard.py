"""TensorBoard: scalars a round, a histogram of the owners' accuracies, and the settings for its HParams tab."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fedsky.history import Row

from .tracker import needs, parameters, scalars


class TensorBoard:
    """Event files in ``log_dir``, or in tensorboard/ of the run's folder; the step is the round."""

    def __init__(self, log_dir: str | None = None) -> None:
        needs("tensorboard", "tensorboard", "tensorboard")
        self.log_dir = log_dir
        self.last: dict[str, float] = {}
        self.writer: Any = None

    def begin(self, folder: Path, info: Row, first: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        place = (
            folder / "tensorboard" if self.log_dir is None else Path(self.log_dir) / folder.parent.name / folder.name
        )
        # What an interrupted run wrote of rounds that are made anew is taken back.
        self.writer = SummaryWriter(str(place), purge_step=first or None)
        if first == 0:
            self.writer.add_text("command", str(info.get("command")), 0)

    def round(self, row: Row, clients: Sequence[Row], seconds: float) -> None:
        import numpy as np

        self.last = scalars(row, seconds)
        for name, value in self.last.items():
            self.writer.add_scalar(name, value, row["round"])
        known = [client["accuracy"] for client in clients if client.get("accuracy") is not None]
        if known:
            self.writer.add_histogram("clients/accuracy", np.asarray(known, np.float64), row["round"])
        self.writer.flush()

    def end(self, info: Row) -> None:
        metrics = {f"final/{name}": value for name, value in self.last.items()}
        settings = parameters(info["config"]) | {"status": str(info["status"])}
        self.writer.add_hparams(settings, metrics, run_name=".")
        self.writer.close()
