"""MLflow: a run with parameters, metrics by step, tags, and the run folder's small files as artifacts."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fedsky.history import DONE, INTERRUPTED, Row, write_json

from .tracker import needs, parameters, scalars

LONGEST = 500  # characters of a parameter that every MLflow server takes
ARTIFACTS = ("run.json", "rounds.jsonl", "clients.jsonl", "partition.json", "predictions.csv", "model.safetensors")


class MLflow:
    """A run of ``experiment`` at ``tracking_uri``; a resumed run goes on with the same MLflow run."""

    def __init__(self, experiment: str = "fedsky", tracking_uri: str | None = None) -> None:
        needs("mlflow", "mlflow-skinny", "mlflow")
        self.experiment = experiment
        self.uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
        self.folder = Path()
        self.client: Any = None
        self.run_id = ""

    def begin(self, folder: Path, info: Row, first: int) -> None:
        from mlflow.tracking import MlflowClient

        self.folder, self.client = folder, MlflowClient(self.uri)
        kept = folder / "mlflow.json"
        if first and kept.is_file():
            import json

            self.run_id = json.loads(kept.read_text(encoding="utf-8"))["run_id"]
            self.client.update_run(self.run_id, status="RUNNING")
            return
        found = self.client.get_experiment_by_name(self.experiment)
        number = found.experiment_id if found else self.client.create_experiment(self.experiment)
        tags = {
            "mlflow.source.name": "fedsky",
            "mlflow.source.git.commit": str(info.get("commit")),
            "fedsky.command": str(info.get("command")),
            "fedsky.folder": str(folder.absolute()),
        }
        run = self.client.create_run(number, run_name=f"{folder.parent.name}/{folder.name}", tags=tags)
        self.run_id = run.info.run_id
        write_json(kept, {"run_id": self.run_id})
        for key, value in parameters(info["config"]).items():
            self.client.log_param(self.run_id, key, str(value)[:LONGEST])

    def round(self, row: Row, clients: Sequence[Row], seconds: float) -> None:
        from mlflow.entities import Metric

        now, step = int(time.time() * 1000), row["round"]
        values = scalars(row, seconds)
        values |= {
            f"clients/{client['client']}/accuracy": client["accuracy"]
            for client in clients
            if client.get("accuracy") is not None
        }
        self.client.log_batch(self.run_id, metrics=[Metric(name, value, now, step) for name, value in values.items()])

    def end(self, info: Row) -> None:
        for name in ARTIFACTS:
            if (self.folder / name).is_file():
                self.client.log_artifact(self.run_id, str(self.folder / name))
        status = {DONE: "FINISHED", INTERRUPTED: "KILLED"}.get(str(info["status"]), "FAILED")
        self.client.set_terminated(self.run_id, status)
