"""Clients that are trained together have the models that they have one by one, to rounding, whatever the strategy."""

import json
import logging
from pathlib import Path
from typing import Any

import forked
import numpy as np
import pytest
from numpy.typing import NDArray
from run_files import digests
from safetensors.numpy import load_file

from fedsky.client import turns
from fedsky.client.task import Task, specification
from fedsky.config import compose, resolve
from fedsky.history import Run, read_run
from fedsky.run import run
from fedsky.run.together import Together

POINTS: dict[str, Any] = {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}
PICTURES: dict[str, Any] = {"data": {"_target_": "tiny.pictures", "fold": "1/5"}}
SMALL = ["num_clients=6", "num_rounds=2", "batch_size=4", "momentum=0.9", "local_epochs=2", "partition=dirichlet",
         "partition.min_examples=5"]  # fmt: skip
Weights = dict[str, NDArray[Any]]


def trained(folder: Path, number: int | str | None, more: dict[str, Any], *words: str) -> tuple[Run, list[Weights]]:
    """A run with so many clients at once, and its models: the server's, or the clients' own."""
    config = resolve(compose(["engine=inline", *SMALL, f"engine.batch_clients={number or 'null'}", *words])) | more
    run(config, folder)
    return read_run(folder), [load_file(path) for path in sorted(folder.rglob("*.safetensors"))]


def apart(some: list[Weights], others: list[Weights]) -> float:
    """The largest difference of any number of the models."""
    assert [list(one) for one in some] == [list(one) for one in others] and some
    return max(
        float(np.abs(a[name].astype(float) - b[name].astype(float)).max())
        for a, b in zip(some, others, strict=True)
        for name in a
    )


@pytest.mark.parametrize(
    "strategy",
    ["fedprox stragglers=0.5", "fednova", "scaffold strategy.option=1", "feddyn", "ditto", "local", "qfedavg",
     "fedbuff clients=phones strategy.buffer=2", "fedavg compression=topk attack=gaussian",
     "fedtrimmedavg personalize=finetune", "centralized"],
)  # fmt: skip
def test_every_strategy_ends_where_it_ends_one_by_one(tmp_path: Path, strategy: str) -> None:
    words = f"strategy={strategy}".split()
    alone, models = trained(tmp_path / "alone", None, POINTS, *words)
    together, others = trained(tmp_path / "together", 4, POINTS, *words)
    assert apart(models, others) < 1e-9
    assert [row["accuracy"] for row in together.rounds] == [row["accuracy"] for row in alone.rounds]
    for row, other in zip(alone.clients, together.clients, strict=True):
        assert row.keys() == other.keys()
        assert all(row[key] == other[key] for key in ("client", "status", "num_examples", "num_steps", "bytes_up"))
        assert row["train_loss"] == pytest.approx(other["train_loss"], abs=1e-9)
    told = together.info["batched"]
    assert told["clients"] == 4 and told["reason"] is None
    assert bool(told["together"]) == (strategy != "centralized")
    assert "batched" not in alone.info


@pytest.mark.parametrize(("norm", "strategy"), [("none", "fedrep"), ("group", "fedper"), ("batch", "fedbn")])
def test_convolutions_of_unlike_clients(tmp_path: Path, norm: str, strategy: str) -> None:
    more = PICTURES | {"model": {"_target_": "tiny.convolution", "norm": norm}}
    runs = [trained(tmp_path / str(n), n, more, f"strategy={strategy}") for n in (None, 3, 6)]
    assert max(apart(runs[0][1], models) for _, models in runs[1:]) < 1e-9
    counts = [found.info["batched"] for found, _ in runs[1:]]
    assert {row["together"] + row["alone"] for row in counts} == {12}
    if norm == "batch":  # which has other statistics with pictures that fill up a batch
        assert counts[0]["alone"]
    else:
        assert counts[0]["alone"] == counts[1]["alone"] == 0


def test_the_same_number_has_the_same_bytes_with_either_engine(tmp_path: Path) -> None:
    words = ["data.size=32", "data.count=60", "model.norm=group", "local_epochs=1", "partition=iid", "num_rounds=1"]
    for name in ("inline", "again"):
        trained(tmp_path / name, 2, {}, *words)
    on_ray = ["engine=ray", "engine.num_actors=2", "engine.batch_clients=2", "hydra.run.dir=ray"]
    done = forked.command("fedsky", *SMALL, *words, *on_ray, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "inline") == digests(tmp_path / "again") == digests(tmp_path / "ray")
    assert read_run(tmp_path / "ray").info["batched"]["together"] == 6


