"""The list of runs by experiment, with the report's means, on copies of real runs; and what runs are called there."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from run_files import info_of
from site_browser import Browser

from fedsky.report import summary
from fedsky.web import Settings
from fedsky.web.api.groups import GroupList, Means

REFERENCE = Path(__file__).resolve().parents[2] / "outputs" / "reference" / "sky"
FEDAVG = ("fedavg-0", "fedavg-1", "fedavg-0-fold2", "fedavg-1-fold2")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A site with four reference runs of one experiment, another's, and one like the first that failed."""
    for name in (*FEDAVG, "local-0"):
        shutil.copytree(REFERENCE / name, settings.outputs[0] / "reference" / "sky" / name)
    failed = settings.outputs[0] / "mine" / "fedavg-2"
    shutil.copytree(REFERENCE / "fedavg-2", failed)
    info = info_of(failed)
    info |= {
        "status": "failed",
        "reason": "num_clients=40: 60 images with partition.min_examples=10 allow 1 to 6 clients",
    }
    (failed / "run.json").write_text(json.dumps(info))
    shutil.copytree(REFERENCE / "fedavg-1", settings.outputs[0] / "mine" / "fedavg-1")
    return settings


def answer(visitor: Browser, path: str, **headers: str) -> Any:
    told = visitor.get(f"/api{path}", headers=headers)
    assert told.status_code == 200, told.text
    return told.get_json()


def test_a_row_an_experiment_and_reference_runs_apart(visitor: Browser) -> None:
    found = answer(visitor, "/groups")
    GroupList.model_validate(found)
    rows = {(group["name"], group["folder"]): group for group in found["groups"]}
    assert {key: group["runs"] for key, group in rows.items()} == {
        ("fedavg", "reference/sky"): {"done": 4},
        ("local", "reference/sky"): {"done": 1},
        ("fedavg", "mine"): {"failed": 1, "done": 1},
    }
    assert (found["total"], found["num_runs"]) == (3, 7)
    assert answer(visitor, "/groups?status=failed")["groups"][0]["runs"] == {"failed": 1}
    runs = answer(visitor, f"/runs?group={rows['fedavg', 'reference/sky']['id']}&sort=name")["runs"]
    assert [run["name"] for run in runs] == [
        "fedavg, seed 0, fold 1/5",
        "fedavg, seed 0, fold 2/5",
        "fedavg, seed 1, fold 1/5",
        "fedavg, seed 1, fold 2/5",
    ]


@pytest.mark.slow  # a process beside the site draws the comparison
def test_means_are_the_reports_and_count_finished_runs_alone(app: Flask, visitor: Browser, settings: Settings) -> None:
    groups = {group["folder"] + group["name"]: group["id"] for group in answer(visitor, "/groups")["groups"]}
    wanted = [groups["reference/skyfedavg"], groups["minefedavg"]]
    try:
        means = answer(visitor, f"/groups/means?group={wanted[0]}&group={wanted[1]}&group=none")
        Means.model_validate(means)
        found = means["means"]
        assert found == answer(visitor, f"/groups/means?group={wanted[0]}&group={wanted[1]}")["means"]
    finally:
        app.extensions["comparing"].close()
    runs = [settings.outputs[0] / "reference" / "sky" / name for name in FEDAVG]
    assert found[wanted[0]] == summary.group_mean(runs)
    assert found[wanted[0]]["n"] == 4 and found[wanted[0]]["low"] < found[wanted[0]]["value"]
    assert found[wanted[1]]["n"] == 1


def test_names_and_reasons_are_in_the_readers_language(visitor: Browser) -> None:
    [run] = answer(visitor, "/runs?status=failed", **{"Accept-Language": "zh"})["runs"]
    assert run["name"] == "fedavg，种子 2"
    assert run["reason"] == "num_clients=40：60 张图像在 partition.min_examples=10 下允许 1 至 6 个客户端"
    detail = answer(visitor, f"/runs/{run['id']}", **{"Accept-Language": "zh"})["run"]
    assert (detail["name"], detail["reason"]) == (run["name"], run["reason"])
    assert answer(visitor, "/runs?status=failed")["runs"][0]["name"] == "fedavg, seed 2"


@pytest.mark.slow
def test_every_run_can_be_found_and_nothing_chosen_is_the_reference_runs(app: Flask, visitor: Browser) -> None:
    assert answer(visitor, "/runs?q=*")["total"] == 7
    try:
        kinds = answer(visitor, "/compare")["kinds"]
    finally:
        app.extensions["comparing"].close()
    assert {group["label"]: group["n"] for kind in kinds for group in kind["groups"]} == {"fedavg": 4, "local": 1}
