"""What the site tells of run folders that the real writer wrote: every field of every view, against the files."""

import csv
import json
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from run_files import info_of
from site_browser import Browser

from fedsky.config import compose, resolve
from fedsky.history import read_run
from fedsky.history.columns import CLIENT_METRICS, ROUNDS, TABLES
from fedsky.report.results import Result, read_result
from fedsky.run import run
from fedsky.web import Settings, create_app
from fedsky.web.api import shapes

OVERRIDES = ["engine=inline", "num_rounds=2", "num_clients=3", "data.count=60", "data.size=32", "participation=0.67",
             "partition=dirichlet", "partition.alpha=0.5", "partition.min_examples=5", "client_names=[a,b,c]",
             "evaluate_train=true"]  # fmt: skip
CHOICES = {"data": "rendered", "partition": "dirichlet", "model": "resnet8", "engine": "inline"}
# What every round, or every client, of such runs has no value for, and why.
EMPTY = {
    "fedavg": {
        "pooled_accuracy",
        "pooled_balanced_accuracy",
        "epsilon",
        "clip_norm",
        "staleness",
    },  # no own models, no privacy
    "local": {"global_train_loss", "epsilon", "clip_norm", "staleness"},  # clients judge, on their own images
}
Get = Callable[[str], Any]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a global model, and one in which every owner has a model of its own."""
    root = tmp_path_factory.mktemp("written")
    for strategy in EMPTY:
        config = resolve(compose([*OVERRIDES, f"strategy={strategy}"]))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["__main__.py", f"strategy={strategy}"])
            run(config, root / strategy, {**CHOICES, "strategy": strategy})
    return root


@pytest.fixture(scope="module")
def get(outputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Get:
    data = tmp_path_factory.mktemp("data")
    app: Flask = create_app(Settings(data=data, outputs=(outputs,), reference=outputs / "reference", testing=True))
    browser = Browser(app.test_client())

    def ask(path: str) -> Any:
        answer = browser.get(f"/api{path}")
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    return ask


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


@pytest.mark.parametrize("strategy", EMPTY)
def test_the_row_of_a_run(get: Get, outputs: Path, strategy: str) -> None:
    info, rounds = info_of(outputs / strategy), lines(outputs / strategy, "rounds.jsonl")
    [row] = get(f"/runs?strategy={strategy}")["runs"]
    shapes.ListedRun.model_validate(row)
    assert len(row.pop("group")) == 12 and len(row.pop("id")) == 16
    assert row == {
        "folder": strategy, "name": f"{strategy}, seed 0", "strategy": strategy, "label": strategy,
        "status": "done", "reason": "",
        "role": {"fedavg": "federated", "local": "alone"}[strategy],
        "started": info["started"], "ended": info["ended"], "rounds": 2, "num_rounds": 2, "num_clients": 3, "seed": 0,
        "accuracy": info["result"]["accuracy"], "balanced_accuracy": info["result"]["balanced_accuracy"],
        "megabytes": sum(line["bytes_up"] + line["bytes_down"] for line in rounds) / 1e6, "data": "rendered",
        "partition": "dirichlet alpha 0.5", "is_reference": False, "note": "", "tags": [],
    }  # fmt: skip
    assert datetime.fromisoformat(row["started"]) <= datetime.fromisoformat(row["ended"])


@pytest.mark.parametrize("strategy", EMPTY)
def test_all_about_a_run(get: Get, outputs: Path, strategy: str) -> None:
    info = info_of(outputs / strategy)
    row = get(f"/runs?strategy={strategy}")["runs"][0]
    detail = get(f"/runs/{row['id']}")
    shapes.RunDetail.model_validate(detail)
    assert set(detail) == set(shapes.RunDetail.model_fields) and detail["run"] == row
    config = {key: value for key, value in detail["config"].items() if not isinstance(value, str) or value[:1] != "["}
    for key, value in config.items():
        written = info["config"]
        for part in key.split("."):
            written = written[part]
        assert value == written, key
    assert detail["config"]["client_names"] == '["a", "b", "c"]'
    assert detail["choices"] == {**CHOICES, "strategy": strategy}
    for name in ("result", "versions", "machine", "model"):
        assert detail[name] == info[name] and None not in detail[name].values(), name
    assert detail["data"] == {**info["data"], "classes": '["cloudy", "sunny"]'}
    assert detail["command"] == f"python -m fedsky strategy={strategy}"
    assert (detail["commit"], detail["changed"]) == (info.get("commit", ""), info.get("changed", False))
    assert detail["problems"] == []
    sizes = {each["name"]: each["bytes"] for each in detail["files"]}
    assert sizes == {name: (outputs / strategy / name).stat().st_size for name in sizes}
    has_one = strategy == "fedavg"
    assert ({"model.safetensors", "best.safetensors"} <= set(sizes)) == has_one
    assert {"run.json", "rounds.jsonl", "clients.jsonl", "timing.jsonl", "partition.json", "predictions.csv"} <= set(
        sizes
    )
    assert detail["has"] == {"predictions": True, "partition": True, "model": True}
    assert detail["annotation"] == {"title": "", "note": "", "tags": []}


@pytest.mark.parametrize("strategy", EMPTY)
def test_the_rounds_of_a_run(get: Get, outputs: Path, strategy: str) -> None:
    id = get(f"/runs?strategy={strategy}")["runs"][0]["id"]
    answer = get(f"/runs/{id}/rounds")
    shapes.RoundList.model_validate(answer)
    written, clients = lines(outputs / strategy, "rounds.jsonl"), lines(outputs / strategy, "clients.jsonl")
    seconds = {
        line["round"]: line["round_seconds"]
        for line in lines(outputs / strategy, "timing.jsonl")
        if line["client"] is None
    }
    told = [{key: value for key, value in row.items() if key != "spent"} for row in answer["rounds"]]
    assert told == [line | {"seconds": seconds[line["round"]]} for line in written]
    empty = {key for key in (*TABLES[ROUNDS], "seconds") if all(line[key] is None for line in answer["rounds"])}
    assert empty == EMPTY[strategy] & set(TABLES[ROUNDS])
    for line, told in zip(written, answer["feed"], strict=True):
        trained = [row["client"] for row in clients if row["round"] == line["round"] and row["status"] == "ok"]
        assert told == {
            "round": line["round"],
            "num_trained": line["num_trained"],
            "num_owners": 3,
            "clients": trained,
            "megabytes": (line["bytes_up"] + line["bytes_down"]) / 1e6,
            "accuracy": line["accuracy"],
            "failures": 0,
        }
    assert [told["num_trained"] for told in answer["feed"]] == [0, 2, 2]
    assert (answer["last"], answer["more"], answer["status"]) == (2, False, "done")


@pytest.mark.parametrize("strategy", EMPTY)
@pytest.mark.parametrize("metric", CLIENT_METRICS)
def test_the_clients_of_a_run(get: Get, outputs: Path, strategy: str, metric: str) -> None:
    id = get(f"/runs?strategy={strategy}")["runs"][0]["id"]
    answer = get(f"/runs/{id}/clients?metric={metric}")
    shapes.Clients.model_validate(answer)
    written = lines(outputs / strategy, "clients.jsonl")
    examples = {line["client"]: line["num_examples"] for line in written if line["num_examples"] is not None}
    assert (answer["metric"], answer["rounds"], answer["num_clients"]) == (metric, [0, 1, 2], 3)
    assert answer["clients"] == [{"client": n, "name": "abc"[n], "num_examples": examples.get(n)} for n in range(3)]
    for line in written:
        assert answer["values"][line["client"]][line["round"]] == line[metric]
        assert answer["status"][line["client"]][line["round"]] == line["status"]
    is_empty = all(value is None for row in answer["values"] for value in row)
    assert is_empty == (metric in EMPTY[strategy])


def test_who_owns_what_and_how_unlike_they_are(get: Get, outputs: Path) -> None:
    id = get("/runs?strategy=fedavg")["runs"][0]["id"]
    answer = get(f"/runs/{id}/partition")
    shapes.Partition.model_validate(answer)
    assert answer == json.loads((outputs / "fedavg" / "partition.json").read_text()) | {"num_owners": 3}
    assert 0.1 < answer["heterogeneity"] < 1
    assert [owner["name"] for owner in answer["clients"]] == ["a", "b", "c"]
    assert sum(sum(owner[part]) for owner in answer["clients"] for part in ("train", "validation", "test")) == 60


@pytest.mark.parametrize("strategy", EMPTY)
def test_what_a_run_spent_is_what_the_report_says(get: Get, outputs: Path, strategy: str) -> None:
    row = get(f"/runs?strategy={strategy}")["runs"][0]
    answer = get(f"/runs/{row['id']}/rounds")["rounds"]
    result = read_result(read_run(outputs / strategy), strategy)
    assert isinstance(result, Result), result
    for what in ("megabytes", "seconds", "virtual_seconds", "steps"):
        expected = result.spent(what)
        assert [each["spent"][what] for each in answer] == expected.tolist(), what
    assert row["megabytes"] == answer[-1]["spent"]["megabytes"] == result.spent("megabytes").iloc[-1]
    written = lines(outputs / strategy, "rounds.jsonl")
    assert [each["spent"]["steps"] for each in answer] == list(accumulate(line["num_steps"] or 0 for line in written))
    assert answer[0]["spent"]["seconds"] > 0, "judging the untrained model takes time, and no step"


def test_what_is_taken_for_what(get: Get, outputs: Path) -> None:
    id = get("/runs?strategy=fedavg")["runs"][0]["id"]
    answer = get(f"/runs/{id}/confusion")
    shapes.Confusion.model_validate(answer)
    with (outputs / "fedavg" / "predictions.csv").open(newline="") as file:
        pairs = [(line["label"], line["predicted"]) for line in csv.DictReader(file)]
    classes = ["cloudy", "sunny"]
    matrix = [[pairs.count((label, said)) for said in classes] for label in classes]
    assert (answer["classes"], answer["matrix"], answer["n"]) == (classes, matrix, 12)
    for n in range(2):
        said = matrix[0][n] + matrix[1][n]
        assert answer["recall"][n] == matrix[n][n] / sum(matrix[n])
        assert answer["precision"][n] == (matrix[n][n] / said if said else None)


def test_the_models_of_the_runs(get: Get, outputs: Path) -> None:
    """One of each experiment; with the run alone asked for, one an owner of it, each with what it was judged by."""
    assert [model["num_models"] for model in get("/models")["models"]] == [1, 3]
    [run] = {model["run_id"] for model in get("/models")["models"] if model["strategy"] == "local"}
    found = get(f"/models?run={run}")["models"]
    [one] = [model for model in found if model["strategy"] == "fedavg"]
    assert (one["kind"], one["client"]) == ("federated", None)
    alone = [model for model in found if model["strategy"] == "local"]
    assert [model["client"] for model in alone] == ["a", "b", "c"]
    last = {line["client"]: line for line in lines(outputs / "local", "clients.jsonl") if line["round"] == 2}
    assert [model["accuracy"] for model in alone] == [last[n]["pooled_accuracy"] for n in range(3)]
    for model in found:
        assert model["n_test"] == 12 and model["size"] == 32 and model["classes"] == ["cloudy", "sunny"]
        assert model["data"] == "rendered" and model["strategy"] in model["label"]
        assert model["run_id"] in model["id"] and model["is_default"] == (model["strategy"] == "fedavg")
