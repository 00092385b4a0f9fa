import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from hostile import encode, picture
from PIL import Image
from prediction_site import upload
from site_browser import Browser
from sqlalchemy import select

from fedsky.data.folder import load
from fedsky.web import Settings
from fedsky.web.prediction import accepted
from fedsky.web.tables import AuditEntry, Offer, Prediction, User

Roles = Callable[[str], Browser]


def keep(browser: Browser, photo: bytes) -> str:
    answer = upload(browser, photo, keep="true", compare="false")
    assert answer.status_code == 200, answer.text
    saved = answer.get_json()["saved"]
    assert isinstance(saved, str)
    return saved


def another(number: int) -> bytes:
    return encode(picture(np.random.default_rng(number), 64, 48), "JPEG")


def test_what_is_kept_is_the_owners_alone_and_goes_when_deleted(
    site: Flask, as_role: Roles, add_user: Callable[..., User], photo: bytes
) -> None:
    owner, admin = as_role("user"), as_role("admin")
    add_user("stranger")
    stranger = as_role("stranger")
    saved = keep(owner, photo)
    (mine,) = owner.get("/api/predictions").get_json()["predictions"]
    assert mine["id"] == saved and mine["offered"] is None and 0.5 <= mine["probability"] <= 1
    answer = owner.get(f"/api/predictions/{saved}/photo")
    assert answer.mimetype == "image/jpeg" and answer.headers["Cache-Control"] == "private, no-store"
    assert (
        "sandbox" in answer.headers["Content-Security-Policy"] and answer.headers["X-Content-Type-Options"] == "nosniff"
    )
    with site.extensions["database"].reading() as db:
        assert b"Exif" not in db.get(Prediction, saved).photo
    for other in (stranger, admin):
        assert other.get("/api/predictions").get_json() == {"predictions": []}
        for status in (
            other.get(f"/api/predictions/{saved}/photo").status_code,
            other.delete(f"/api/predictions/{saved}").status_code,
            other.post(f"/api/predictions/{saved}/offer", {"label": "sunny"}).status_code,
        ):
            assert status == 404
    assert owner.delete(f"/api/predictions/{saved}").status_code == 200
    assert owner.get(f"/api/predictions/{saved}/photo").status_code == 404
    assert owner.get("/api/predictions").get_json() == {"predictions": []}


@pytest.mark.parametrize("id", ["../../etc/passwd", "%2e%2e%2fx", "0" * 16, "' OR 1=1 --", "x" * 5000])
def test_no_id_but_an_own_one_leads_anywhere(site: Flask, as_role: Roles, id: str) -> None:
    admin = as_role("admin")
    for path in (f"/api/predictions/{id}/photo", f"/api/admin/offers/{id}/photo"):
        assert admin.get(path).status_code == 404
    assert admin.delete(f"/api/predictions/{id}").status_code == 404
    assert admin.patch(f"/api/admin/offers/{id}", {"decision": "reject"}).status_code == 404


def test_visitors_keep_nothing_and_users_review_nothing(site: Flask, visitor: Browser, as_role: Roles) -> None:
    assert visitor.get("/api/predictions").status_code == 401
    for role in ("user", "operator"):
        assert as_role(role).get("/api/admin/offers").status_code == 403
        assert as_role(role).patch("/api/admin/offers/x", {"decision": "accept"}).status_code == 403


def test_an_offer_that_is_accepted_becomes_training_data_that_fedsky_reads(
    site: Flask, settings: Settings, as_role: Roles, photo: bytes, tmp_path: Path
) -> None:
    user, admin = as_role("user"), as_role("admin")
    photos = {"sunny": photo, "cloudy": another(1)}
    for label, content in photos.items():
        answer = user.post(f"/api/predictions/{keep(user, content)}/offer", {"label": label})
        assert answer.status_code == 201 and answer.get_json()["offer"]["state"] == "waiting"
    assert not settings.accepted.exists()
    waiting = admin.get("/api/admin/offers").get_json()["offers"]
    assert [(offer["label"], offer["owner"], offer["state"]) for offer in waiting] == [
        ("sunny", "user", "waiting"),
        ("cloudy", "user", "waiting"),
    ]
    for offer in waiting:
        shown = admin.get(f"/api/admin/offers/{offer['id']}/photo")
        assert shown.mimetype == "image/jpeg" and shown.data.startswith(b"\xff\xd8")
        assert admin.patch(f"/api/admin/offers/{offer['id']}", {"decision": "accept"}).status_code == 200
    with (settings.accepted / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["label"] for row in rows} == {"sunny", "cloudy"}
    assert list(rows[0]) == ["file", "label", "source", "original_name", "sha256", "width", "height", "review", "note"]
    read = load(str(settings.accepted), 32, cache=str(tmp_path / "cache"))
    assert len(read) == 2 and list(read.classes) == ["cloudy", "sunny"]
    assert {entry["offered"] for entry in user.get("/api/predictions").get_json()["predictions"]} == {"sunny", "cloudy"}
    with site.extensions["database"].reading() as db:
        actions = db.scalars(select(AuditEntry.action)).all()
    assert actions.count("offer") == actions.count("offer.accept") == 2


