import base64
import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from hostile import NAMES, corpus, encode, picture
from PIL import Image
from prediction_site import upload
from site_browser import Browser
from sqlalchemy import func, select

from fedsky.web import Settings, create_app
from fedsky.web.isolated import IsolatedProcess
from fedsky.web.prediction.registry import Registry
from fedsky.web.prediction.upload import MAX_BYTES
from fedsky.web.tables import Prediction

ROOT = Path(__file__).resolve().parents[3]
Roles = Callable[[str], Browser]


def decode(url: str) -> Image.Image:
    head, _, content = url.partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_a_visitor_is_told_all_and_nothing_is_kept(
    site: Flask, visitor: Browser, photo: bytes, registry: Registry
) -> None:
    answer = upload(visitor, photo)
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    assert told["prediction"]["label"] in ("cloudy", "sunny") and told["saved"] is None
    assert sum(told["prediction"]["probabilities"].values()) == pytest.approx(1)
    assert told["prediction"]["probability"] == max(told["prediction"]["probabilities"].values())
    assert told["caution"] == "It judges the sky in this picture, not tomorrow's weather."
    assert told["sky"]["is_sky"] and told["sky"]["score"] <= told["sky"]["threshold"]
    assert [other["kind"] for other in told["others"]] == ["pooled", *["alone"] * 5] and told["others_text"] == ""
    default = registry.models()[0]
    assert told["model"]["is_default"] and told["model"]["sha256"] == default.sha256
    assert (told["model"]["accuracy"], told["model"]["n_test"]) == (0.88, 75)
    shown, heat = decode(told["photo"]["png"]), decode(told["heatmap"]["png"])
    assert shown.size == heat.size == (told["photo"]["width"], told["photo"]["height"]) == (160, 160)
    assert heat.mode == "RGBA" and "4 x 4 places" in told["heatmap"]["text"] and "64 x 64" in told["heatmap"]["text"]
    with site.extensions["database"].reading() as db:
        assert db.scalar(select(func.count()).select_from(Prediction)) == 0


def test_any_model_can_be_chosen_and_each_of_the_others_says_the_same_as_when_asked(
    site: Flask, visitor: Browser, photo: bytes
) -> None:
    offered = visitor.get("/api/models").get_json()["models"]
    assert offered[0]["strategy"] == "fedavg" and offered[0]["is_default"]
    assert {model["strategy"]: model["num_models"] for model in offered} == {"fedavg": 1, "centralized": 1, "local": 5}
    alone = next(model for model in offered if model["strategy"] == "local")
    models = visitor.get(f"/api/models?run={alone['run_id']}").get_json()["models"]
    assert (
        len(models) == 7 and "path" not in str(models) and str(site.extensions["settings"].reference) not in str(models)
    )
    others = upload(visitor, photo).get_json()["others"]
    for other in others[:3]:
        own = upload(visitor, photo, model=other["id"], compare="false").get_json()
        assert own["prediction"]["probability"] == other["probability"] and own["others"] == []
        assert (own["model"]["label"], own["prediction"]["label"]) == (other["model"], other["label"])


def test_it_says_where_no_other_way_of_learning_is_at_hand(
    site: Flask, visitor: Browser, photo: bytes, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "others", lambda self, model: [])
    told = upload(visitor, photo).get_json()
    assert told["others"] == []
    assert told["others_text"].endswith("owners and seed: pooled model, owner's lone model.")


def test_a_picture_that_is_no_sky_is_judged_all_the_same_but_told(site: Flask, visitor: Browser) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8))
    told = upload(visitor, encode(noise, "PNG")).get_json()
    assert not told["sky"]["is_sky"] and told["sky"]["score"] > told["sky"]["threshold"]
    assert "not like the skies" in told["sky"]["text"] and told["prediction"]["label"]


def test_a_script_needs_neither_account_nor_token_but_a_browsers_session_needs_its_token(
    site: Flask, as_role: Roles, photo: bytes
) -> None:
    def form() -> dict[str, object]:
        return {"photo": (io.BytesIO(photo), "sky.jpg")}

    assert site.test_client().post("/api/predict", data=form()).status_code == 200
    user = as_role("user")
    assert user.client.post("/api/predict", data=form()).status_code == 400
    assert upload(user, photo).status_code == 200


def test_on_a_site_that_is_not_public_a_visitor_is_refused(
    settings: Settings, process: IsolatedProcess, photo: bytes
) -> None:
    app = create_app(replace(settings, public=False))
    visitor = Browser(app.test_client())
    assert upload(visitor, photo).status_code == visitor.get("/api/models").status_code == 401
    app.extensions["database"].close()


@pytest.mark.parametrize(
    "model", ["../../etc/passwd", "..%2f", "0" * 128, "nonsense", "dca88afb61b85536-9", "\x00", "a/b"]
)
def test_no_model_but_those_listed_can_be_named(site: Flask, visitor: Browser, photo: bytes, model: str) -> None:
    answer = upload(visitor, photo, model=model)
    assert answer.status_code == 404 and answer.get_json()["detail"] == "There is no such model."