def test_float32_stays_within_a_thousandth(tmp_path: Path) -> None:
    words = ["data.size=32", "data.count=60", "num_rounds=1", "local_epochs=1", "partition=iid"]
    alone, models = trained(tmp_path / "alone", None, {}, *words)
    together, others = trained(tmp_path / "together", "auto", {}, *words)
    assert together.info["batched"]["clients"] == 16 and together.info["batched"]["together"] == 6
    assert apart(models, others) < 1e-3
    assert together.rounds[-1]["accuracy"] == alone.rounds[-1]["accuracy"]
    spent = [row["train_cpu_seconds"] for row in together.timing if row["client"] is not None and row["round"]]
    assert min(spent) > 0 and sum(spent) < 60


@pytest.mark.parametrize(
    ("words", "more", "reason"),
    [
        (["strategy=moon"], POINTS, "no two clients of the first round"),
        (["strategy=logitadjustment"], POINTS, "no two clients of the first round"),
        ([], PICTURES | {"model": {"_target_": "tiny.convolution", "dropout": 0.5}}, "called random operation"),
        (["data=synthetic", "model=softmax", "partition=natural"], {}, "a solver of its own"),
    ],
)
def test_what_cannot_be_is_told_in_a_line_and_done_one_by_one(
    tmp_path: Path, words: list[str], more: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "fedsky"):
        found, models = trained(tmp_path / "asked", 3, more, *words)
    [line] = [record.getMessage() for record in caplog.records if "batch_clients" in record.getMessage()]
    assert reason in line and "\n" not in line
    assert found.info["batched"]["together"] == 0
    if "model" not in more or "dropout" not in more["model"]:
        assert apart(models, trained(tmp_path / "alone", None, more, *words)[1]) < 1e-9


def test_auto_does_not_where_it_would_take_longer(tmp_path: Path) -> None:
    config = resolve(
        compose(["engine=inline", "num_clients=2", "engine.batch_clients=auto", "data.count=60", "data.size=32"])
    )
    found = Together(config, Task(specification(config, tmp_path)))
    assert found.told() == {"clients": 1, "reason": found.reason, "together": 0, "alone": 0}
    assert found.reason is not None and "take longer so on the CPU" in found.reason


def test_one_that_fails_fails_alone(tmp_path: Path) -> None:
    failing = POINTS | {"strategy": {"_target_": "tiny.Failing"}}
    with pytest.raises(RuntimeError, match=r"client 2: .*a mistake in client 2"):
        trained(tmp_path / "run", 4, failing)
    found, _ = trained(tmp_path / "skipped", 4, failing, "on_failure=skip")
    last = [row for row in found.clients if row["round"] == 2]
    assert [row["client"] for row in last if row["status"] == "failed"] == [2]


@pytest.mark.parametrize("number", ["0", "2.5", "many"])
def test_what_is_no_number_of_clients_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match=r"engine.batch_clients=.*whole number of 1 or more is needed, auto or null"):
        resolve(compose(["engine=inline", f"engine.batch_clients={number}"]))


def test_turns_wait_for_answers_and_count_their_own_time() -> None:
    def work(name: str) -> str:
        turn = turns.current()
        assert turn is not None
        return f"{name} got {turn.ask(name)}"

    some = [turns.Turn(None, lambda name=name: work(name)) for name in ("a", "b")]  # type: ignore[misc]  # of mypy: it infers no lambda with defaults
    for turn in some:
        turn.go_on()
    assert [turn.asks for turn in some] == ["a", "b"] and turns.current() is None
    some[0].spend(5.0, 7.0)
    assert [turn.go_on(number) for number, turn in enumerate(some)] == ["a got 0", "b got 1"]
    assert all(turn.has_ended for turn in some)
    assert some[0].spent[0] >= 5 and some[0].spent[1] >= 7 and some[1].spent[0] < 5

    failing = turns.Turn(None, lambda: work("c"))
    failing.go_on()
    with pytest.raises(ValueError, match="told"):
        failing.go_on(ValueError("told"))


def test_rows_and_files_are_those_of_any_run(tmp_path: Path) -> None:
    trained(tmp_path / "run", 3, POINTS)
    row = json.loads((tmp_path / "run" / "clients.jsonl").read_text().splitlines()[-1])
    assert "together" not in row