def test_an_administrator_may_mend_the_label_and_change_the_decision(
    site: Flask, settings: Settings, as_role: Roles
) -> None:
    user, admin = as_role("user"), as_role("admin")
    user.post(f"/api/predictions/{keep(user, another(2))}/offer", {"label": "sunny"})
    (offer,) = admin.get("/api/admin/offers").get_json()["offers"]
    path = f"/api/admin/offers/{offer['id']}"

    def manifest() -> list[dict[str, str]]:
        with (settings.accepted / "manifest.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    assert admin.patch(path, {"decision": "accept", "label": "cloudy"}).get_json()["offer"]["decided_label"] == "cloudy"
    assert [row["label"] for row in manifest()] == ["cloudy"]
    assert admin.patch(path, {"decision": "accept"}).status_code == 200  # twice is once
    assert [row["label"] for row in manifest()] == ["sunny"]
    assert admin.patch(path, {"decision": "reject"}).get_json()["offer"]["state"] == "rejected"
    assert manifest() == [] and not list((settings.accepted / "photos").iterdir())
    for wrong in (
        {"decision": "accept", "label": "../x"},
        {"decision": "perhaps"},
        {"decision": "accept", "path": "x"},
        {},
    ):
        assert admin.patch(path, wrong).status_code == 422


def test_a_photograph_is_offered_once_and_under_a_class_that_its_model_knows(site: Flask, as_role: Roles) -> None:
    user = as_role("user")
    first, same = keep(user, another(3)), keep(user, another(3))
    for label in ("snow", "../../x", "<script>", ""):
        assert user.post(f"/api/predictions/{first}/offer", {"label": label}).status_code == 422
    assert user.post(f"/api/predictions/{first}/offer", {"label": "cloudy"}).status_code == 201
    for id in (first, same):
        answer = user.post(f"/api/predictions/{id}/offer", {"label": "sunny"})
        assert answer.status_code == 409 and "already" in answer.get_json()["detail"]


def test_deleting_a_prediction_withdraws_an_offer_that_waits(site: Flask, as_role: Roles) -> None:
    user, admin = as_role("user"), as_role("admin")
    saved = keep(user, another(4))
    user.post(f"/api/predictions/{saved}/offer", {"label": "cloudy"})
    assert user.delete(f"/api/predictions/{saved}").status_code == 200
    assert admin.get("/api/admin/offers").get_json() == {"offers": []}
    with site.extensions["database"].reading() as db:
        assert db.scalars(select(Offer)).all() == []


def test_an_account_keeps_a_bounded_number(site: Flask, as_role: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedsky.web.api.predict.MOST_KEPT", 1)
    user = as_role("user")
    keep(user, another(5))
    answer = upload(user, another(6), keep="true", compare="false")
    assert answer.status_code == 409 and "delete one first" in answer.get_json()["detail"]


def test_a_kill_between_folder_and_database_is_mended_by_deciding_anew(
    site: Flask, settings: Settings, as_role: Roles, photo: bytes
) -> None:
    user, admin = as_role("user"), as_role("admin")
    user.post(f"/api/predictions/{keep(user, photo)}/offer", {"label": "sunny"})
    (offer,) = admin.get("/api/admin/offers").get_json()["offers"]
    accepted.put(settings.accepted, offer["id"], "sunny", photo, "0" * 64, "")  # and then the power goes
    assert admin.patch(f"/api/admin/offers/{offer['id']}", {"decision": "reject"}).status_code == 200
    assert (settings.accepted / "manifest.csv").read_text().count("\n") == 1
    accepted.put(settings.accepted, "b", "cloudy", photo, "1" * 64, 'a "quoted", note')
    accepted.put(settings.accepted, "a", "sunny", photo, "2" * 64, "")
    with (settings.accepted / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == ["photos/a.jpg", "photos/b.jpg"] and rows[1]["note"] == 'a "quoted", note'
    with Image.open(settings.accepted / "photos" / "a.jpg") as image:
        assert (str(image.width), str(image.height)) == (rows[0]["width"], rows[0]["height"])


def test_the_kept_answer_holds_no_picture(site: Flask, as_role: Roles) -> None:
    saved = keep(as_role("user"), another(7))
    with site.extensions["database"].reading() as db:
        answer = db.get(Prediction, saved).answer
    assert "base64" not in json.dumps(answer) and answer["model"]["sha256"] and answer["sky"]["threshold"] == 1.0
