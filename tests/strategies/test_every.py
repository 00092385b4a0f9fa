"""Every strategy of the shelf: a small ResNet with BatchNorm stays sound, and a resumed run equals a whole one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cut_short import cut_short
from flwr.app import RecordDict
from kept_round import content
from safetensors.numpy import load_file

from fedsky.config import CONF, compose, resolve
from fedsky.engine.grid import ClientGrid
from fedsky.resume import resume
from fedsky.run import run

STRATEGIES = sorted(path.stem for path in (CONF / "strategy").glob("*.yaml"))
CLIENTS = {"krum": 5, "multikrum": 5, "bulyan": 7}  # that one malicious client needs

LAST = "checkpoint/3.safetensors"


def small(strategy: str) -> list[str]:
    """A run of as few clients as the strategy takes, with 16 images each."""
    clients = CLIENTS.get(strategy, 3)
    sizes = [f"num_clients={clients}", f"data.count={16 * clients}", "data.size=16", "batch_size=8"]
    return [f"strategy={strategy}", "engine=inline", *sizes, "partition.min_examples=5"]


def models(folder: Path) -> Iterator[dict[str, Any]]:
    """The global model of a run, or every client's own."""
    paths = sorted(folder.glob("models/*.safetensors")) or [folder / "model.safetensors"]
    yield from (load_file(path) for path in paths)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ten_rounds_keep_batchnorm_sound(tmp_path: Path, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: dict[str, set[np.dtype[Any]]] = {"down": set(), "up": set()}
    count = ClientGrid._count

    def counted(grid: ClientGrid, node: int, content: RecordDict, way: str) -> None:
        if "arrays" in content.array_records:
            kinds[way] |= {np.dtype(array.dtype) for array in content.array_records["arrays"].values()}
        count(grid, node, content, way)

    monkeypatch.setattr(ClientGrid, "_count", counted)
    config = resolve(compose([*small(strategy), "num_rounds=10", "lr=0.02"]))
    info = run(config, tmp_path / "run")
    assert info["result"]["round"] == 10
    tracked = 0
    for model in models(tmp_path / "run"):
        for name, array in model.items():
            assert array.dtype == (np.int64 if name.endswith("num_batches_tracked") else np.float32), name
            assert np.isfinite(array).all(), name
            assert not name.endswith("running_var") or array.min() >= 0, name
            tracked += int(array) if name.endswith("num_batches_tracked") else 0
    assert tracked > 0
    wire = {np.dtype(np.float32), np.dtype(np.int64)}
    assert kinds["down"] | kinds["up"] <= wire, "a wider number on the wire costs twice the bytes"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_resumed_run_equals_a_whole_one(tmp_path: Path, strategy: str) -> None:
    config = resolve(compose([*small(strategy), "num_rounds=3", "partition=quantity", "partition.alpha=20"]))
    run(config, tmp_path / "whole")
    with cut_short(2):
        run(config, tmp_path / "stopped")
    resume(tmp_path / "stopped")
    assert content(tmp_path / "whole" / LAST) == content(tmp_path / "stopped" / LAST)
    found = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.safetensors")]
    files = [path for path in found if path.parts[0] != "checkpoint"]
    assert files
    for name in [*files, Path("rounds.jsonl"), Path("clients.jsonl"), Path("predictions.csv")]:
        digests = {hashlib.sha256((tmp_path / run / name).read_bytes()).digest() for run in ("whole", "stopped")}
        assert len(digests) == 1, name
