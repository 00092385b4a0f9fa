"""The real federation of the site: who is connected, what each owner gave, and what an administrator changes."""

from typing import Any, Literal

from flask import Blueprint, Response, current_app, g
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from fedsky.deploy import federation as deploy
from fedsky.deploy.federation import Home
from fedsky.language import _, current
from fedsky.web import audit
from fedsky.web.access import member, needs
from fedsky.web.api.answering import send
from fedsky.web.api.runs import read_run, site_runs
from fedsky.web.body import Body, read
from fedsky.web.federation import MOST_OWNERS, STATES, Federation, packed_kit
from fedsky.web.limits import limit
from fedsky.web.openapi import describe
from fedsky.web.places import places
from fedsky.web.problems import Problem
from fedsky.web.runs.given import given, latest
from fedsky.web.runs.rows import Status
from fedsky.web.settings import Settings

blueprint = Blueprint("federation", __name__)
RATE = "30 per minute"
KIT = "application/zip"


class FederationOwner(BaseModel):
    """An owner of a federation. since: when it connected, went away or was revoked; registered: when its key was.

    state: connected, away or new (never there yet); pending: its key is not registered yet; leaving: its key was taken
    back, and is not refused yet; revoked: it is; unknown: the SuperLink does not answer.
    """

    name: str
    state: Literal[STATES]  # type: ignore[valid-type]
    since: str | None
    registered: str | None


class FederationView(BaseModel):
    """Where owners reach the federation, None where none is set up in the folder; problem: why that cannot be read.

    is_served: whether the SuperLink answers; why_not: what it says; num_owners: of which the first are told.
    """

    folder: str
    address: str | None
    problem: str | None
    is_served: bool
    why_not: str
    num_owners: int
    owners: list[FederationOwner]


class GivenBy(BaseModel):
    """What an owner gave in a round; version: of its fedsky; seconds: of its training; since: connected then."""

    name: str
    version: str | None
    since: str | None
    status: str | None
    reason: str
    num_examples: int | None
    bytes_up: float | None
    bytes_down: float | None
    seconds: float | None


class FederationRun(BaseModel):
    """The run that trains with a real federation, or the last that did; all None where none ever did.

    round: the last one that is complete; owners: in the order of the clients' numbers.
    """

    id: str | None
    name: str | None
    status: Status | None
    started: str | None
    round: int | None
    num_rounds: int | None
    owners: list[GivenBy]


class NewOwner(Body):
    """What an owner is to be called."""

    name: str = Field(min_length=1, max_length=40)


class OwnersChanged(BaseModel):
    """Whether the SuperLink knows of a change; until it does, who was revoked may still connect."""

    is_told: bool


@blueprint.record_once
def install(state: BlueprintSetupState) -> None:
    """Gives a site its federation."""
    settings: Settings = state.app.extensions["settings"]
    state.app.extensions["federation"] = Federation(settings.federation)


def site_federation() -> Federation:
    """The federation of the site that is asked, be it set up or not."""
    found = current_app.extensions["federation"]
    assert isinstance(found, Federation)
    return found


@blueprint.get("/federation")
@needs("user")
@describe("Which owners the site's real federation has, and which are connected.", response=FederationView)
def get_federation() -> dict[str, Any]:
    """The site's federation."""
    site, settings = site_federation(), current_app.extensions["settings"]
    hide = places(settings).hide
    view = {"folder": hide(str(settings.federation)), "address": None, "problem": None, "is_served": False}
    nobody: dict[str, Any] = {"why_not": "", "num_owners": 0, "owners": []}
    try:
        home = site.home()
    except ValueError as error:
        return view | nobody | {"problem": hide(str(error))}
    if home is None:
        return view | nobody
    owners, why = site.owners(home)
    return view | {
        "address": f"{home.host}:{home.port}",
        "is_served": not why,
        "why_not": hide(why),
        "num_owners": len(owners),
        "owners": owners[:MOST_OWNERS],
    }


