"""Runs written to trackers, read back with the trackers' own readers; and trackers that fail or hang."""

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from run_files import rows_of

from fedsky.config import compose, resolve
from fedsky.config.permitted import Word
from fedsky.history import Row
from fedsky.resume import resume
from fedsky.run import run
from fedsky.tracking import Background

QUICK = ["engine=inline", "num_rounds=2", "num_clients=2", "partition.min_examples=5", "data.count=40", "data.size=32"]
# MLflow's own models, under the SQLAlchemy that flwr brings.
MLFLOWS_OWN = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
SAME = ("rounds.jsonl", "clients.jsonl", "predictions.csv")


def test_tensorboard_has_every_round(tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run(resolve(compose([*QUICK, "tracking=tensorboard"])), tmp_path / "run")
    events = reader.EventAccumulator(str(tmp_path / "run" / "tensorboard"), {"histograms": 0}).Reload()
    read = {event.step: event.value for event in events.Scalars("test/accuracy")}
    assert read == {row["round"]: pytest.approx(row["accuracy"]) for row in rows_of(tmp_path / "run", "rounds")}
    assert len(events.Histograms("clients/accuracy")) == 3
    assert events.Scalars("communication/bytes_up")[2].value == rows_of(tmp_path / "run", "rounds")[2]["bytes_up"]


@MLFLOWS_OWN
def test_mlflow_has_settings_rounds_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = pytest.importorskip("mlflow.tracking")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'tracked.db'}"
    run(resolve(compose([*QUICK, "tracking=mlflow", f"tracking.tracking_uri={uri}"])), tmp_path / "run")
    client = tracking.MlflowClient(uri)
    (found,) = client.search_runs([client.get_experiment_by_name("fedsky").experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.params["num_clients"] == "2"
    history = client.get_metric_history(found.info.run_id, "test/loss")
    rows = rows_of(tmp_path / "run", "rounds")
    assert [(m.step, m.value) for m in history] == [(row["round"], row["loss"]) for row in rows]
    assert {file.path for file in client.list_artifacts(found.info.run_id)} >= {"run.json", "model.safetensors"}


@MLFLOWS_OWN
def test_a_resumed_run_goes_on_in_the_same_mlflow_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = pytest.importorskip("mlflow.tracking")
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'tracked.db'}"
    config = resolve(compose([*QUICK, "tracking=mlflow", f"tracking.tracking_uri={uri}"]))
    with monkeypatch.context() as broken:
        broken.setattr("fedsky.run.loop.RoundLoop._close", interrupt)
        broken.setattr("fedsky.tracking.background.HURRY_SECONDS", 60.0)
        with pytest.raises(KeyboardInterrupt):
            run(config, tmp_path / "run")
    client = tracking.MlflowClient(uri)
    (found,) = client.search_runs([client.get_experiment_by_name("fedsky").experiment_id])
    assert found.info.status == "KILLED"
    resume(tmp_path / "run", Word(settings={"tracking.tracking_uri": uri}))  # the user's own word for the place
    (found,) = client.search_runs([client.get_experiment_by_name("fedsky").experiment_id])
    assert found.info.status == "FINISHED"


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_wandb_leaves_files_to_sync(tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    run(resolve(compose([*QUICK, "tracking=wandb"])), tmp_path / "run")
    (log,) = (tmp_path / "run" / "wandb").rglob("*.wandb")
    for _ in range(200):  # its own process writes the file, also after the run has been closed
        content = log.read_bytes()
        if b"communication/bytes_up" in content:
            break
        time.sleep(0.1)
    assert b"test/accuracy" in content
    assert b"communication/bytes_up" in content


class Broken:
    """Fails in a given call."""

    def __init__(self, when: str) -> None:
        self.when, self.calls = when, [""]

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.when:
            raise RuntimeError("the server\nis gone")

    def begin(self, folder: Path, info: Row, first: int) -> None:
        self._call("begin")

    def round(self, row: Row, clients: Sequence[Row], seconds: float) -> None:
        self._call("round")

    def end(self, info: Row) -> None:
        self._call("end")


@pytest.mark.parametrize("when", ["begin", "round", "end"])
def test_a_tracker_that_fails_costs_the_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    config = resolve(compose(QUICK))
    run(config, tmp_path / "plain")
    broken = Broken(when)
    monkeypatch.setattr("fedsky.run.open_tracking", lambda config: Background(broken, "broken"))
    with caplog.at_level(logging.WARNING, logger="fedsky"):
        assert run(config, tmp_path / "run")["status"] == "done"
    assert broken.calls[-1] == when  # and was left alone from then on
    assert "tracking=broken stopped, the run goes on: RuntimeError: the server is gone" in caplog.text
    for name in SAME:
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_a_tracker_that_hangs_is_left_behind(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    release = threading.Event()

    class Hanging(Broken):
        def round(self, row: Row, clients: Sequence[Row], seconds: float) -> None:
            release.wait()

    tracking = Background(Hanging(""), "hanging", patience=0.1)
    tracking.begin(tmp_path, {}, 0)
    tracking.round({"round": 0}, [], 0.0)
    with caplog.at_level(logging.WARNING, logger="fedsky"):
        tracking.end({"status": "done"})
    release.set()
    assert "did not finish within 0.1 s" in caplog.text


def test_a_package_that_is_missing_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedsky.tracking.tracker.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="tracking=wandb: wandb is not installed: python -m pip install wandb"):
        run(resolve(compose([*QUICK, "tracking=wandb"])), tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()
