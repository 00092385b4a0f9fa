"""Launching a run with the site's real federation, and what is told of such a run, whose folder is written here."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from run_files import info_of
from site_browser import Browser

from fedsky.config import compose, resolve
from fedsky.deploy import federation
from fedsky.history import write_json
from fedsky.web import Settings
from fedsky.web.jobs.command import argv, shown

WORDS = ["engine=deployment", "engine.superlink=127.0.0.1:8001", "engine.certificate=federation/ca.crt"]
SINCE = "2026-11-02T09:30:00+00:00"
JOINED: dict[str, Any] = {
    "owners": [{"name": name, "since": SINCE, "version": "0.2.0", "versions": {}} for name in ("A", "Bö", "C")]
}


@pytest.fixture
def home(settings: Settings) -> federation.Home:
    return federation.init(settings.federation, ["A"], "lab.example.org", 8000)


def lines(path: Path, *rows: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_run(folder: Path, started: str, status: str = "done", **info: Any) -> Path:
    """A run with a real federation, of three owners, two rounds and a half of the third."""
    folder.mkdir(parents=True)
    about = {
        "status": status,
        "started": started,
        "choices": {"engine": "deployment", "strategy": "fedavg"},
        "config": {"num_clients": 3, "num_rounds": 5, "seed": 0},
        "role": "federated",
        "joined": JOINED,
    } | info
    write_json(folder / "run.json", about)
    lines(folder / "rounds.jsonl", *({"round": n, "num_trained": 2} for n in range(3)))
    ok: dict[str, Any] = {"status": "ok", "num_examples": 40, "bytes_up": 1_250_000, "bytes_down": 2_000_000}
    away: dict[str, Any] = {
        "status": "away",
        "reason": "not connected",
        "num_examples": None,
        "bytes_up": 0,
        "bytes_down": 0,
    }
    late = {
        "status": "late",
        "reason": "no reply of C within engine.ttl_seconds=600",
        "bytes_up": -1,
        "bytes_down": "x",
    }
    lines(
        folder / "clients.jsonl",
        *({"round": n, "client": 0} | ok for n in (1, 2)),
        *({"round": n, "client": 1} | away for n in (1, 2)),
        {"round": 1, "client": 2} | ok,
        {"round": 2, "client": 2} | late,
    )
    lines(
        folder / "timing.jsonl",
        {"round": 2, "client": None, "round_seconds": 9.0},
        {"round": 2, "client": 0, "train_seconds": 0.5},
    )
    return folder


def test_what_each_owner_gave_in_the_last_complete_round(
    settings: Settings, app: Flask, as_role: Callable[[str], Browser]
) -> None:
    user, place = as_role("user"), "/api/federation/run"
    nothing = user.get(place).get_json()
    assert nothing["id"] is None and nothing["owners"] == []
    write_run(settings.outputs[0] / "old", "2026-11-03T10:00:00+00:00")
    write_run(settings.outputs[0] / "new", "2026-11-03T11:00:00+00:00", "failed")
    write_run(settings.outputs[0] / "simulated", "2026-11-04T11:00:00+00:00", choices={"engine": "ray"})
    app.extensions["runs"].index.refresh(0)
    answer = user.get(place)
    told = answer.get_json()
    assert (told["started"], told["status"], told["round"], told["num_rounds"]) == (
        "2026-11-03T11:00:00+00:00",
        "failed",
        2,
        5,
    )
    assert user.get(f"/api/runs/{told['id']}").status_code == 200
    a, b, c = told["owners"]
    assert a == {
        "name": "A",
        "version": "0.2.0",
        "since": SINCE,
        "status": "ok",
        "reason": "",
        "num_examples": 40,
        "bytes_up": 1_250_000,
        "bytes_down": 2_000_000,
        "seconds": 0.5,
    }
    assert (b["name"], b["status"], b["reason"], b["num_examples"]) == ("Bö", "away", "not connected", None)
    assert (c["status"], c["bytes_up"], c["bytes_down"], c["seconds"]) == ("late", None, None, None)
    same = user.get(place, headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")


def test_a_run_folder_of_somebody_elses_cannot_break_the_page(
    settings: Settings, app: Flask, as_role: Callable[[str], Browser]
) -> None:
    odd = {"owners": [{"name": "<b>\x1b" + "n" * 100, "version": ["x"], "since": 7}, "y", {}]}
    folder = write_run(settings.outputs[0] / "odd", "2026-11-03T10:00:00+00:00", joined=odd)
    hacked = {"round": 1, "client": 0, "status": "hacked", "num_examples": 1e99}
    lines(folder / "clients.jsonl", hacked, {"round": 1})
    app.extensions["runs"].index.refresh(0)
    told = as_role("user").get("/api/federation/run").get_json()
    first, second, third = told["owners"]
    assert (len(first["name"]), first["version"], first["since"], first["status"]) == (40, None, None, None)
    assert (second["name"], third["name"], first["num_examples"]) == ("1", "2", None)
    write_json(folder / "run.json", info_of(folder) | {"joined": "nothing"})
    app.extensions["runs"].index.refresh(0)
    assert as_role("user").get("/api/federation/run").get_json()["owners"] == []


def preview(operator: Browser, fields: dict[str, Any], recipe: str | None = None) -> dict[str, Any]:
    answer = operator.post("/api/jobs/preview", {"fields": fields} | ({"recipe": recipe} if recipe else {}))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.get_json()
    return told


def test_an_operator_launches_with_the_sites_federation_and_no_other(
    home: federation.Home, as_role: Callable[[str], Browser]
) -> None:
    operator = as_role("operator")
    told = preview(operator, {"engine": "deployment", "num_rounds": 3})
    assert told["problems"] == [] and told["command"] == " ".join(
        ["python -m fedsky strategy=fedavg", *WORDS, "num_rounds=3"]
    )
    words = told["command"].split()[3:]
    config = resolve(compose(words))
    assert config["engine"]["kind"] == "deployment" and config["data"]["_target_"] == "fedsky.data.folder.load"
    assert (config["evaluate"], config["on_failure"], config["num_clients"]) == ("clients", "skip", None)
    answer = operator.post("/api/jobs", {"fields": {"engine": "deployment", "num_rounds": 3}})
    job = answer.get_json()["job"]
    assert answer.status_code == 201 and all(word in job["command"].split() for word in WORDS)
    assert "deployment" in job["name"]
    for field in ("engine.superlink", "superlink", "engine.certificate", "certificate", "federation"):
        body = {"fields": {"engine": "deployment", field: "evil.example:1"}}
        refused = operator.post("/api/jobs", body)
        assert refused.status_code == 422 and f"unknown field {field}" in refused.get_json()["detail"]
    for value in ("deployment engine.superlink=evil.example:1", "deployment,ray", "evil.example:1"):
        assert operator.post("/api/jobs", {"fields": {"engine": value}}).status_code == 422
    assert as_role("user").post("/api/jobs", {"fields": {"engine": "deployment"}}).status_code == 403


def test_what_the_owners_bring_is_not_chosen_here(home: federation.Home, as_role: Callable[[str], Browser]) -> None:
    operator = as_role("operator")
    for name, value in (
        ("num_clients", 3),
        ("partition", "dirichlet"),
        ("clients", "phones"),
        ("baselines", "yes"),
        ("on_failure", "retry"),
        ("data.count", 100),
        ("stragglers", 0.5),
    ):
        problems = preview(operator, {"engine": "deployment", name: value})["problems"]
        assert len(problems) == 1 and problems[0].startswith(f"{name} counts with "), problems
    hangs = preview(operator, {"engine": "deployment", "partition": "dirichlet", "dirichlet.alpha": 0.1})["problems"]
    assert [problem.split()[0] for problem in hangs] == ["partition", "dirichlet.alpha"]
    told = preview(operator, {"engine": "deployment"}, "clocks")["problems"]
    assert told == ["engine=deployment: a recipe names its own photographs"]


def test_without_a_federation_none_is_offered(as_role: Callable[[str], Browser]) -> None:
    operator = as_role("operator")
    fields = {field["name"]: field for field in operator.get("/api/recipes").get_json()["fields"]}
    assert fields["engine"]["choices"] == ["ray", "inline"]
    assert preview(operator, {"engine": "deployment"})["problems"] == ["engine: choose ray, inline"]


def test_going_on_says_the_places_anew_and_quotes_are_read() -> None:
    words = ["strategy=fedavg", *WORDS[:2], "engine.certificate='my lab/ca.crt'", "name=site/x"]
    assert argv(words, Path("outputs/site/x"))[2:] == [
        "fedsky.resume",
        "outputs/site/x",
        "engine.superlink=127.0.0.1:8001",
        "engine.certificate=my lab/ca.crt",
    ]
    assert shown(["strategy=fedavg", "name=site/x"], Path("outputs/site/x")) == "python -m fedsky.resume outputs/site/x"