def test_each_refusal_is_a_problem_of_one_sentence(site: Flask, visitor: Browser, photo: bytes) -> None:
    post = visitor.post
    multipart = {"content_type": "multipart/form-data"}
    refused = [
        (415, post("/api/predict", {"photo": "x"})),
        (415, post("/api/predict", data=photo, content_type="image/jpeg")),
        (422, post("/api/predict", data={}, **multipart)),
        (422, post("/api/predict", data={"photo": "text"}, **multipart)),
        (422, post("/api/predict", data={"photo": [(io.BytesIO(photo), "a"), (io.BytesIO(photo), "b")]}, **multipart)),
        (422, upload(visitor, photo, hack="1")),
        (422, upload(visitor, photo, keep="maybe")),
        (422, upload(visitor, photo, compare="1")),
        (422, upload(visitor, photo, model=["a", "b"])),
        (422, upload(visitor, b"")),
        (415, upload(visitor, b"<svg/>")),
        (422, upload(visitor, photo[:300])),
        (413, upload(visitor, photo + bytes(MAX_BYTES))),
        (413, upload(visitor, photo + bytes(MAX_BYTES + 2**20))),
        (401, upload(visitor, photo, keep="true")),
    ]
    for status, answer in refused:
        assert answer.status_code == status, (status, answer.text)
        assert answer.mimetype == "application/problem+json"
        detail = answer.get_json()["detail"]
        assert detail.endswith(".") and "\n" not in detail and "Traceback" not in detail


def test_without_any_model_it_says_so(settings: Settings, tmp_path: Path, photo: bytes) -> None:
    (tmp_path / "empty").mkdir()
    app = create_app(replace(settings, outputs=(tmp_path / "empty",), reference=tmp_path / "empty"))
    visitor = Browser(app.test_client())
    told = visitor.get("/api/models").get_json()
    assert (told["models"], told["total"]) == ([], 0)
    answer = upload(visitor, photo)
    assert answer.status_code == 409 and "no model to ask yet" in answer.get_json()["detail"]
    app.extensions["database"].close()


def test_a_worker_that_crashes_or_is_busy_costs_no_more_than_an_answer(
    site: Flask, visitor: Browser, photo: bytes
) -> None:
    crash = "import os, sys\nprint('{\"answer\": {}}', flush=True)\nsys.stdin.buffer.readline()\nos.abort()"
    site.extensions["predicting"] = IsolatedProcess("it", ["-c", crash], seconds=20, most=9, each=9)
    answer = upload(visitor, photo)
    assert answer.status_code == 422 and "could not be judged" in answer.get_json()["detail"]
    site.extensions["predicting"] = IsolatedProcess("it", ["-c", "raise SystemExit(3)"], seconds=20, most=9, each=9)
    assert upload(visitor, photo).status_code == 503
    site.extensions["predicting"] = full = IsolatedProcess("it", [], seconds=20, most=1, each=1)
    with full.room.of("another visitor"):
        answer = upload(visitor, photo)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_files_name_and_type_mean_nothing(
    site: Flask, visitor: Browser, photo: bytes, name: str, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    answer = upload(visitor, photo, name=name.replace("\r\n", " ") or "x", type="text/html", compare="false")
    assert answer.status_code == 200
    assert "script>" not in answer.text and sorted(tmp_path.rglob("*")) == before


def test_hostile_uploads_never_break_the_site(site: Flask, visitor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def spooled(*_: object, **__: object) -> object:
        raise AssertionError("an upload touches the disk")

    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", spooled)
    monkeypatch.setattr(site.extensions["limits"], "count", lambda *_: None)
    statuses = set()
    for case in corpus(120, seed=5):
        answer = upload(
            visitor, case.content, case.filename.replace("\r\n", "") or "x", case.media_type, compare="false"
        )
        statuses.add(answer.status_code)
        assert answer.status_code in (200, 413, 415, 422), (case.kind, answer.text)
        if case.taken is not None:
            assert (answer.status_code == 200) == case.taken, case.kind
    assert statuses == {200, 413, 415, 422}


def test_where_a_photograph_was_taken_does_not_come_back(site: Flask, visitor: Browser) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 29.0)
    exif[0x010F] = "ACME camera"
    told = upload(visitor, encode(picture(np.random.default_rng(0)), "JPEG", exif=exif)).get_json()
    content = base64.b64decode(told["photo"]["png"].partition(",")[2])
    assert b"ACME" not in content and b"Exif" not in content
    assert not decode(told["photo"]["png"]).getexif()


def test_the_description_shows_scripts_how(visitor: Browser) -> None:
    document = visitor.get("/api/openapi.json").get_json()
    post = document["paths"]["/api/predict"]["post"]
    form = post["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert "curl -F photo=@" in form["description"] and set(form["properties"]) == {"photo", "model", "keep", "compare"}
    assert "429" in post["responses"] and "not tomorrow's weather" in post["summary"]


def test_the_site_itself_never_loads_torch(settings: Settings) -> None:
    code = """
import sys
from pathlib import Path
from fedsky.web import Settings, create_app
from fedsky.web.isolated import IsolatedProcess
data, runs = map(Path, sys.argv[1:])
app = create_app(Settings(data=data, outputs=(runs,), reference=runs, testing=True))
models = app.test_client().get("/api/models").get_json()["models"]
found = {"torch", "flwr", "ray"} & set(sys.modules)
assert not found and len(models) == 3, (found, len(models))
"""
    arguments = [str(settings.data), str(settings.reference)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
