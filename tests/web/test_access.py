"""Every route names who may use it, and only they may: all roles by all routes, whatever routes there are."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from site_browser import routes

from fedsky.web import Settings, access, create_app
from fedsky.web.access import Rule, allows
from fedsky.web.tables import ROLES, User

VISITOR = "visitor"


def test_every_route_declares_one_rule(app: Flask) -> None:
    found = list(routes(app))
    assert len(found) > 30
    assert all(isinstance(rule, Rule) for _, _, rule in found)
    changes = [(method, path) for method, path, rule in found if method != "GET" and rule.role is None]
    assert {path for _, path in changes} == {"/api/login", "/api/logout", "/api/register"}
    assert all(rule.role == "admin" for _, path, rule in found if path.startswith("/api/admin/"))


def test_every_api_route_is_described(app: Flask) -> None:
    described = app.test_client().get("/api/openapi.json").get_json()["paths"]
    in_map = {
        (route.rule, method)
        for route in app.url_map.iter_rules()
        for method in (route.methods or set()) - {"OPTIONS", "HEAD"}
        if route.rule.startswith("/api/")
    }
    missing = {(rule, method) for rule, method in in_map if method.lower() not in described.get(_spelling(rule), {})}
    assert not missing


def _spelling(rule: str) -> str:
    return "/".join("{" + part.strip("<>").split(":")[-1] + "}" if "<" in part else part for part in rule.split("/"))


@pytest.mark.parametrize("public_site", [True, False])
def test_roles_by_routes(public_site: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each role by each method and path: refused with 401 or 403 if and only if its rule says so.

    Views are replaced, so that the answer is that of the guard alone, with whatever account is set.
    """
    app = create_app(replace(settings, public=public_site))
    seen: list[str] = []
    for endpoint, view in list(app.view_functions.items()):
        app.view_functions[endpoint] = _reached(view, seen)
    who: dict[str, User | None] = {VISITOR: None} | {
        role: User(
            id=role, name=role, key=role, password_hash="", role=role, state="active", must_change_password=False
        )
        for role in ROLES
    }
    client = app.test_client()
    token = _token(client, app)
    count = 0
    for name, account in who.items():
        monkeypatch.setattr(access, "user", lambda account=account: account)
        for method, path, rule in routes(app):
            seen.clear()
            answer = client.open(path, method=method, headers={"X-CSRF-Token": token})
            if allows(rule, account, public_site):
                assert seen, (name, method, path, answer.status_code, answer.text)
            else:
                assert not seen and answer.status_code == (401 if account is None else 403), (name, method, path)
                assert answer.mimetype == "application/problem+json"
            count += 1
    assert count == len(who) * len(list(routes(app)))


def _reached(view: Callable[..., Any], seen: list[str]) -> Callable[..., Any]:
    def stand_in(**values: Any) -> str:
        seen.append(view.__name__)
        return "reached"

    stand_in.__dict__.update(view.__dict__)
    stand_in.__dict__.pop("bounds", None)
    return stand_in


def _token(client: FlaskClient, app: Flask) -> str:
    from flask_wtf.csrf import generate_csrf

    with app.test_request_context():
        from flask import session

        token = str(generate_csrf())
        raw = session["csrf_token"]
    with client.session_transaction() as kept:
        kept["csrf_token"] = raw
    return token


def test_what_a_rule_lets_in() -> None:
    user, operator, admin = (User(role=role) for role in ROLES)
    for public_site in (True, False):
        assert allows(Rule(None), None, public_site)
        assert allows(Rule("user", if_public=True), None, public_site) is public_site
        assert allows(Rule("user", if_public=True), user, public_site)
        assert not allows(Rule("user"), None, public_site)
        assert not allows(Rule("operator"), user, public_site)
        assert allows(Rule("operator"), operator, public_site)
        assert not allows(Rule("admin"), operator, public_site)
        assert allows(Rule("admin"), admin, public_site)


def test_a_route_without_a_rule_is_refused_to_all(settings: Settings) -> None:
    app = create_app(settings)
    app.add_url_rule("/api/forgotten", "forgotten", lambda: "secret")
    answer = app.test_client().get("/api/forgotten")
    assert answer.status_code == 403 and "secret" not in answer.text


def test_two_rules_on_a_view_are_a_programmers_error() -> None:
    def view() -> str:
        return ""

    with pytest.raises(AssertionError, match="two access rules"):
        access.public(access.anyone(view))


def test_what_is_refused_is_written_to_the_log(
    as_role: Callable[[str], Any], visitor: Any, caplog: pytest.LogCaptureFixture
) -> None:
    user = as_role("user")
    caplog.set_level("INFO", logger="fedsky.web.audit")
    caplog.clear()  # the login is there already where an earlier test had the log say more
    user.get("/api/admin/users")
    visitor.client.post("/api/login", json={})
    visitor.client.post("/api/login", json={}, headers={"Origin": "http://evil.example"})
    told = [json.loads(entry.getMessage()) for entry in caplog.records]
    assert [(line["actor"], line["action"], line["target"]) for line in told] == [
        ("user", "refused-role", "/api/admin/users"),
        ("", "refused-token", "/api/login"),
        ("", "refused-origin", "/api/login"),
    ]
    assert all(line["address"] == "127.0.0.1" and len(line["request"]) == 16 for line in told)
