"""Launching through the API: what may be launched, by whom, and what never reaches a command line."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask

from fedsky.config import CONF
from fedsky.machine.load import Look
from fedsky.web import Settings
from fedsky.web.api import job_shapes
from fedsky.web.jobs import queue
from fedsky.web.jobs.command import make_launch, placed, working_folder
from fedsky.web.jobs.form import make_form
from fedsky.web.jobs.plan import make_plan
from fedsky.web.jobs.worker import log_path
from fedsky.web.tables import Job

NUMBERS = {"int": int, "float": float}
ACTIONS = ("cancel", "resume", "retry")


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "my photos, 2").mkdir()
    return replace(settings, photographs=tmp_path / "my photos, 2")


@pytest.fixture
def operator(as_role: Callable[[str], Any]) -> Any:
    return as_role("operator")


def launched(browser: Any, body: dict[str, Any], status: int = 201) -> Any:
    answer = browser.post("/api/jobs", body)
    assert answer.status_code == status, answer.text
    return answer.get_json()["job"] if status == 201 else answer.get_json()


def test_recipes_and_fields_come_from_conf(operator: Any) -> None:
    book = operator.get("/api/recipes").get_json()
    job_shapes.RecipeBook.model_validate(book)
    assert [each["id"] for each in book["recipes"]] == sorted(
        path.stem for path in (CONF / "experiment").glob("*.yaml")
    )
    for each in book["recipes"]:
        told = " ".join(each[what] for what in ("title", "time", "result"))
        assert each["title"] and each["result"] and not any(word in told for word in ("python -m", "outputs/", "zh"))
    fields = {each["name"]: each for each in book["fields"]}
    assert fields["strategy"]["choices"] == sorted(path.stem for path in (CONF / "strategy").glob("*.yaml"))
    config = yaml.safe_load((CONF / "config.yaml").read_text())
    for name in ("num_clients", "num_rounds", "lr", "momentum", "seed", "lr_schedule"):
        assert fields[name]["default"] == config[name]
    for each in book["fields"]:
        assert each["label"] and each["type"] in ("choice", "int", "float")
        if each["type"] == "choice":
            assert each["default"] in each["choices"]
        elif each["default"] is not None:  # such as no deadline
            assert each["min"] <= each["default"] <= each["max"]


@pytest.mark.slow
def test_every_recipe_and_every_choice_makes_a_command_that_hydra_takes(tmp_path: Path) -> None:
    form = make_form({"photographs": tmp_path})
    asked: list[tuple[str | None, dict[str, Any]]] = [(recipe.id, {}) for recipe in form.recipes]
    for field in form.fields:
        asked += [(None, {field.name: choice}) for choice in field.choices]
        if field.when is not None and field.when[0] != "engine" and field.name != "data.count":
            more = {"participation": 0.5} if field.when[0] == "clients" else {}  # for more than those to be asked
            asked += [
                (None, {field.when[0]: field.when[1][0], field.name: bound} | more) for bound in (field.min, field.max)
            ]
    numbers = [field for field in form.fields if field.min is not None and "." not in field.name]
    asked += [
        (None, {each.name: NUMBERS[each.type](getattr(each, end) or 0) for each in numbers}) for end in ("min", "max")
    ]
    for recipe, values in asked:
        counting, problems = form.check(recipe, values)
        assert problems == []
        assert make_plan(make_launch(form, recipe, counting), [], (Look(0),)).problems == (), (recipe, values)


def test_a_launch_says_its_command_and_queues_just_that(operator: Any, settings: Settings, app: Flask) -> None:
    body = {"fields": {"strategy": "fedprox", "fedprox.mu": 0.1, "data": "photographs", "repetitions": 2, "seed": 3}}
    preview = operator.post("/api/jobs/preview", body).get_json()
    job_shapes.Preview.model_validate(preview)
    assert preview["num_runs"] == 2
    assert shlex.split(preview["command"]) == [
        "python", "-m", "fedsky", "-m", "strategy=fedprox", "data=folder", "data.root='my photos, 2'",
        "strategy.mu=0.1", "seed=3,4"]  # fmt: skip
    job = launched(operator, body | {"title": "For <b>ch. 4</b>"})
    job_shapes.JobAnswer.model_validate({"job": job})
    assert job["command"] == f"{preview['command']} name=site/{job['id']}"
    assert job["name"] == "For <b>ch. 4</b>"
    assert (job["status"], job["position"], job["owner"], job["title"]) == ("queued", 1, "operator", "For <b>ch. 4</b>")
    with app.extensions["database"].reading() as db:
        kept = db.get(Job, job["id"])
        assert kept is not None and kept.overrides == shlex.split(job["command"])[3:] and kept.num_runs == 2
    listed = operator.get("/api/jobs?mine=true&status=queued").get_json()
    job_shapes.JobList.model_validate(listed)
    assert listed["jobs"] == [job] and listed["queue_length"] == 1 and listed["worker"]["alive"] is False
    assert operator.get(f"/api/jobs/{job['id']}").get_json() == {"job": job, "runs": []}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"fields": {"hydra.run.dir": "/tmp"}}, "unknown field hydra.run.dir"),
        ({"fields": {"strategy._target_": "os.system"}}, "unknown field strategy._target_"),
        ({"fields": {"name": "x"}}, "unknown field name"),
        ({"fields": {"strategy": "fedavg,local"}}, "strategy: choose"),
        ({"fields": {"strategy": "fedavg hydra.run.dir=/tmp"}}, "strategy: choose"),
        ({"fields": {"data": "folder"}}, "data: choose rendered, photographs"),
        ({"fields": {"data": "/etc"}}, "data: choose"),
        ({"fields": {"num_rounds": 100000}}, "num_rounds=100000: from 1 to 200"),
        ({"fields": {"num_rounds": 1.5}}, "num_rounds: a whole number is needed"),
        ({"fields": {"num_rounds": "5"}}, "num_rounds: a whole number is needed"),
        ({"fields": {"lr": "${oc.env:HOME}"}}, "lr: a number is needed"),
        ({"fields": {"lr": 0}}, "lr=0: from 0.0001 to 1"),
        ({"fields": {"fedprox.mu": 0.5}}, "fedprox.mu counts with strategy=fedprox alone"),
        ({"fields": {"strategy": "fedprox", "fedprox.mu": 0.5, "baselines": "yes"}}, "fedprox.mu: not together"),
        ({"recipe": "../../etc/passwd"}, "unknown recipe ../../etc/passwd"),
        ({"recipe": "f5,f10"}, "unknown recipe f5,f10"),
        ({"recipe": "f5", "fields": {"lr": 0.1}}, "lr: the recipe sets it"),
    ],
)
def test_nothing_free_reaches_a_command_line(operator: Any, body: dict[str, Any], told: str) -> None:
    preview = operator.post("/api/jobs/preview", body).get_json()
    assert preview["problems"][0].startswith(told) and preview["command"] == ""
    assert launched(operator, body, 422)["detail"].startswith(told)
    assert operator.get("/api/jobs").get_json()["jobs"] == []


@pytest.mark.parametrize(
    "body", [{}, {"fields": 5}, {"fields": {"lr": True}}, {"fields": {"lr": [1]}}, {"recipe": None},
             {"recipe": "f5", "x": 1}, {"fields": {f"f{n}": 1 for n in range(99)}}, {"overrides": ["a=b"]}]
)  # fmt: skip
def test_a_body_that_is_none_is_refused(operator: Any, body: Any) -> None:
    assert launched(operator, body, 422)
    assert operator.post("/api/jobs/preview", body).status_code == 422


def test_not_a_number_is_no_number(operator: Any) -> None:
    operator.session()
    for text in ("NaN", "Infinity", "-1e999", "1e999"):
        answer = operator.change(
            "POST",
            "/api/jobs",
            data='{"fields": {"lr": %s}}' % text,  # noqa: UP031
            content_type="application/json",
        )
        assert answer.status_code in (400, 422), text


def test_only_operators_launch_and_only_owners_cancel(
    visitor: Any, as_role: Callable[[str], Any], operator: Any, add_user: Callable[..., Any]
) -> None:
    job = launched(operator, {"recipe": "abc"})
    for path in ("/api/jobs", "/api/jobs/preview", *(f"/api/jobs/{job['id']}/{word}" for word in ACTIONS)):
        assert visitor.post(path, {"recipe": "abc"}).status_code == 401
        assert as_role("user").post(path, {"recipe": "abc"}).status_code == 403
    add_user("other", role="operator")
    other = as_role("other")
    assert all(other.post(f"/api/jobs/{job['id']}/{word}").status_code == 403 for word in ACTIONS)
    assert as_role("admin").post(f"/api/jobs/{job['id']}/cancel").status_code == 200
    assert operator.post(f"/api/jobs/{job['id']}/cancel").status_code == 409
    assert other.get(f"/api/jobs/{job['id']}").get_json()["job"]["reason"] == "cancelled by admin"


def test_a_job_that_is_over_is_launched_again_as_a_new_one(operator: Any) -> None:
    old = launched(operator, {"fields": {"strategy": "local", "repetitions": 2}, "title": "again"})
    path = f"/api/jobs/{old['id']}/retry"
    assert operator.post(path).status_code == 409
    operator.post(f"/api/jobs/{old['id']}/cancel")
    new = operator.post(path).get_json()["job"]
    assert (new["retry_of"], new["title"], new["num_runs"], new["status"]) == (old["id"], "again", 2, "queued")
    assert new["command"] == old["command"].replace(old["id"], new["id"])


def test_a_job_that_is_over_goes_on_as_the_same(
    operator: Any, as_role: Callable[[str], Any], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = launched(operator, {"recipe": "abc"}), launched(operator, {"recipe": "abc"})
    path = f"/api/jobs/{first['id']}/resume"
    assert operator.post(path).status_code == 409, "it is not over"
    operator.post(f"/api/jobs/{first['id']}/cancel")
    answer = operator.post(path)
    assert answer.status_code == 200, answer.text
    job_shapes.GoesOn.model_validate(answer.get_json())
    job = answer.get_json()["job"]
    assert (job["id"], job["status"], job["reason"], job["ended"]) == (first["id"], "queued", "", None)
    assert job["position"] == 2 and job["command"] == first["command"], "it waits behind the others"
    for status, allowed in (("interrupted", 200), ("failed", 200), ("running", 409), ("done", 409)):
        with app.extensions["database"].writing() as db:
            db.get_one(Job, first["id"]).status = status
            db.commit()
        assert operator.post(path).status_code == allowed, status
    entries = as_role("admin").get("/api/admin/audit").get_json()["entries"]
    assert [each["target"] for each in entries if each["action"] == "resume"] == [first["id"]] * 3
    operator.post(f"/api/jobs/{second['id']}/cancel")
    monkeypatch.setattr(queue, "MOST_AT_ONCE", 0)
    refused = operator.post(f"/api/jobs/{second['id']}/resume")
    assert refused.status_code == 429 and "jobs that wait or run" in refused.get_json()["detail"]


def test_quotas_hold(operator: Any, as_role: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_AT_ONCE", 2)
    ids = [launched(operator, {"recipe": "abc"})["id"] for _ in range(queue.MOST_AT_ONCE)]
    assert "jobs that wait or run" in launched(operator, {"recipe": "abc"}, 429)["detail"]
    assert launched(as_role("admin"), {"recipe": "abc"})["position"] == queue.MOST_AT_ONCE + 1
    monkeypatch.setattr(queue, "MOST_A_DAY", queue.MOST_AT_ONCE)
    for id in ids:
        operator.post(f"/api/jobs/{id}/cancel")
    answer = operator.post("/api/jobs", {"recipe": "abc"})
    assert answer.status_code == 429 and 86_000 < int(answer.headers["Retry-After"]) <= 86_400
    monkeypatch.setattr(queue, "MOST_WAITING", 1)
    assert "are waiting" in launched(as_role("admin"), {"recipe": "abc"}, 429)["detail"]


def test_going_on_counts_for_the_daily_quota(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    id = launched(operator, {"recipe": "abc"})["id"]
    monkeypatch.setattr(queue, "MOST_A_DAY", 4)
    statuses = []
    for _ in range(4):
        operator.post(f"/api/jobs/{id}/cancel")
        answer = operator.post(f"/api/jobs/{id}/resume")
        statuses.append(answer.status_code)
    assert statuses == [200, 200, 200, 429] and 86_000 < int(answer.headers["Retry-After"]) <= 86_400
    assert "launched 4 jobs within 24 hours" in launched(operator, {"recipe": "abc"}, 429)["detail"]


def test_the_log_is_read_by_cursor(operator: Any, settings: Settings, app: Flask) -> None:
    id = launched(operator, {"recipe": "abc"})["id"]
    path = f"/api/jobs/{id}/log"
    assert operator.get(path).get_json() == {"text": "", "next": 0, "done": False}
    log = log_path(settings, id)
    log.parent.mkdir()
    log.write_bytes("$ python\nround 1 – gut\n\x1b[31mhalf a li".encode())
    first = operator.get(path).get_json()
    job_shapes.JobLog.model_validate(first)
    assert first["text"] == "$ python\nround 1 – gut\n" and not first["done"]
    with log.open("ab") as file:
        file.write(b"ne\n" + b"x" * 100_000)
    second = operator.get(f"{path}?after={first['next']}").get_json()
    assert second["text"] == "[31mhalf a line\n"
    with app.extensions["database"].writing() as db:
        queue.ask_to_cancel(db, id, "")
        db.commit()
    text, after, done = "", 0, False
    while not done:
        answer = operator.get(f"{path}?after={after}").get_json()
        text, after, done = text + answer["text"], answer["next"], answer["done"]
    assert text == log.read_text().replace("\x1b", "")
    assert operator.get(f"{path}?after=99999999").get_json()["text"] == ""
    assert operator.get(f"{path}?after=-1").status_code == 422


@pytest.mark.parametrize("id", ["0" * 16, "../x", "%00", "x" * 3000])
def test_no_other_job(operator: Any, id: str) -> None:
    for path in ("", "/log"):
        assert operator.get(f"/api/jobs/{id}{path}").status_code == 404
    for path in ACTIONS:
        assert operator.post(f"/api/jobs/{id}/{path}").status_code in (404, 405)


def test_outputs_of_another_name_are_named(tmp_path: Path) -> None:
    for name, folder in (("outputs", []), ("my runs", ["hydra.run.dir='my runs/site/ab/${now:%H-%M-%S-%f}'"])):
        (tmp_path / name).mkdir()
        assert placed(["lr=1"], "ab", tmp_path / name) == ["lr=1", "name=site/ab", *folder]
        assert working_folder(tmp_path / name) == tmp_path.resolve()
