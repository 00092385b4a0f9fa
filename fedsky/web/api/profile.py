"""The own account: what it is, its sessions, its name and password, its end."""

from typing import Any

from flask import Blueprint, g
from flask_wtf.csrf import generate_csrf
from pydantic import Field
from sqlalchemy import delete, func, select

from fedsky.language import _
from fedsky.web import access, accounts, audit, changes
from fedsky.web.access import needs
from fedsky.web.api import account_shapes as shapes
from fedsky.web.body import Body, read
from fedsky.web.openapi import describe
from fedsky.web.problems import Problem
from fedsky.web.tables import Job, Login, Prediction, iso

blueprint = Blueprint("profile", __name__)


class ProfileChange(Body):
    """A new name, a new password or both, and the password so far."""

    current_password: str = Field(max_length=1000)
    name: str | None = Field(None, max_length=200)
    new_password: str | None = Field(None, max_length=1000)


class Confirmation(Body):
    """The password, where something cannot be undone."""

    password: str = Field(max_length=1000)


@blueprint.get("/profile")
@needs("user", while_password_must_change=True)
@describe("The own account and how much is kept of it.", response=shapes.Profile)
def get_profile() -> dict[str, Any]:
    """The own account."""
    user = access.member()
    counts = {
        name: g.db.scalar(select(func.count()).select_from(table).where(table.user_id == user.id))
        for name, table in (("predictions", Prediction), ("jobs", Job))
    }
    return {"user": accounts.shown(user), "created": iso(user.created), "counts": counts}


@blueprint.patch("/profile")
@needs("user", while_password_must_change=True)
@describe("Changes the own name or password.", body=ProfileChange, response=shapes.Begun, errors=(409, 429, 503))
def patch_profile() -> dict[str, Any]:
    """Changes the own name or password; answers with a new token, since a new password begins a new session."""
    body = read(ProfileChange)
    user = changes.alter_own(g.db, access.member(), body.current_password, body.name, body.new_password)
    return {"user": accounts.shown(user), "csrf": generate_csrf()}


@blueprint.delete("/profile")
@needs("user", while_password_must_change=True)
@describe("Deletes the own account with its predictions and photographs.", body=Confirmation, errors=(409, 429, 503))
def delete_profile() -> dict[str, Any]:
    """Deletes the own account."""
    changes.delete_own(g.db, access.member(), read(Confirmation).password)
    return {}


@blueprint.get("/profile/sessions")
@needs("user")
@describe("The own sessions, the latest used first.", response=shapes.Logins)
def get_sessions() -> dict[str, Any]:
    """The own sessions."""
    user = access.member()
    logins = g.db.scalars(select(Login).where(Login.user_id == user.id).order_by(Login.last_seen.desc()))
    return {
        "sessions": [
            {
                "id": login.id,
                "created": iso(login.created),
                "last_seen": iso(login.last_seen),
                "address": login.address,
                "agent": login.agent,
                "current": login.id == g.login.id,
            }
            for login in logins
        ]
    }


@blueprint.delete("/profile/sessions/<id>")
@needs("user")
@describe("Ends one of the own sessions.")
def delete_session(id: str) -> dict[str, Any]:
    """Ends one of the own sessions; another's is as unknown as one that never was."""
    user = access.member()
    done = g.db.execute(delete(Login).where(Login.id == id, Login.user_id == user.id))
    if done.rowcount == 0:
        raise Problem(404, _("There is no such session."))
    audit.record(g.db, user, "end-session", user.name)
    g.db.commit()
    return {}