@blueprint.get("/federation/run")
@needs("user")
@describe("What each owner gave in the last round of the run that trains with a real one.", response=FederationRun)
def get_federation_run() -> Response:
    """The run of a federation that goes on, or was the last."""
    site = site_runs()
    row = latest(site.index.rows())
    found = site.index.found(row.id) if row is not None else None
    if row is None or found is None:
        nothing = dict.fromkeys(("id", "name", "status", "started", "round", "num_rounds")) | {"owners": []}
        return send(site.answers.get(("no federation",), lambda: nothing))
    name = site.index.name(row)

    def make() -> dict[str, Any]:
        about = {"id": row.id, "name": name, "status": row.status, "started": row.started, "num_rounds": row.num_rounds}
        return about | given(read_run(row.id))

    return send(site.answers.get(("federation", row.id, found.stamp, name, current()), make))


def home_of(site: Federation) -> Home:
    """The folder of a federation that is set up; Problem 409 where none is."""
    try:
        home = site.home()
    except ValueError:
        home = None
    if home is None:
        raise Problem(409, _("No federation is set up on this site."))
    return home


@blueprint.post("/admin/federation/owners")
@needs("admin")
@limit(RATE)
@describe(
    "Invites an owner: makes its kit, which is sent once and kept nowhere, and has the SuperLink know its key.",
    body=NewOwner,
    response={},
    media=KIT,
    status=201,
    errors=(409,),
)
def invite_owner() -> ResponseReturnValue:
    """Invites an owner."""
    name, site = read(NewOwner).name, site_federation()
    with site.changing:
        home = home_of(site)
        try:
            deploy.check_new(home, name)
        except ValueError as error:
            raise Problem(422, str(error), field="name") from None
        return kit(site, home, name, "invite-owner"), 201


@blueprint.post("/admin/federation/owners/<name>/key")
@needs("admin")
@limit(RATE)
@describe(
    "Gives an owner another key, in a kit that is sent once and kept nowhere, and has the old one refused.",
    response={},
    media=KIT,
    status=201,
    errors=(409,),
)
def rotate_owner(name: str) -> ResponseReturnValue:
    """Gives an owner another key."""
    site = site_federation()
    with site.changing:
        return kit(site, known(site, name), name, "rotate-owner"), 201


@blueprint.delete("/admin/federation/owners/<name>")
@needs("admin")
@limit(RATE)
@describe("Takes an owner's key back for good.", response=OwnersChanged, errors=(409,))
def revoke_owner(name: str) -> dict[str, Any]:
    """Takes an owner's key back."""
    site = site_federation()
    with site.changing:
        home = known(site, name)
        written_down("revoke-owner", name)
        deploy.withdraw(home, name)
        return {"is_told": register(site, home)}


@blueprint.post("/admin/federation/register")
@needs("admin")
@limit(RATE)
@describe("Has the SuperLink know every owner that has a kit, and nobody else.", response=OwnersChanged, errors=(409,))
def register_owners() -> dict[str, Any]:
    """Tells the SuperLink of all owners."""
    site = site_federation()
    with site.changing:
        home = home_of(site)
        written_down("register-owners", "")
        return {"is_told": register(site, home)}


def known(site: Federation, name: str) -> Home:
    """The folder in which an owner has a kit; Problem 404 where none is called so."""
    home = home_of(site)
    if name not in home.names():
        raise Problem(404, _("There is no such owner."))
    return home


def kit(site: Federation, home: Home, name: str, action: str) -> Response:
    """An owner's fresh kit, which no cache keeps; its key is registered where the SuperLink answers."""
    written_down(action, name)
    content = packed_kit(home, name)
    register(site, home)
    response = Response(content, mimetype=KIT)
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.zip")
    return response


def written_down(action: str, name: str) -> None:
    """Puts a deed into the audit log before it is done: none is done that does not stand there."""
    audit.record(g.db, member(), action, name)
    g.db.commit()


def register(site: Federation, home: Home) -> bool:
    """Tells the SuperLink who has a kit; False where it does not answer, and will be told when it is served again."""
    try:
        deploy.register(home)
    except (OSError, ValueError):
        return False
    finally:
        site.forget()
    return True
