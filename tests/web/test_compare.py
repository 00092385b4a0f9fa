"""Comparisons through the API: the report's own numbers, kept, exported, and never at the cost of the pages."""

import csv
import io
import json
import os
import shutil
import threading
import time
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from fedsky.report import summary
from fedsky.web import Settings, create_app
from fedsky.web.limits import Limits
from fedsky.web.runs.answers import Answers
from fedsky.web.runs.keeping import Keeping
from fedsky.web.share import BusyError

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).resolve().parents[2] / "outputs" / "reference"
NAMES = ("centralized-0", "centralized-1", "fedavg-0", "fedavg-1", "local-0", "local-1")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A site with six real runs of the photographs, which all tests here share: its process takes seconds to begin."""
    place = tmp_path_factory.mktemp("compare")
    for name in NAMES:
        shutil.copytree(REFERENCE / "sky" / name, place / "outputs" / "reference" / "sky" / name)
    outputs = place / "outputs"
    return Settings(data=place / "data", outputs=(outputs,), reference=outputs / "reference", testing=True)


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    yield made
    made.extensions["comparing"].close()
    made.extensions["database"].close()


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    app.extensions["limits"] = Limits()  # the tests together ask more often than a person may
    return app.test_client()


@pytest.fixture
def ids(visitor: FlaskClient) -> dict[str, str]:
    return {run["folder"].rpartition("/")[2]: run["id"] for run in visitor.get("/api/runs").get_json()["runs"]}


def test_the_numbers_are_the_reports(visitor: FlaskClient, ids: dict[str, str], settings: Settings, app: Flask) -> None:
    query = "&".join(f"run={id}" for id in ids.values())
    answer = visitor.get(f"/api/compare?{query}&x=megabytes&metric=accuracy&lang=zh")
    assert answer.status_code == 200, answer.text
    given = answer.get_json()
    folders = sorted((settings.reference / "sky").iterdir())
    expected = json.loads(json.dumps(summary.compare(folders, x="megabytes", metric="accuracy", lang="zh")))
    assert given.pop("run_ids") == ids
    assert given == expected
    assert [group["label"] for group in given["kinds"][0]["groups"]] == ["local", "fedavg", "centralized"]
    wide = visitor.get(f"/api/compare?{query}&margin=60").get_json()["kinds"][0]["comparisons"]
    known = [each for each in wide if each["difference"]["low"] is not None]
    for each in known:
        assert each["within"] == (each["difference"]["low"] > -0.6 and each["difference"]["high"] < 0.6)
    assert any(each["within"] for each in known)
    again = visitor.get(
        f"/api/compare?{query}&x=megabytes&metric=accuracy&lang=zh", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    service = app.extensions["comparing"]
    service.close()
    service.answers = Answers()
    other_order = "&".join(f"run={id}" for id in reversed(ids.values()))
    kept = visitor.get(f"/api/compare?{other_order}&x=megabytes&metric=accuracy&lang=zh").get_json()
    assert kept["kinds"] == given["kinds"]
    assert service.quick._process is None, "read from disk, nothing is computed"


def test_the_exports_say_the_same(visitor: FlaskClient, ids: dict[str, str]) -> None:
    given = visitor.get("/api/compare?q=sky").get_json()
    answer = visitor.get("/api/compare.csv?q=sky")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    [kind] = given["kinds"]
    for group in kind["groups"]:
        mine = [row for row in rows if row["group"] == group["label"]]
        finals = {row["metric"]: float(row["value"]) for row in mine if row["table"] == "final"}
        assert finals == {name: final["value"] for name, final in group["final"].items()}
        assert [float(row["value"]) for row in mine if row["table"] == "mean"] == group["curve"]["mean"]
        assert len([row for row in mine if row["table"] == "run"]) == sum(
            len(run["x"]) for run in group["curve"]["runs"]
        )


@pytest.mark.parametrize("plot", ["curves", "final", "owners"])
def test_figures_are_drawn(visitor: FlaskClient, plot: str) -> None:
    svg = visitor.get(f"/api/compare.svg?q=sky&plot={plot}&x=seconds")
    assert svg.status_code == 200, svg.text
    assert ET.fromstring(svg.data).tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<script" not in svg.data and svg.headers["Content-Disposition"].startswith("attachment")
    if plot == "curves":
        with Image.open(io.BytesIO(visitor.get(f"/api/compare.png?q=sky&plot={plot}").data)) as picture:
            assert picture.format == "PNG" and picture.width > 800
    assert visitor.get(f"/api/compare.svg?q=sky&plot={plot}&kind=1").status_code == 422


def test_the_whole_report_comes_as_a_zip(visitor: FlaskClient, settings: Settings, app: Flask) -> None:
    answer = visitor.get("/api/compare/report?q=fedavg-0", buffered=True)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        names = archive.namelist()
        assert "report/index.html" in names and any(name.startswith("report/plots/") for name in names)
        assert b"fedavg" in archive.read("report/index.html")
        assert str(settings.outputs[0]).encode() not in archive.read("report/index.html")
    app.extensions["comparing"].close()
    again = visitor.get("/api/compare/report?q=fedavg-0", buffered=True)
    assert again.data == answer.data
    assert app.extensions["comparing"].slow._process is None, "it is kept, nothing is drawn"


def test_the_story_of_the_reference_runs(visitor: FlaskClient) -> None:
    story = visitor.get("/api/story?lang=en").get_json()
    assert [group["label"] for group in story["compare"]["kinds"][0]["groups"]] == ["local", "fedavg", "centralized"]
    [told] = story["compare"]["kinds"][0]["story"]
    assert story["sentences"] == told["sentences"] and "fedavg" in story["sentences"][0]


def test_a_site_without_reference_runs_has_no_story(visitor: FlaskClient, settings: Settings, app: Flask) -> None:
    settings.reference.rename(settings.reference.with_name("elsewhere"))
    index = app.extensions["runs"].index
    index.refresh(0)
    story = visitor.get("/api/story").get_json()
    settings.reference.with_name("elsewhere").rename(settings.reference)
    index.refresh(0)
    assert story == {"compare": {"title": "", "notes": [], "kinds": [], "run_ids": {}}, "sentences": []}


@pytest.mark.parametrize(
    ("query", "status"),
    [("run=0000000000000000", 404), ("run=..%2f..", 404), ("q=nosuchword", 422), ("q=sky&x=hours", 422),
     ("q=sky&metric=secret", 422), ("q=sky&lang=xx", 422),
     ("q=sky&baseline=nobody", 422), ("q=sky&margin=0", 422), ("q=sky&group_by=nokey", 422), ("q=sky&folder=/etc", 422),
     ("&".join(["run=a"] * 500), 404), ("&".join(["run=a"] * 501), 422)],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(visitor: FlaskClient, query: str, status: int) -> None:
    answer = visitor.get(f"/api/compare?{query}")
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json" and "Traceback" not in answer.text


def test_broken_and_running_runs_are_left_out_and_told(visitor: FlaskClient, settings: Settings, app: Flask) -> None:
    for name in ("local-0", "local-1", "fedavg-0"):
        shutil.copytree(REFERENCE / "sky" / name, settings.outputs[0] / "odd" / name)
    (settings.outputs[0] / "odd" / "local-0" / "run.json").write_text('{"status": "running", "config": {}}')
    linked = settings.outputs[0] / "odd" / "local-1" / "rounds.jsonl"
    linked.unlink()
    linked.symlink_to("/etc/passwd")
    app.extensions["runs"].index.refresh(0)
    given = visitor.get("/api/compare?q=odd").get_json()
    shutil.rmtree(settings.outputs[0] / "odd")
    app.extensions["runs"].index.refresh(0)
    told = {each["name"]: each["status"] for each in given["kinds"][0]["left_out"]}
    assert told == {"local-0": "running", "local-1": "unknown"}
    assert "root:" not in json.dumps(given)


def test_an_answer_is_made_once_for_all_who_wait_and_few_may() -> None:
    answers = Answers(most=3)
    made: list[int] = []
    busy: list[int] = []
    good: list[bytes] = []

    def make() -> dict[str, int]:
        made.append(1)
        end = time.monotonic() + 60
        while len(busy) < 6:  # the others have come
            assert time.monotonic() < end
            time.sleep(0.01)
        return {"a": 1}

    def ask() -> None:
        try:
            good.append(answers.get(("key",), make).body)
        except BusyError:
            busy.append(1)

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(good), len(busy)) == (1, 4, 6) and set(good) == {b'{"a":1}'}


def test_what_is_kept_keeps_within_its_room(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path / "kept", room=250)
    paths = [keeping.path((number,), "x") for number in range(4)]
    for number, path in enumerate(paths):
        keeping.put(path, b"x" * 100)
        os.utime(path, (number, number))
    keeping.tidy()
    assert [keeping.get(path) is not None for path in paths] == [False, False, True, True]
    answers = Answers(room=4000)
    for number in range(100):
        answers.get((number,), lambda number=number: "x" * 500 + str(number))  # type: ignore[misc]
    assert answers.size <= 4000
