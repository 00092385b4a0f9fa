"""Registering, logging in and out: what the site remembers of it, and what it tells."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from site_browser import PASSWORD, Browser
from sqlalchemy import select

from fedsky.web import Settings, create_app, passwords
from fedsky.web.tables import AuditEntry, User

As = Callable[[str], Browser]


def test_a_visitor_is_told_how_the_site_is_set(visitor: Browser) -> None:
    answer = visitor.session()
    assert answer["user"] is None and answer["csrf"]
    assert (answer["public"], answer["registration"]) == (True, "approve")
    assert "pending_users" not in answer


def test_registered_approved_and_logged_in(visitor: Browser, as_role: As) -> None:
    assert visitor.post("/api/register", {"name": "Grüße.7", "password": PASSWORD}).get_json() == {"state": "waiting"}
    early = visitor.log_in("Grüße.7")
    assert early.status_code == 403 and "approve" in early.get_json()["detail"]
    admin = as_role("admin")
    assert admin.session()["pending_users"] == 1
    first = admin.get("/api/admin/users").get_json()["users"][0]
    assert (first["name"], first["state"]) == ("Grüße.7", "waiting")
    assert admin.patch(f"/api/admin/users/{first['id']}", {"state": "active"}).status_code == 200
    assert admin.session()["pending_users"] == 0
    assert visitor.log_in("grÜSSE.7").get_json()["user"]["name"] == "Grüße.7"
    assert visitor.session()["user"]["role"] == "user"
    assert visitor.post("/api/logout").status_code == 200
    assert visitor.session()["user"] is None


@pytest.mark.parametrize(("registration", "status"), [("open", 202), ("closed", 403)])
def test_how_a_site_takes_registrations(settings: Settings, registration: Any, status: int) -> None:
    browser = Browser(create_app(replace(settings, registration=registration)).test_client())
    answer = browser.post("/api/register", {"name": "new", "password": PASSWORD})
    assert answer.status_code == status
    assert (browser.log_in("new").status_code == 200) is (status == 202)


@pytest.mark.parametrize("name", ["", "a", "x" * 33, "a b", "a/b", "<b>", "a\n", "../x", "a\u202eb", "a\0b", " "])
def test_names_that_nobody_gets(visitor: Browser, app: Flask, name: str) -> None:
    answer = visitor.post("/api/register", {"name": name, "password": PASSWORD})
    if name == "a\n":  # what surrounds a name is not part of it
        name = "a"
    assert answer.status_code == 422 and answer.get_json()["field"] == "name"
    with app.extensions["database"].reading() as db:
        assert name not in db.scalars(select(User.name)).all()


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short", "12 characters"),
        ("a" * 257, "256 bytes"),
        ("ж" * 129, "256 bytes"),
        ("password1234", "easy to guess"),
        ("PassWord1234", "easy to guess"),
        ("fedskyfedsky", "easy to guess"),
        ("sunny-cloudy", "easy to guess"),
        ("mynameis.new", "easy to guess"),
        ("qwertyuiop12", "easy to guess"),
        ("aaaaaaaaaaaaaaaaaaaa", "easy to guess"),
    ],
)
def test_passwords_that_are_refused(visitor: Browser, password: str, told: str) -> None:
    answer = visitor.post("/api/register", {"name": "mynameis.new", "password": password})
    assert answer.status_code == 422
    assert told in answer.get_json()["detail"] and answer.get_json()["field"] == "password"


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "密码是一个很长的句子没有人知道",
        "x" * 10 + " ~\t\u00a0 ué " + "y3Q" * 20,
        "".join(chr(33 + i * 37 % 90) for i in range(256)),
    ],
)
def test_any_characters_do_and_none_is_cut_off(visitor: Browser, as_role: As, app: Flask, password: str) -> None:
    assert visitor.post("/api/register", {"name": "new", "password": password}).status_code == 202
    admin = as_role("admin")
    user = next(user for user in admin.get("/api/admin/users").get_json()["users"] if user["name"] == "new")
    admin.patch(f"/api/admin/users/{user['id']}", {"state": "active"})
    assert visitor.log_in("new", password[:-1]).status_code == 401
    assert visitor.log_in("new", password + "x").status_code == 401
    assert visitor.log_in("new", password).status_code == 200
    with app.extensions["database"].reading() as db:
        kept = db.scalar(select(User).where(User.name == "new"))
        assert kept.password_hash.startswith("$argon2id$") and password not in kept.password_hash


def test_composed_and_decomposed_letters_are_the_same_password() -> None:
    kept = passwords.hash_new("vier fünf sechs übel")
    assert passwords.verify(kept, "vier fünf sechs übel")
    assert not passwords.verify(kept, "vier funf sechs ubel")


def test_no_password_takes_long_to_judge() -> None:
    import time

    started = time.process_time()
    for password in ("4@8({[<3960!1|70$5+7%2" * 5, "1|!7(4@3" * 20, "qwer" * 60, "a" * 256):
        passwords._guessable(password, "name")
    assert time.process_time() - started < 5


def test_the_log_knows_who_came_but_no_password(visitor: Browser, as_role: As, app: Flask) -> None:
    visitor.log_in("user", "wrong wrong wrong")
    visitor.log_in("seven blue kites over harbour")  # the password in the wrong field
    as_role("user").post("/api/logout")
    with app.extensions["database"].reading() as db:
        entries = [(e.actor, e.action, e.target) for e in db.scalars(select(AuditEntry).order_by(AuditEntry.id))]
    assert entries == [
        ("", "login-failed", "user"),
        ("", "login-failed", "unknown name"),
        ("user", "login", "user"),
        ("user", "logout", "user"),
    ]


def test_an_old_hash_is_renewed_at_the_next_log_in(app: Flask, as_role: As, monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=2, memory_cost=128, parallelism=1))
    as_role("user")
    with app.extensions["database"].reading() as db:
        assert "m=128,t=2,p=1" in db.scalar(select(User).where(User.key == "user")).password_hash
    as_role("user")


def test_the_real_parameters_are_those_of_asvs() -> None:
    from argon2 import PasswordHasher

    strong = PasswordHasher()
    assert (strong.memory_cost, strong.time_cost, strong.parallelism, strong.type.name) == (65536, 3, 4, "ID")
