"""The one command that measures a GPU, on the CPU and tiny."""

import json
from pathlib import Path

import pytest

from benchmarks.device import CASES, WAYS, main


def test_each_way_is_measured_by_its_own_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CASES, "cifar", (2, 8, 16, 2, 2, 2, ["model=simple_cnn", "batch_size=4"]))
    file = tmp_path / "device.json"
    results = main(["--cases", "cifar", "--rounds", "2", "--clients", "2", "--device", "cpu", "--write", str(file)])
    assert [each["way"] for each in results] == list(WAYS)
    assert [each["together"] for each in results] == [0, 4, 4]
    for each in results:
        assert each["device"] == "cpu" and each["rounds"] == 2 and each["gpu_mb"] is None
        assert 0 < each["wait_seconds"] < each["round_seconds"] and each["train_cpu_seconds"] > 0
        assert each["ratio"] == each["round_seconds"] / results[0]["round_seconds"]
    assert json.loads(file.read_text())["results"] == results


def test_a_single_round_is_refused() -> None:
    with pytest.raises(SystemExit, match="2 or more are needed"):
        main(["--rounds", "1"])
