"""Administration: accounts, the audit log, data sets."""

from typing import Any, Literal

from flask import Blueprint, current_app, g
from flask.blueprints import BlueprintSetupState
from pydantic import Field
from sqlalchemy import select

from fedsky.language import _
from fedsky.web import access, changes, datasets, passwords
from fedsky.web.access import needs
from fedsky.web.api import account_shapes as shapes
from fedsky.web.body import Body, Query, query, read
from fedsky.web.openapi import describe
from fedsky.web.owners import Owners
from fedsky.web.problems import Problem
from fedsky.web.tables import ACTIVE, AuditEntry, User, iso

blueprint = Blueprint("admin", __name__)


@blueprint.record_once
def install(state: BlueprintSetupState) -> None:
    """Gives a site what measures its photographs."""
    state.app.extensions["owners"] = Owners()


class UserChange(Body):
    """A new role, a new state or both."""

    role: Literal["user", "operator", "admin"] | None = None
    state: Literal["waiting", "active", "disabled"] | None = None


class AuditQuery(Query):
    """A page of the audit log: the latest entries before this id."""

    before: int | None = Field(None, ge=1, le=2**63 - 1)
    limit: int = Field(50, ge=1, le=200)


@blueprint.get("/admin/users")
@needs("admin")
@describe("All accounts, those that wait for approval first.", response=shapes.Accounts)
def get_users() -> dict[str, Any]:
    """All accounts."""
    users = sorted(g.db.scalars(select(User)), key=lambda user: (user.state != "waiting", user.key))
    return {"users": [_row(user) for user in users]}


@blueprint.patch("/admin/users/<id>")
@needs("admin")
@describe(
    "Gives an account another role or state. One whose name several asked for is approved with a one-time "
    "password, which is told once.",
    body=UserChange,
    response=shapes.Altered,
    errors=(409,),
)
def patch_user(id: str) -> dict[str, Any]:
    """Approves, disables or enables an account, or changes what it may."""
    body = read(UserChange)
    one_time = passwords.make_one_time()
    hashed = passwords.hash_new(one_time) if body.state == ACTIVE else ""  # before the database is locked
    user = known(id)
    given = changes.alter(g.db, access.member(), user, body.role, body.state, (one_time, hashed) if hashed else None)
    return {"user": _row(user), "one_time_password": given}


def known(id: str) -> User:
    """An account by its id; Problem 404 if there is none."""
    user = g.db.get(User, id)
    if not isinstance(user, User):
        raise Problem(404, _("There is no such account."))
    return user


@blueprint.delete("/admin/users/<id>")
@needs("admin")
@describe("Deletes an account that waits for approval or is disabled.", errors=(409,))
def delete_user(id: str) -> dict[str, Any]:
    """Deletes an account."""
    changes.remove(g.db, access.member(), known(id))
    return {}


@blueprint.get("/admin/audit")
@needs("admin")
@describe("The audit log, the latest first.", query=AuditQuery, response=shapes.Log)
def get_audit() -> dict[str, Any]:
    """A page of the audit log."""
    asked = query(AuditQuery)
    wanted = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(asked.limit + 1)
    if asked.before is not None:
        wanted = wanted.where(AuditEntry.id < asked.before)
    found = g.db.scalars(wanted).all()
    entries = [
        {
            "id": str(entry.id),
            "time": iso(entry.time),
            "actor": entry.actor,
            "action": entry.action,
            "target": entry.target,
            "detail": entry.detail,
            "address": entry.address,
        }
        for entry in found[: asked.limit]
    ]
    return {"entries": entries, "next": entries[-1]["id"] if len(found) > asked.limit else None}


@blueprint.get("/admin/datasets")
@needs("admin")
@describe("The photographs that launched runs may learn from, and those accepted from users.", response=shapes.Datasets)
def get_datasets() -> dict[str, Any]:
    """The data sets of the site, by name; never where they are."""
    return {"datasets": datasets.all_sets(current_app.extensions["settings"])}


@blueprint.get("/admin/datasets/<name>/owners")
@needs("admin")
@describe(
    "What each owner of a data set has (counts, cameras, light), and how alike two owners are: the tables of "
    "`fedsky data explore`, measured once.",
    response=shapes.DatasetOwners,
)
def get_dataset_owners(name: str) -> dict[str, Any]:
    """The owners of a folder of photographs."""
    known = datasets.folders(current_app.extensions["settings"])
    if name not in known:
        raise Problem(404, _("There is no such data set."))
    root = known[name][0]
    try:
        found = datasets.photographs(root)
    except (OSError, ValueError):  # which the list tells
        found = []
    if not any(each[-1] for each in found):
        raise Problem(404, _("There is no owner named of these photographs."))
    told: dict[str, Any] = current_app.extensions["owners"].of(root, [each[0] for each in found])
    return told


def _row(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "state": user.state,
        "created": iso(user.created),
        "last_login": iso(user.last_login),
        "asked_again": user.asked_again,
    }
