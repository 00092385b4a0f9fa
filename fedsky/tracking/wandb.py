"""Weights & Biases: a run with its configuration, and a row of metrics a round."""

import hashlib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from fedsky.history import DONE, Row

from .tracker import needs, scalars


class WandB:
    """A run of ``project``; ``mode`` offline leaves files for ``wandb sync`` in the run's folder, online sends them."""

    def __init__(self, project: str = "fedsky", mode: str = "offline") -> None:
        if mode not in ("offline", "online"):
            raise ValueError(f"tracking.mode={mode}: choose offline or online")
        needs("wandb", "wandb", "wandb")
        self.project, self.mode = project, mode
        self.run: Any = None

    def begin(self, folder: Path, info: Row, first: int) -> None:
        wandb: Any = import_module("wandb")

        # The folder and the start name the run, so that a resumed one goes on with it.
        name = hashlib.sha256(f"{folder.resolve()} {info['started'] if not first else ''}".encode()).hexdigest()[:16]
        kept = folder / "wandb.id"
        if first and kept.is_file():
            name = kept.read_text(encoding="utf-8").strip()
        kept.write_text(name + "\n", encoding="utf-8")
        self.run = wandb.init(
            project=self.project,
            mode=self.mode,
            id=name,
            resume="allow",
            dir=str(folder),
            config=info["config"],
            name=f"{folder.parent.name}/{folder.name}",
            settings=wandb.Settings(silent=True, disable_git=True),
        )

    def round(self, row: Row, clients: Sequence[Row], seconds: float) -> None:
        values = scalars(row, seconds)
        known = {f"clients/{client['client']}/accuracy": client.get("accuracy") for client in clients}
        self.run.log(values | {name: value for name, value in known.items() if value is not None}, step=row["round"])

    def end(self, info: Row) -> None:
        self.run.summary["status"] = str(info["status"])
        self.run.finish(exit_code=0 if info["status"] == DONE else 1)
