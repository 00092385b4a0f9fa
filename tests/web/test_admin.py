"""What administrators do, and what even they cannot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from site_browser import PASSWORD, Browser
from sqlalchemy import select

from fedsky.web import Settings, create_app
from fedsky.web.accounts import num_admins, one_time
from fedsky.web.audit import forget_old
from fedsky.web.datasets import all_sets
from fedsky.web.tables import AuditEntry, Job, User, now

As = Callable[[str], Browser]


def id_of(admin: Browser, name: str) -> str:
    users = admin.get("/api/admin/users").get_json()["users"]
    return next(str(user["id"]) for user in users if user["name"] == name)


def test_a_disabled_account_is_out_at_once_with_its_jobs(app: Flask, as_role: As) -> None:
    admin, user = as_role("admin"), as_role("user")
    id = id_of(admin, "user")
    with app.extensions["database"].writing() as db:
        db.add(Job(user_id=id, overrides=[]))
        db.commit()
    assert admin.patch(f"/api/admin/users/{id}", {"state": "disabled"}).get_json()["user"]["state"] == "disabled"
    assert user.get("/api/profile").status_code == 401
    again = Browser(app.test_client()).log_in("user")
    assert again.status_code == 403 and "disabled" in again.get_json()["detail"]
    assert Browser(app.test_client()).log_in("user", "wrong wrong wrong").status_code == 401
    with app.extensions["database"].reading() as db:
        assert db.scalars(select(Job)).one().status == "cancelled"
    admin.patch(f"/api/admin/users/{id}", {"state": "active"})
    assert user.get("/api/profile").status_code == 401, "an old session does not come back to life"
    assert user.log_in("user").status_code == 200


def test_a_role_is_given_and_taken(as_role: As) -> None:
    admin, user = as_role("admin"), as_role("user")
    id = id_of(admin, "user")
    admin.patch(f"/api/admin/users/{id}", {"role": "admin"})
    assert user.get("/api/admin/users").status_code == 200
    user.patch(f"/api/admin/users/{id_of(admin, 'admin')}", {"role": "operator"})
    assert admin.get("/api/admin/users").status_code == 401, "a lesser role begins with a new session"
    assert admin.log_in("admin").get_json()["user"]["role"] == "operator"
    assert admin.get("/api/admin/users").status_code == 403


@pytest.mark.parametrize("change", [{"role": "user"}, {"state": "disabled"}, {"state": "waiting"}])
def test_the_last_administrator_stays(app: Flask, as_role: As, change: dict[str, str]) -> None:
    admin = as_role("admin")
    answer = admin.patch(f"/api/admin/users/{id_of(admin, 'admin')}", change)
    assert answer.status_code == 409
    assert admin.delete("/api/profile", {"password": PASSWORD}).status_code == 409
    with app.extensions["database"].reading() as db:
        assert num_admins(db) == 1
    assert admin.get("/api/admin/users").status_code == 200


@pytest.mark.parametrize(
    "change", [{"role": "root"}, {"name": "x"}, {"password_hash": "x"}, {"state": 1}, {"role": ["admin"]}, {"id": "x"}]
)
def test_what_nobody_can_set(as_role: As, change: dict[str, object]) -> None:
    admin = as_role("admin")
    assert admin.patch(f"/api/admin/users/{id_of(admin, 'user')}", change).status_code == 422


def test_the_audit_log_is_read_page_by_page(app: Flask, as_role: As) -> None:
    admin = as_role("admin")
    admin.patch(f"/api/admin/users/{id_of(admin, 'user')}", {"role": "operator"})
    with app.extensions["database"].writing() as db:
        for i in range(5):
            db.add(AuditEntry(actor="x", action="test", target=str(i), detail={}, address=""))
        db.commit()
    seen, before = [], ""
    while True:
        page = admin.get(f"/api/admin/audit?limit=3{before}").get_json()
        seen += page["entries"]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert [entry["target"] for entry in seen[:5]] == ["4", "3", "2", "1", "0"]
    alter = seen[5]
    assert (alter["actor"], alter["action"], alter["target"]) == ("admin", "alter-user", "user")
    assert alter["detail"] == {
        "before": {"role": "user", "state": "active"},
        "after": {"role": "operator", "state": "active"},
    }
    assert alter["address"] == "127.0.0.1" and alter["time"].endswith("+00:00")
    assert len({entry["id"] for entry in seen}) == len(seen) == 7


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=x", "limit=1&limit=2", "more=1", "before=-1"])
def test_questions_that_are_none(as_role: As, query: str) -> None:
    assert as_role("admin").get(f"/api/admin/audit?{query}").status_code == 422


def test_a_one_time_password_works_until_another_is_chosen(app: Flask, visitor: Browser) -> None:
    with app.extensions["database"].writing() as db:
        password = one_time(db, "anna", "admin")
    assert visitor.log_in("anna", password).get_json()["user"]["must_change_password"] is True
    assert visitor.get("/api/admin/users").status_code == 403
    assert "password" in visitor.get("/api/admin/users").get_json()["detail"]
    changed = visitor.patch("/api/profile", {"current_password": password, "new_password": PASSWORD})
    assert changed.get_json()["user"]["must_change_password"] is False
    assert visitor.get("/api/admin/users").status_code == 200
    assert Browser(app.test_client()).log_in("anna", password).status_code == 401


def test_a_one_time_password_expires(app: Flask, visitor: Browser) -> None:
    with app.extensions["database"].writing() as db:
        password = one_time(db, "anna", "admin")
        anna = db.scalars(select(User).where(User.key == "anna")).one()
        assert 23.9 < (anna.password_expires - now()).total_seconds() / 3600 <= 24
        anna.password_expires = now()
        db.commit()
    answer = visitor.log_in("anna", password)
    assert answer.status_code == 403 and "expired" in answer.get_json()["detail"]


def test_data_sets_by_name_and_never_by_path(settings: Settings, tmp_path: Path, as_role: As) -> None:
    photographs = tmp_path / "clouds"
    for name in ("sunny/a.jpg", "sunny/b.png", "cloudy/c.JPG", "cloudy/notes.txt"):
        (photographs / name).parent.mkdir(parents=True, exist_ok=True)
        (photographs / name).touch()
    sets = all_sets(replace(settings, photographs=photographs))
    assert [(each["name"], each["count"]) for each in sets] == [("rendered", None), ("clouds", 3)]
    assert sets[1]["classes"] == {"cloudy": 1, "sunny": 2}
    (photographs / "manifest.csv").write_text("file,nolabel\n")
    broken = all_sets(replace(settings, photographs=photographs))[1]
    assert broken["count"] == 0 and "no column label" in broken["problem"] and str(tmp_path) not in str(broken)
    gone = all_sets(replace(settings, photographs=tmp_path / "gone"))[1]
    assert gone["problem"].startswith("gone does not exist") and str(tmp_path) not in gone["problem"]


def test_the_real_photographs(sky: Path, settings: Settings) -> None:
    app = create_app(replace(settings, photographs=sky))
    known = all_sets(app.extensions["settings"])[1]
    assert known["count"] > 300 and set(known["classes"]) == {"cloudy", "sunny"} and known["problem"] is None


def test_old_entries_are_forgotten(app: Flask) -> None:
    with app.extensions["database"].writing() as db:
        for days in (0, 399, 401, 4000):
            when = now() - timedelta(days=days)
            db.add(AuditEntry(time=when, actor="", action="test", target=str(days), detail={}, address=""))
        db.commit()
        assert forget_old(db) == 2
        assert set(db.scalars(select(AuditEntry.target))) == {"0", "399"}
