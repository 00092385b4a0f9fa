"""The runs' part of the API, on copies of real runs."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from run_files import rows_of

from fedsky.web import Settings
from fedsky.web.api import shapes

REFERENCE = Path(__file__).resolve().parents[2] / "outputs" / "reference"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A site with three real runs of the photographs."""
    for name in ("fedavg-0", "fedavg-1", "local-0"):
        shutil.copytree(REFERENCE / "sky" / name, settings.outputs[0] / "reference" / "sky" / name)
    return settings


@pytest.fixture
def get(visitor: Any) -> Callable[[str], Any]:
    def ask(path: str) -> Any:
        answer = visitor.get(f"/api{path}")
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    return ask


def test_the_list_and_its_shape(get: Any) -> None:
    answer = get("/runs?sort=name")
    shapes.RunList.model_validate(answer)
    assert set(answer["runs"][0]) == set(shapes.ListedRun.model_fields)
    assert [run["folder"] for run in answer["runs"]] == [
        f"reference/sky/{name}" for name in ("fedavg-0", "fedavg-1", "local-0")
    ]
    assert [run["is_reference"] for run in answer["runs"]] == [True] * 3
    assert get("/runs?q=local")["total"] == 1
    assert len(get("/runs?limit=1&offset=1")["runs"]) == 1


@pytest.mark.parametrize("query", ["sort=secret", "limit=0", "limit=501", "offset=-1", "status=x", "who=me", "q=a&q=b"])
def test_a_question_that_is_none_is_refused(visitor: Any, query: str) -> None:
    answer = visitor.get(f"/api/runs?{query}")
    assert answer.status_code == 422 and answer.mimetype == "application/problem+json"


def test_every_view_of_a_run(get: Any, settings: Settings) -> None:
    id = get("/runs?q=fedavg-0")["runs"][0]["id"]
    detail = get(f"/runs/{id}")
    shapes.RunDetail.model_validate(detail)
    assert detail["config"]["lr"] == 0.05 and detail["config"]["strategy._target_"] == "strategies.fedavg.FedAvg"
    assert detail["has"] == {"predictions": True, "partition": True, "model": False}  # which another repetition keeps
    files = {file["name"] for file in detail["files"]}
    assert {"run.json", "rounds.jsonl"} <= files and "model.safetensors" not in files

    rounds = get(f"/runs/{id}/rounds")
    shapes.RoundList.model_validate(rounds)
    folder = settings.outputs[0] / "reference" / "sky" / "fedavg-0"
    written = rows_of(folder, "rounds")
    assert [row["accuracy"] for row in rounds["rounds"]] == [row["accuracy"] for row in written]
    assert all(row["seconds"] > 0 for row in rounds["rounds"])
    assert rounds["last"] == 20 and rounds["status"] == "done"
    assert rounds["feed"][7]["clients"] == [0, 1, 2, 3, 4] and rounds["feed"][7]["num_owners"] == 5
    assert rounds["feed"][7]["megabytes"] == pytest.approx((written[7]["bytes_up"] + written[7]["bytes_down"]) / 1e6)
    assert [row["round"] for row in get(f"/runs/{id}/rounds?after=18")["rounds"]] == [19, 20]
    assert get(f"/runs/{id}/rounds?after=20")["rounds"] == []

    clients = get(f"/runs/{id}/clients?metric=num_steps")
    shapes.Clients.model_validate(clients)
    lines = rows_of(folder, "clients")
    for line in lines:
        assert clients["values"][line["client"]][line["round"]] == line["num_steps"]
        assert clients["status"][line["client"]][line["round"]] == line["status"]

    partition = get(f"/runs/{id}/partition")
    shapes.Partition.model_validate(partition)
    counts = sum(sum(owner[part]) for owner in partition["clients"] for part in ("train", "validation", "test"))
    assert counts == 373 and partition["heterogeneity"] == 0.003022783977389789

    confusion = get(f"/runs/{id}/confusion")
    shapes.Confusion.model_validate(confusion)
    right = sum(confusion["matrix"][n][n] for n in range(2))
    assert confusion["n"] == 75 and right / 75 == pytest.approx(detail["result"]["accuracy"])
    assert sum(confusion["recall"]) / 2 == pytest.approx(detail["result"]["balanced_accuracy"])


