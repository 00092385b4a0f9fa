"""Accounts as their owners see them: registering, logging in and out."""

from typing import Any

from flask import Blueprint, current_app, g
from flask_wtf.csrf import generate_csrf
from pydantic import Field
from sqlalchemy import func, select

from fedsky import __version__
from fedsky.web import access, accounts, sessions
from fedsky.web.access import anyone
from fedsky.web.api import account_shapes as shapes
from fedsky.web.body import Body, read
from fedsky.web.openapi import describe
from fedsky.web.settings import Settings
from fedsky.web.tables import WAITING, User

blueprint = Blueprint("account", __name__)


class Credentials(Body):
    """A name and a password."""

    name: str = Field(max_length=200)
    password: str = Field(max_length=1000)


@blueprint.get("/session")
@anyone
@describe("Who asks, the token that every change needs, and how the site is set.", response=shapes.Session)
def get_session() -> dict[str, Any]:
    """Who asks; null for a visitor."""
    settings: Settings = current_app.extensions["settings"]
    user = access.user()
    answer = {
        "user": accounts.shown(user) if user else None,
        "csrf": generate_csrf(),
        "public": settings.public,
        "registration": settings.registration,
        "version": __version__,
    }
    if user is not None and user.role == "admin":
        answer["pending_users"] = g.db.scalar(select(func.count()).select_from(User).where(User.state == WAITING))
    return answer


@blueprint.post("/register")
@anyone
@describe(
    "Asks for an account. A name that is taken is answered like one that is free.",
    body=Credentials,
    status=202,
    response=shapes.Registered,
    errors=(403, 429, 503),
)
def register() -> tuple[dict[str, str], int]:
    """Makes an account, waiting for approval or active as the site is set."""
    body = read(Credentials)
    state = accounts.register(g.db, body.name, body.password)
    return {"state": state}, 202


@blueprint.post("/login")
@anyone
@describe("Begins a session.", body=Credentials, response=shapes.Begun, errors=(401, 403, 429, 503))
def login() -> dict[str, Any]:
    """Begins a session with a new token."""
    body = read(Credentials)
    user = accounts.log_in(g.db, body.name, body.password)
    return {"user": accounts.shown(user), "csrf": generate_csrf()}


@blueprint.post("/logout")
@anyone
@describe("Ends the session.")
def logout() -> dict[str, Any]:
    """Ends the session, on the server and in the browser."""
    if access.user() is not None:
        accounts.log_out(g.db)
    else:
        sessions.finish(g.db)
        g.db.commit()
    return {}
