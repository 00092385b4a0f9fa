"""Script in every text field of the accounts: kept and given back as text, never as a page."""

from collections.abc import Callable

import pytest
from flask import Flask
from site_browser import PASSWORD, Browser
from sqlalchemy import select

from fedsky.web.tables import AuditEntry, Job

As = Callable[[str], Browser]
SCRIPTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "</title><svg/onload=alert(1)>",
    "\u2028<script>\u2029",
)


def test_names_hold_no_markup(visitor: Browser) -> None:
    for script in SCRIPTS:
        assert visitor.post("/api/register", {"name": script, "password": PASSWORD}).status_code == 422


@pytest.mark.parametrize("script", SCRIPTS)
def test_reflected_script(app: Flask, visitor: Browser, script: str) -> None:
    """What a request says, in path, query, body and headers, comes back as JSON or not at all."""
    answers = [
        visitor.get("/" + script),
        visitor.get("/home", query_string={"q": script}),
        visitor.get("/api/" + script),
        visitor.get("/api/admin/audit", query_string={script: script}),
        visitor.get("/api/session", headers={"User-Agent": script.encode("ascii", "replace").decode()}),
        visitor.post("/api/login", {"name": script, "password": script}),
        visitor.post("/api/login", {script: script}),
        visitor.client.open("/home", method="PATCH", query_string={"q": script}),
    ]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]
        if answer.mimetype == "text/html":
            assert script not in answer.text and "alert(1)" not in answer.text
        else:
            assert answer.mimetype in ("application/json", "application/problem+json"), answer.mimetype


@pytest.mark.parametrize("script", SCRIPTS)
def test_stored_script(app: Flask, as_role: As, script: str) -> None:
    """Text that others read comes back as JSON, whole; the shell of the pages holds none of it."""
    browser = Browser(app.test_client())
    browser.session()
    agent = script.encode("ascii", "replace").decode()
    browser.post("/api/login", {"name": "admin", "password": PASSWORD}, headers={"User-Agent": agent})
    browser.session()
    listed = browser.get("/api/profile/sessions")
    assert listed.mimetype == "application/json" and listed.get_json()["sessions"][0]["agent"] == agent
    with app.extensions["database"].writing() as db:
        db.add(AuditEntry(actor=script[:64], action="test", target=script, detail={script: script}, address=""))
        db.add(Job(title=script, overrides=[script], reason=script))
        db.commit()
    entry = browser.get("/api/admin/audit?limit=1")
    assert entry.mimetype == "application/json"
    assert entry.get_json()["entries"][0]["target"] == script
    assert entry.get_json()["entries"][0]["detail"] == {script: script}
    for page in ("/home", "/admin/audit", "/jobs/1", "/nothing"):
        assert "alert(1)" not in browser.get(page).text


def test_the_log_has_one_line_an_entry_whatever_a_name_holds(
    app: Flask, visitor: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="fedsky.web.audit")
    visitor.log_in("user\nforged entry\r\x1b[2J\u2028")
    visitor.get("/api/%0aforged%20entry")
    with app.extensions["database"].writing() as db:
        from fedsky.web.audit import record

        with app.test_request_context():
            record(db, "a\nforged", "test", "b\r\nforged\u2028\x1b[1m", why="c\nd")
    assert caplog.records
    for entry in caplog.records:
        message = entry.getMessage()
        assert message.isprintable() and message.isascii() and len(message.splitlines()) == 1
    with app.extensions["database"].reading() as db:
        assert not [entry for entry in db.scalars(select(AuditEntry)) if "forged" in entry.target]