def test_what_has_not_changed_is_not_sent_again(visitor: Any, settings: Settings) -> None:
    id = visitor.get("/api/runs?q=local-0").get_json()["runs"][0]["id"]
    first = visitor.get(f"/api/runs/{id}/rounds?after=-1")
    again = visitor.get(f"/api/runs/{id}/rounds?after=-1", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    path = settings.outputs[0] / "reference" / "sky" / "local-0" / "rounds.jsonl"
    with path.open("a") as file:
        file.write('{"round": 21, "accuracy": 0.5}\n')
    visitor.client.application.extensions["runs"].index.refresh(0)
    moved = visitor.get(f"/api/runs/{id}/rounds?after=20", headers={"If-None-Match": first.headers["ETag"]})
    assert moved.status_code == 200 and moved.get_json()["last"] == 21


def test_a_packed_answer_is_the_same(visitor: Any) -> None:
    plain = visitor.get("/api/runs")
    packed = visitor.get("/api/runs", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data and len(packed.data) < len(plain.data)


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2frun.json", "%2e%2e/run.json", "....//run.json", ".hydra", "models", "checkpoint", "run.json%00",
     "RUN.JSON", "%252e%252e%252frun.json", "run.json;.csv", "file:%2f%2f%2fetc%2fpasswd"],
)  # fmt: skip
def test_no_other_file_leaves(visitor: Any, name: str) -> None:
    id = visitor.get("/api/runs?q=local-0").get_json()["runs"][0]["id"]
    assert visitor.get(f"/api/runs/{id}/files/{name}").status_code == 404


def test_a_file_leaves_as_an_attachment_and_a_link_does_not(visitor: Any, settings: Settings) -> None:
    id = visitor.get("/api/runs?q=local-0").get_json()["runs"][0]["id"]
    folder = settings.outputs[0] / "reference" / "sky" / "local-0"
    answer = visitor.get(f"/api/runs/{id}/files/predictions.csv")
    assert answer.data == (folder / "predictions.csv").read_bytes()
    assert answer.headers["Content-Disposition"] == "attachment; filename=predictions.csv"
    answer.close()
    (folder / "run.log").symlink_to("/etc/passwd")
    assert visitor.get(f"/api/runs/{id}/files/run.log").status_code == 404


@pytest.mark.parametrize("id", ["0" * 16, "..", "reference%2fsky%2flocal-0", "%00", "a" * 4000, "<script>"])
@pytest.mark.parametrize("view", ["", "/rounds", "/clients", "/partition", "/confusion", "/files/run.json"])
def test_a_run_is_found_by_its_id_alone(visitor: Any, id: str, view: str) -> None:
    assert visitor.get(f"/api/runs/{id}{view}").status_code == 404


def test_views_of_a_broken_run_are_empty_and_not_errors(visitor: Any, settings: Settings) -> None:
    folder = settings.outputs[0] / "broken"
    folder.mkdir()
    (folder / "run.json").write_text("[]")
    for name in ("rounds.jsonl", "clients.jsonl", "timing.jsonl"):
        (folder / name).write_text('{"round": 0, "client": "x", "accuracy": {}}\n{"round": 1e9}\nnull\n')
    (folder / "partition.json").write_text('{"classes": ["a"], "clients": [{"client": 0, "train": ["x"]}]}')
    (folder / "predictions.csv").write_bytes(b"label,predicted\na\n\xff,b,c\n")
    id = visitor.get("/api/runs?q=broken").get_json()["runs"][0]["id"]
    for path in ("", "/rounds", "/clients", "/partition", "/confusion"):
        answer = visitor.get(f"/api/runs/{id}{path}")
        assert answer.status_code == 200, (path, answer.text)
    assert visitor.get(f"/api/runs/{id}/partition").get_json()["clients"] == []
    assert visitor.get(f"/api/runs/{id}").get_json()["problems"]


def test_an_operator_annotates_and_others_read(app: Flask, visitor: Any, as_role: Callable[[str], Any]) -> None:
    id = visitor.get("/api/runs?q=local-0").get_json()["runs"][0]["id"]
    path = f"/api/runs/{id}/annotation"
    assert visitor.patch(path, {"title": "x"}).status_code == 401
    assert as_role("user").patch(path, {"title": "x"}).status_code == 403
    operator = as_role("operator")
    wanted = {"title": "For chapter 4", "note": "<b>bold</b>\nline 2\x00", "tags": ["thesis", "thesis", " "]}
    assert operator.patch(path, wanted).status_code == 200
    assert operator.patch(path, {"title": "For chapter 5"}).status_code == 200
    read = visitor.get(f"/api/runs/{id}").get_json()
    assert read["annotation"] == {"title": "For chapter 5", "note": "<b>bold</b>\nline 2", "tags": ["thesis"]}
    assert visitor.get("/api/runs?q=chapter").get_json()["runs"][0]["note"] == "For chapter 5"
    for wrong in ({"title": 5}, {"title": "x" * 201}, {"tags": ["x"] * 21}, {"id": "x"}, {"tags": "thesis"}):
        assert operator.patch(path, wrong).status_code == 422
    assert operator.patch("/api/runs/0000000000000000/annotation", {"title": "x"}).status_code == 404
