"""Names: nobody gets another's by asking first, by letters that nobody sees, or by letters that look like others."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from site_browser import PASSWORD, Browser
from sqlalchemy import select

from fedsky.web.names import check_name, looks_of
from fedsky.web.problems import Problem
from fedsky.web.tables import AuditEntry, User

As = Callable[[str], Browser]
OTHER = "four grey geese over the lake"


@pytest.mark.parametrize("name", ["Grüße.7", "anna-安娜", "カタかな", "Иван", "김철수", "user_10", "سارة", "Łukasz"])
def test_names_of_one_script_are_kept(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["\u3164\u3164", "ann\u115fa", "ann\u1160a", "ann\uffa0a", "ann\u200ba", "ann\u00ada"])
def test_letters_that_nobody_sees_are_refused(name: str) -> None:
    with pytest.raises(Problem, match="letters, digits"):
        check_name(name)


@pytest.mark.parametrize("name", ["аdmin", "annа", "pοla", "Иvan"])
def test_letters_of_several_scripts_are_refused(name: str) -> None:
    with pytest.raises(Problem, match="one script"):
        check_name(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [("coco", "сосо"), ("Ian", "lan"), ("admin", "adrnin"), ("user1", "userl"), ("ROOT", "R00T"), ("anna", "ANNA")],
)
def test_names_that_look_alike_are_one(one: str, other: str) -> None:
    assert looks_of(one) == looks_of(other)
    assert len({looks_of(name) for name in ("anna", "hanna", "ana-1", "ana-2", "bob", "日本", "grusse", "grüße")}) == 8


def ask(browser: Browser, name: str, password: str = PASSWORD) -> Any:
    answer = browser.post("/api/register", {"name": name, "password": password})
    assert answer.status_code == 202
    return answer.get_json()


def listed(admin: Browser, name: str) -> Any:
    users = admin.get("/api/admin/users").get_json()["users"]
    return next(user for user in users if user["name"] == name)


def test_a_name_that_several_ask_for_is_nobodys_by_the_first_ones_password(
    app: Flask, visitor: Browser, as_role: As
) -> None:
    admin = as_role("admin")
    first = ask(visitor, "anna", "the first one's words 123")
    assert listed(admin, "anna")["asked_again"] == 0
    assert ask(visitor, "Anna") == ask(visitor, "anna") == first, "answered the same"
    account = listed(admin, "anna")
    assert account["asked_again"] == 2, "and told to the administrator"
    answer = admin.patch(f"/api/admin/users/{account['id']}", {"state": "active"}).get_json()
    password = answer["one_time_password"]
    assert password and answer["user"]["asked_again"] == 0
    for wrong in ("the first one's words 123", PASSWORD):
        assert Browser(app.test_client()).log_in("anna", wrong).status_code == 401
    person = Browser(app.test_client())
    assert person.log_in("anna", password).get_json()["user"]["must_change_password"] is True
    change = {"current_password": password, "new_password": OTHER}
    assert person.patch("/api/profile", change).status_code == 200
    with app.extensions["database"].reading() as db:
        entries = db.scalars(select(AuditEntry).where(AuditEntry.action == "register-taken")).all()
        assert [entry.detail for entry in entries] == [{"account": "anna"}] * 2


def test_who_asked_alone_is_approved_with_the_password_of_then(visitor: Browser, as_role: As) -> None:
    admin = as_role("admin")
    ask(visitor, "emil")
    answer = admin.patch(f"/api/admin/users/{listed(admin, 'emil')['id']}", {"state": "active"}).get_json()
    assert answer["one_time_password"] is None and visitor.log_in("emil").status_code == 200
    ask(Browser(visitor.client.application.test_client()), "emil")
    assert listed(admin, "emil")["asked_again"] == 0, "it waits no more"


def test_a_name_that_looks_like_anothers_is_answered_as_taken_and_is_not_made(
    app: Flask, visitor: Browser, as_role: As
) -> None:
    ask(visitor, "сосо")
    ask(visitor, "coco")
    with app.extensions["database"].reading() as db:
        assert "coco" not in db.scalars(select(User.name)).all()
    user = as_role("user")
    change = {"current_password": PASSWORD, "name": "adrnin"}
    assert user.patch("/api/profile", change).status_code == 409
    assert user.patch("/api/profile", change | {"name": "User"}).status_code == 200, "one's own in other letters"


def test_accounts_that_wait_or_are_disabled_can_be_deleted(app: Flask, visitor: Browser, as_role: As) -> None:
    admin = as_role("admin")
    ask(visitor, "anna", "the first one's words 123")
    id = listed(admin, "anna")["id"]
    assert as_role("operator").delete(f"/api/admin/users/{id}").status_code == 403
    assert admin.delete(f"/api/admin/users/{id}").status_code == 200
    assert admin.delete(f"/api/admin/users/{id}").status_code == 404
    ask(visitor, "anna")
    admin.patch(f"/api/admin/users/{listed(admin, 'anna')['id']}", {"state": "active"})
    assert visitor.log_in("anna").status_code == 200, "the name is free again"
    path = f"/api/admin/users/{listed(admin, 'anna')['id']}"
    refused = admin.delete(path)
    assert refused.status_code == 409 and "Disable the account first" in refused.get_json()["detail"]
    admin.patch(path, {"state": "disabled"})
    assert admin.delete(path).status_code == 200
    assert admin.delete(f"/api/admin/users/{listed(admin, 'admin')['id']}").status_code == 409
    with app.extensions["database"].reading() as db:
        deeds = db.scalars(select(AuditEntry).where(AuditEntry.action == "delete-user").order_by(AuditEntry.id)).all()
        assert [(deed.actor, deed.target, deed.detail) for deed in deeds] == [
            ("admin", "anna", {"state": "waiting"}),
            ("admin", "anna", {"state": "disabled"}),
        ]
