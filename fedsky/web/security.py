"""What holds for every request: its id and address, where it may come from, its token; every answer's headers."""

import hashlib
import re
import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import validate_csrf
from werkzeug.middleware.proxy_fix import ProxyFix
from wtforms.validators import ValidationError

from fedsky.language import _
from fedsky.web import audit
from fedsky.web.limits import BODY
from fedsky.web.problems import Problem
from fedsky.web.settings import Settings

SAFE = ("GET", "HEAD", "OPTIONS")
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}


class Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie, signed with HMAC-SHA-256."""

    digest_method = staticmethod(hashlib.sha256)


def install(app: Flask, settings: Settings) -> None:
    """Sets an app's cookies, token, limits of size and names of host, and the headers of all its answers."""
    app.config.update(
        SECRET_KEY=settings.secret(),
        SESSION_COOKIE_NAME=settings.cookie,
        SESSION_COOKIE_SECURE=settings.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_TIME_LIMIT=None,  # the token lasts as long as its session
        MAX_CONTENT_LENGTH=BODY,
        MAX_FORM_MEMORY_SIZE=BODY,
        MAX_FORM_PARTS=20,
        TRUSTED_HOSTS=list(settings.hosts),
    )
    app.session_interface = Cookies()
    if settings.https:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    app.after_request(harden)


def identify() -> None:
    """Gives a request its id and its address."""
    g.request_id = secrets.token_hex(8)
    g.address = re.sub(r"[^0-9A-Za-z:.%]", "", request.remote_addr or "")[:64]


def came_from_here() -> None:
    """Refuses what another site's page sends: any change, and any reading but a link that a person follows."""
    site = request.headers.get("Sec-Fetch-Site")
    if request.method in SAFE:
        followed = request.headers.get("Sec-Fetch-Mode") == "navigate"
        if site in ("cross-site", "same-site") and request.path.startswith("/api/") and not followed:
            raise _foreign(site)
        return
    origin = request.headers.get("Origin")
    if site not in (None, "same-origin", "none") or (origin and urlsplit(origin).netloc != request.host):
        raise _foreign(origin or site)


def _foreign(whose: str | None) -> Problem:
    audit.note("refused-origin", request.path, method=request.method, origin=whose)
    return Problem(403, _("Another site's page asked for this."))


def check_token() -> None:
    """Refuses a change without the session's token, but for scripts without a session where the view allows them."""
    if request.method in SAFE or request.endpoint is None:
        return
    view = current_app.view_functions[request.endpoint]
    if getattr(view, "scriptable", False) and not session:
        return
    try:
        validate_csrf(request.headers.get("X-CSRF-Token"))  # the header alone: a form would be read to the end
    except ValidationError:
        audit.note("refused-token", request.path, method=request.method)
        raise Problem(
            400, _("The page's CSRF token is missing or out of date: load the page again."), code="csrf"
        ) from None


def harden(response: Response) -> Response:
    """Adds the headers that every answer has."""
    settings: Settings = current_app.extensions["settings"]
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Content-Security-Policy", POLICY)
    if "request_id" in g:
        response.headers["X-Request-Id"] = g.request_id
    if settings.https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
