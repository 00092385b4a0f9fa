"""Every strategy of the shelf: a small ResNet with BatchNorm stays sound, and a resumed run equals a whole one."""

import hashlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import RecordDict
from kept_round import content
from safetensors.numpy import load_file

from fedsky.config import CONF, compose, resolve
from fedsky.engine.grid import ClientGrid
from fedsky.resume import resume
from fedsky.run import run
from fedsky.run.loop import RoundLoop

STRATEGIES = sorted(path.stem for path in (CONF / "strategy").glob("*.yaml"))
CLIENTS = {"krum": 5, "multikrum": 5, "bulyan": 7}  # that one malicious client needs

STOPPED = 9  # the round, of ten, that was trained and not complete
LAST = "checkpoint/10.safetensors"


@dataclass
class Ran:
    """A run of ten rounds, what of it a process left that was killed before, and the numbers on the wire."""

    info: dict[str, Any]
    whole: Path
    stopped: Path
    kinds: set[np.dtype[Any]]


def small(strategy: str) -> list[str]:
    """A run of as few clients as the strategy takes, with 16 images each."""
    clients = CLIENTS.get(strategy, 3)
    sizes = [f"num_clients={clients}", f"data.count={16 * clients}", "data.size=16", "batch_size=8"]
    return [f"strategy={strategy}", "engine=inline", *sizes, "partition.min_examples=5"]


def models(folder: Path) -> Iterator[dict[str, Any]]:
    """The global model of a run, or every client's own."""
    paths = sorted(folder.glob("models/*.safetensors")) or [folder / "model.safetensors"]
    yield from (load_file(path) for path in paths)


@pytest.fixture(scope="module", params=STRATEGIES)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One run for both tests: the folder is copied as a process leaves it that is killed in its ninth round."""
    place = tmp_path_factory.mktemp("every")
    whole, stopped = place / "whole", place / "stopped"
    kinds: set[np.dtype[Any]] = set()
    count, judge = ClientGrid._count, RoundLoop._judge

    def counted(grid: ClientGrid, node: int, content: RecordDict, way: str) -> None:
        if "arrays" in content.array_records:
            kinds.update(np.dtype(array.dtype) for array in content.array_records["arrays"].values())
        count(grid, node, content, way)

    def kept(loop: Any, round: int, last: bool) -> Any:
        if round == STOPPED:
            shutil.copytree(whole, stopped, ignore=shutil.ignore_patterns(".lock"))
        return judge(loop, round, last)

    unequal = ["partition=quantity", "partition.alpha=20"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientGrid, "_count", counted)
        patch.setattr(RoundLoop, "_judge", kept)
        info = run(resolve(compose([*small(request.param), *unequal, "num_rounds=10", "lr=0.02"])), whole)
    return Ran(info, whole, stopped, kinds)


def test_ten_rounds_keep_batchnorm_sound(ran: Ran) -> None:
    assert ran.info["result"]["round"] == 10
    tracked = 0
    for model in models(ran.whole):
        for name, array in model.items():
            assert array.dtype == (np.int64 if name.endswith("num_batches_tracked") else np.float32), name
            assert np.isfinite(array).all(), name
            assert not name.endswith("running_var") or array.min() >= 0, name
            tracked += int(array) if name.endswith("num_batches_tracked") else 0
    assert tracked > 0
    assert ran.kinds <= {np.dtype(np.float32), np.dtype(np.int64)}, "a wider number on the wire costs twice the bytes"


def test_a_resumed_run_equals_a_whole_one(ran: Ran) -> None:
    assert (ran.stopped / "rounds.jsonl").read_text().count("\n") == STOPPED, "with round 0, and without the ninth"
    resume(ran.stopped)
    assert content(ran.whole / LAST) == content(ran.stopped / LAST)
    found = [path.relative_to(ran.whole) for path in ran.whole.rglob("*.safetensors")]
    files = [path for path in found if path.parts[0] != "checkpoint"]
    assert files
    for name in [*files, Path("rounds.jsonl"), Path("clients.jsonl"), Path("predictions.csv")]:
        digests = {hashlib.sha256((folder / name).read_bytes()).digest() for folder in (ran.whole, ran.stopped)}
        assert len(digests) == 1, name
