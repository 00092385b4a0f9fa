"""What every request and every answer is held to: tokens, where a request comes from, headers, hosts, sizes."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from site_browser import PASSWORD, Browser

from fedsky.web import Settings, create_app
from fedsky.web.access import rule_of
from fedsky.web.security import POLICY

As = Callable[[str], Browser]
CHANGES = ("POST", "PUT", "PATCH", "DELETE")


def changes(app: Flask) -> list[tuple[str, str]]:
    bound = app.url_map.bind("localhost")
    return [
        (method, bound.build(route.endpoint, dict.fromkeys(route.arguments, "nobodys")))
        for route in app.url_map.iter_rules()
        for method in (route.methods or set())
        if method in CHANGES
    ]


@pytest.mark.parametrize("token", [None, "", "x", "foreign"])
def test_no_change_without_the_sessions_token(app: Flask, as_role: As, token: str | None) -> None:
    admin = as_role("admin")
    if token == "foreign":
        token = Browser(app.test_client()).session()["csrf"]
    assert len(changes(app)) >= 6
    for method, path in changes(app):
        headers = {} if token is None else {"X-CSRF-Token": token}
        answer = admin.client.open(path, method=method, json={}, headers=headers)
        assert answer.status_code == 400 and answer.get_json()["code"] == "csrf", (method, path)


def test_no_change_by_get(app: Flask) -> None:
    for route in app.url_map.iter_rules():
        if "GET" in (route.methods or ()):
            assert not set(CHANGES) & (route.methods or set()), route


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({}, True),
        ({"Origin": "http://localhost"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost.evil.example"}, False),
    ],
)
def test_changes_come_from_the_sites_own_pages(visitor: Browser, headers: dict[str, str], allowed: bool) -> None:
    answer = visitor.post("/api/login", {"name": "user", "password": PASSWORD}, headers=headers)
    assert answer.status_code == (200 if allowed else 403)


def test_other_sites_may_link_but_not_read(visitor: Browser) -> None:
    for mode, status in (("cors", 403), ("no-cors", 403), ("navigate", 200)):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}
        assert visitor.get("/api/session", headers=headers).status_code == status
    assert visitor.get("/home", headers={"Sec-Fetch-Site": "cross-site"}).status_code in (200, 503)


def test_headers_of_every_answer(app: Flask, as_role: As) -> None:
    admin = as_role("admin")
    paths = ["/", "/home", "/runs/x", "/nothing", "/api/nothing", "/assets/x.js", "/favicon.ico", "/api/openapi.json"]
    bound = app.url_map.bind("localhost")
    paths += [
        bound.build(route.endpoint, dict.fromkeys(route.arguments, "nobodys"))
        for route in app.url_map.iter_rules()
        if "GET" in (route.methods or ()) and route.rule.startswith("/api/")
    ]
    answers = [admin.get(path) for path in paths]
    answers += [admin.client.post("/api/login", data="{", content_type="application/json"), admin.client.put("/home")]
    for answer in answers:
        headers = answer.headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'"), answer.request.path
        assert "unsafe" not in headers["Content-Security-Policy"] and "*" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert re.fullmatch("[0-9a-f]{16}", headers["X-Request-Id"])
        assert "Access-Control-Allow-Origin" not in headers and "Server" not in headers
        assert headers["Cache-Control"]
        if (answer.mimetype or "").startswith("text/"):
            assert "charset=utf-8" in headers["Content-Type"].lower()
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)
    assert all(answer.status_code != 500 for answer in answers)


def test_the_policy_forbids_inline_and_foreign_script() -> None:
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == rules["form-action"] == "'self'"
    assert rules["default-src"] == rules["base-uri"] == rules["frame-ancestors"] == "'none'"


def test_the_cookie_over_tls_and_over_plain_http(settings: Settings) -> None:
    plain = create_app(settings).test_client().get("/api/session")
    cookie = plain.headers["Set-Cookie"]
    assert cookie.startswith("fedsky=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Domain" not in cookie
    assert "Strict-Transport-Security" not in plain.headers
    app = create_app(replace(settings, https=True))
    secure = app.test_client().get("/api/session", headers={"X-Forwarded-Proto": "https"})
    cookie = secure.headers["Set-Cookie"]
    assert cookie.startswith("__Host-fedsky=") and "Secure" in cookie and "Path=/" in cookie
    assert "max-age=31536000" in secure.headers["Strict-Transport-Security"]


def test_a_proxys_word_counts_only_where_there_is_one(settings: Settings) -> None:
    for https, seen in ((False, "127.0.0.1"), (True, "10.9.8.7")):
        app = create_app(replace(settings, https=https))

        @app.get("/address")
        def address() -> str:
            from flask import g

            return str(g.address)

        rule_of(app, "address")
        address.access = rule_of(app, "account.get_session")  # type: ignore[attr-defined]
        headers = {"X-Forwarded-For": "1.2.3.4, 10.9.8.7"}
        assert app.test_client().get("/address", headers=headers).text == seen


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "a b", "localhost@evil"]
)
def test_the_site_answers_to_its_own_names_alone(app: Flask, host: str) -> None:
    answer = app.test_client().get("/api/session", headers={"Host": host})
    assert answer.status_code == 400 and "csrf" not in answer.text
    assert answer.mimetype == "application/problem+json"
    assert app.test_client().get("/api/session", headers={"Host": "127.0.0.1:5000"}).status_code == 200


def test_a_body_has_a_size_and_a_kind(visitor: Browser) -> None:
    big = {"name": "x" * 70_000, "password": PASSWORD}
    assert visitor.post("/api/login", big).status_code == 413
    for body, kind, status in (
        ("{}", "text/plain", 415),
        ("name=user&password=x", "application/x-www-form-urlencoded", 415),
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("[" * 30_000, "application/json", 400),
        ('{"name": 1, "password": "x"}', "application/json", 422),
        ('{"name": "a", "password": "x", "role": "admin"}', "application/json", 422),
        ('{"name": "\\ud800", "password": "x"}', "application/json", 422),
        (b"\xff\xfe", "application/json", 400),
    ):
        answer = visitor.post("/api/login", data=body, content_type=kind)
        assert answer.status_code == status, (body[:50], answer.text)
        assert answer.mimetype == "application/problem+json"
        assert set(json.loads(answer.text)) >= {"status", "title", "detail", "request_id"}


def test_nobody_makes_themselves_more(app: Flask, visitor: Browser, as_role: As) -> None:
    for extra in ({"role": "admin"}, {"state": "active"}, {"must_change_password": False}, {"id": "x"}):
        assert visitor.post("/api/register", {"name": "new", "password": PASSWORD} | extra).status_code == 422
    user = as_role("user")
    for extra in ({"role": "admin"}, {"state": "active"}, {"id": "x"}, {"key": "admin"}, {"password_hash": "x"}):
        assert user.patch("/api/profile", {"current_password": PASSWORD} | extra).status_code == 422
    assert user.session()["user"]["role"] == "user"


def test_a_failure_tells_the_log_and_not_the_visitor(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> str:
        raise RuntimeError("the secret of /etc/shadow")

    broken.access = rule_of(app, "account.get_session")  # type: ignore[attr-defined]
    app.add_url_rule("/api/broken", "broken", broken)
    answer = app.test_client().get("/api/broken")
    assert answer.status_code == 500 and "secret" not in answer.text and "Traceback" not in answer.text
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]
    assert "the secret of /etc/shadow" in caplog.text and answer.get_json()["request_id"] in caplog.text


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../index.html", "/assets/..%2f..%2fsettings.py", "/assets/%2e%2e/%2e%2e/settings.py",
        "/assets/..%252f..%252fsettings.py", "/assets//etc/passwd", "/assets/%2fetc%2fpasswd", "/assets/%00",
        "/assets/..\\..\\settings.py", "/assets/....//settings.py", "/assets/index.html%23x", "/robots.txt/../..",
        "/../../etc/passwd", "/static/index.html", "/fedsky/web/settings.py", "/.git/config", "/site.sqlite",
        "/api/../secret.key",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_assets(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code in (301, 308, 400, 404), answer.status_code
    assert "Settings" not in answer.text and "root:" not in answer.text
