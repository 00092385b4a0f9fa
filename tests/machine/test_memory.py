"""A run says so, once, when the machine is about to run out of memory."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from fedsky import machine
from fedsky.config import compose, resolve
from fedsky.run import run

TINY = {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}


def left(megabytes: int) -> Any:
    return lambda: SimpleNamespace(available=megabytes * 10**6, total=10**9)


def test_little_is_told_and_enough_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", left(51))
    assert machine.short_of_memory() is None
    monkeypatch.setattr(psutil, "virtual_memory", left(49))
    assert machine.short_of_memory() == "49 of 1000 MB of memory are left"


def test_a_run_warns_once_of_each_time_it_gets_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = iter([None, "1 of 9 MB of memory are left", "1 of 9 MB of memory are left", None, "2 of 9 MB are left"])
    monkeypatch.setattr("fedsky.run.loop.short_of_memory", lambda: next(looks))
    run(resolve(compose(["engine=inline", "num_rounds=4", "num_clients=2"])) | TINY, tmp_path / "run")
    told = [record.message for record in caplog.records if "(engine.num_actors)" in record.message]
    assert [line[:6] for line in told] == ["1 of 9", "2 of 9"]
