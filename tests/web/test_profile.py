"""The own account: its sessions, its name and password, and its end."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from site_browser import PASSWORD, Browser
from sqlalchemy import select

from fedsky.web.tables import Annotation, Job, Login, Offer, Prediction, User, now

As = Callable[[str], Browser]
OTHER = "nine green boats under bridges"


def rows(app: Flask, table: Any) -> list[Any]:
    with app.extensions["database"].reading() as db:
        return list(db.scalars(select(table)))


def id_of(app: Flask, name: str) -> str:
    return next(str(user.id) for user in rows(app, User) if user.name == name)


def test_the_profile_counts_what_is_kept(app: Flask, as_role: As) -> None:
    keep_things(app, id_of(app, "user"))
    answer = as_role("user").get("/api/profile").get_json()
    assert answer["user"]["name"] == "user" and answer["counts"] == {"predictions": 1, "jobs": 2}
    assert as_role("operator").get("/api/profile").get_json()["counts"] == {"predictions": 0, "jobs": 0}


def test_sessions_are_listed_and_ended_one_by_one(app: Flask, as_role: As) -> None:
    here, there = as_role("user"), as_role("user")
    listed = here.get("/api/profile/sessions").get_json()["sessions"]
    assert [login["current"] for login in listed].count(True) == 1 and len(listed) == 2
    other = next(login for login in listed if not login["current"])
    assert here.delete(f"/api/profile/sessions/{other['id']}").status_code == 200
    assert there.get("/api/profile").status_code == 401
    assert here.get("/api/profile").status_code == 200
    assert here.delete(f"/api/profile/sessions/{other['id']}").status_code == 404


def test_nobody_sees_or_ends_anothers_sessions(app: Flask, as_role: As) -> None:
    user, admin = as_role("user"), as_role("admin")
    foreign = next(login.id for login in rows(app, Login) if login.user_id == id_of(app, "user"))
    assert foreign not in admin.get("/api/profile/sessions").text
    assert admin.delete(f"/api/profile/sessions/{foreign}").status_code == 404
    assert user.get("/api/profile").status_code == 200


def test_a_new_password_ends_all_other_sessions_and_begins_this_one_anew(app: Flask, as_role: As) -> None:
    here, there = as_role("user"), as_role("user")
    before = here.client.get_cookie("fedsky")
    change = {"current_password": PASSWORD, "new_password": OTHER}
    answer = here.patch("/api/profile", change)
    assert answer.status_code == 200
    assert there.get("/api/profile").status_code == 401
    assert here.get("/api/profile").status_code == 200
    assert here.client.get_cookie("fedsky") != before
    stolen = app.test_client()
    assert before is not None
    stolen.set_cookie("fedsky", before.value)
    assert stolen.get("/api/profile").status_code == 401
    visitor = Browser(app.test_client())
    assert visitor.log_in("user", PASSWORD).status_code == 401
    assert visitor.log_in("user", OTHER).status_code == 200


def test_what_needs_the_password_so_far(as_role: As) -> None:
    user = as_role("user")
    for change in ({"new_password": OTHER}, {"name": "else"}):
        assert user.patch("/api/profile", change).status_code == 422
        answer = user.patch("/api/profile", change | {"current_password": OTHER})
        assert answer.status_code == 403 and answer.get_json()["field"] == "current_password"
    assert user.delete("/api/profile", {"password": OTHER}).status_code == 403
    same = user.patch("/api/profile", {"current_password": PASSWORD, "new_password": PASSWORD})
    assert same.status_code == 422
    assert user.get("/api/profile").get_json()["user"]["name"] == "user"


def test_guessing_the_own_password_is_slowed_down(as_role: As) -> None:
    user = as_role("user")
    statuses = [user.delete("/api/profile", {"password": f"{OTHER}{i}"}).status_code for i in range(11)]
    assert statuses == [403] * 10 + [429]


def test_a_new_name_is_ones_own_alone(as_role: As) -> None:
    user = as_role("user")
    assert user.patch("/api/profile", {"current_password": PASSWORD, "name": "ADMIN"}).status_code == 409
    answer = user.patch("/api/profile", {"current_password": PASSWORD, "name": "User"})
    assert answer.get_json()["user"]["name"] == "User"
    assert as_role("uSER").get("/api/profile").get_json()["user"]["name"] == "User"


def test_a_deleted_account_leaves_runs_and_notes_but_no_photograph(app: Flask, as_role: As) -> None:
    mine, theirs = id_of(app, "user"), id_of(app, "operator")
    keep_things(app, mine)
    keep_things(app, theirs)
    here, there = as_role("user"), as_role("user")
    assert here.delete("/api/profile", {"password": PASSWORD}).status_code == 200
    assert here.session()["user"] is None
    assert there.get("/api/profile").status_code == 401
    assert Browser(app.test_client()).log_in("user").status_code == 401
    assert {user.name for user in rows(app, User)} == {"operator", "admin"}
    assert [prediction.user_id for prediction in rows(app, Prediction)] == [theirs]
    assert sorted((offer.state, offer.user_id) for offer in rows(app, Offer) if offer.user_id != theirs) == [
        ("accepted", None)
    ]
    jobs = {job.id: job for job in rows(app, Job)}
    queued, running = jobs[f"queued-{mine}"[:16]], jobs[f"running-{mine}"[:16]]
    assert (queued.status, queued.user_id) == ("cancelled", None) and "deleted" in queued.reason
    assert (running.status, running.cancel, running.user_id) == ("running", True, None)
    assert jobs[f"queued-{theirs}"[:16]].status == "queued" and not jobs[f"running-{theirs}"[:16]].cancel
    assert {note.run_id: note.user_id for note in rows(app, Annotation)} == {mine: None, theirs: theirs}


def keep_things(app: Flask, owner: str) -> None:
    """One prediction, three offers, two jobs and a note of an account's."""
    with app.extensions["database"].writing() as db:
        db.add(Prediction(user_id=owner, model_id="m", label="sunny", probability=0.9, answer={}, photo=b"png"))
        for state in ("waiting", "accepted", "rejected"):
            db.add(Offer(user_id=owner, label="sunny", state=state, sha256="0", photo=b"png"))
        for status in ("queued", "running"):
            db.add(Job(id=f"{status}-{owner}"[:16], user_id=owner, overrides=["seed=1"], status=status))
        db.add(Annotation(run_id=owner, note="good", user_id=owner))
        db.commit()


def test_sessions_end_by_themselves(app: Flask, as_role: As) -> None:
    for field, ago, status in (
        ("last_seen", timedelta(hours=11), 200),
        ("last_seen", timedelta(hours=13), 401),
        ("created", timedelta(days=6), 200),
        ("created", timedelta(days=8), 401),
    ):
        user = as_role("user")
        with app.extensions["database"].writing() as db:
            for login in db.scalars(select(Login)):
                setattr(login, field, now() - ago)
            db.commit()
        assert user.get("/api/profile").status_code == status, (field, ago)


def test_being_seen_keeps_a_session(app: Flask, as_role: As) -> None:
    user = as_role("user")
    with app.extensions["database"].writing() as db:
        db.scalars(select(Login)).one().last_seen = now() - timedelta(hours=11)
        db.commit()
    user.get("/api/profile")
    assert now() - rows(app, Login)[0].last_seen < timedelta(minutes=1)
