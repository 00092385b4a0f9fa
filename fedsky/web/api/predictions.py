"""Kept predictions and what is offered of them: the own ones; and, for administrators, the queue of offers.

Another account's prediction is answered like one that does not exist.
"""

import hashlib
from typing import Any, Literal

from flask import Blueprint, Response, current_app, g
from pydantic import Field
from sqlalchemy import delete, func, select

from fedsky.language import _
from fedsky.web import access, audit
from fedsky.web.access import needs
from fedsky.web.api import predict_shapes as shapes
from fedsky.web.body import Body, read
from fedsky.web.limits import limit
from fedsky.web.openapi import describe
from fedsky.web.prediction import accepted
from fedsky.web.problems import Problem
from fedsky.web.tables import WAITING, Offer, Prediction, User, iso, now

blueprint = Blueprint("predictions", __name__)

MOST_OFFERED = 50  # that wait, of one account
MOST_LISTED = 200  # offers that are decided
PHOTOGRAPH = 8_000_000  # bytes of one as it is kept, at most 1024 pixels a side


class Label(Body):
    """What the photograph really shows, one of the classes that the model knows."""

    label: str = Field(min_length=1, max_length=64)


class Decision(Body):
    """Whether an offer becomes training data, and under which label if not under the one offered."""

    decision: Literal["accept", "reject"]
    label: str | None = Field(None, min_length=1, max_length=64)


@blueprint.get("/predictions")
@needs("user")
@describe("Lists the own kept predictions, the latest first.", response=shapes.KeptList)
def predictions() -> dict[str, Any]:
    """The own predictions, with what has become of offers."""
    user = access.member()
    mine = g.db.scalars(
        select(Prediction).where(Prediction.user_id == user.id).order_by(Prediction.created.desc(), Prediction.id)
    ).all()
    offers = {offer.prediction_id: offer for offer in g.db.scalars(select(Offer).where(Offer.user_id == user.id)).all()}
    return {
        "predictions": [
            {
                "id": each.id,
                "created": iso(each.created),
                "label": each.label,
                "probability": each.probability,
                "model": each.answer["model"]["label"],
                "is_sky": each.answer["sky"]["is_sky"],
                "offered": offers[each.id].label if each.id in offers else None,
                "offer_state": offers[each.id].state if each.id in offers else None,
            }
            for each in mine
        ]
    }


def own(id: str) -> Prediction:
    """One of the own predictions; Problem 404 for any other."""
    found = g.db.get(Prediction, id)
    if found is None or found.user_id != access.member().id:
        raise Problem(404, _("There is no such prediction."))
    assert isinstance(found, Prediction)
    return found


@blueprint.delete("/predictions/<id>")
@needs("user")
@describe("Deletes a kept prediction with its photograph; an offer of it that still waits is withdrawn.")
def delete_prediction(id: str) -> dict[str, Any]:
    """Deletes one of the own predictions."""
    prediction = own(id)
    g.db.execute(delete(Offer).where(Offer.prediction_id == prediction.id, Offer.state == WAITING))
    g.db.delete(prediction)
    g.db.commit()
    g.deleted_photographs = True
    return {}


@blueprint.get("/predictions/<id>/photo")
@needs("user")
@limit(answer=PHOTOGRAPH)
@describe("Gives the photograph of a kept prediction.", response={}, media="image/jpeg")
def prediction_photo(id: str) -> Response:
    """The photograph of one of the own predictions."""
    prediction = own(id)
    return photograph(prediction.photo, prediction.media_type)


def photograph(content: bytes, media_type: str) -> Response:
    """A photograph, which a browser shows as such and as nothing else."""
    response = Response(content, content_type=media_type)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.post("/predictions/<id>/offer")
@needs("user")
@describe(
    "Offers a kept photograph, with what it really shows, as training data; an administrator decides.",
    body=Label,
    response=shapes.OfferAnswer,
    status=201,
    errors=(409,),
)
def offer_prediction(id: str) -> tuple[dict[str, Any], int]:
    """Puts a copy of the photograph into the review queue."""
    label, user = read(Label).label, access.member()
    prediction = own(id)
    classes = prediction.answer["model"]["classes"]
    if label not in classes:
        raise Problem(422, _("This model knows {classes}: choose one of them.", classes=", ".join(classes)))
    digest = hashlib.sha256(prediction.photo).hexdigest()
    taken = select(func.count()).select_from(Offer).where((Offer.prediction_id == id) | (Offer.sha256 == digest))
    if g.db.scalar(taken):
        raise Problem(409, _("This photograph has been offered already."))
    waiting = select(func.count()).select_from(Offer).where(Offer.user_id == user.id, Offer.state == WAITING)
    if g.db.scalar(waiting) >= MOST_OFFERED:
        raise Problem(409, _("{n} of your photographs wait for review already: offer more later.", n=MOST_OFFERED))
    offer = Offer(
        user_id=user.id,
        prediction_id=id,
        label=label,
        sha256=digest,
        photo=prediction.photo,
        media_type=prediction.media_type,
    )
    g.db.add(offer)
    g.db.flush()
    audit.record(g.db, user, "offer", offer.id, label=label)
    g.db.commit()
    return {"offer": shown(offer, prediction, user.name)}, 201


def shown(offer: Offer, prediction: Prediction | None, owner: str | None) -> dict[str, Any]:
    """An offer as the API gives it."""
    return {
        "id": offer.id,
        "label": offer.label,
        "predicted": prediction.label if prediction else None,
        "probability": prediction.probability if prediction else None,
        "classes": prediction.answer["model"]["classes"] if prediction else [offer.label],
        "owner": owner,
        "created": iso(offer.created),
        "state": offer.state,
        "decided_label": offer.decided_label,
        "decided_by": offer.decided_by,
        "decided": iso(offer.decided),
    }


@blueprint.get("/admin/offers")
@needs("admin")
@describe("Lists the photographs offered as training data, those that wait first.", response=shapes.OfferList)
def offers() -> dict[str, Any]:
    """All that wait, and the latest that are decided."""
    joined = (
        select(Offer, Prediction, User.name)
        .outerjoin(Prediction, Offer.prediction_id == Prediction.id)
        .outerjoin(User, Offer.user_id == User.id)
    )
    waiting = g.db.execute(joined.where(Offer.state == WAITING).order_by(Offer.created)).all()
    decided = g.db.execute(joined.where(Offer.state != WAITING).order_by(Offer.decided.desc()).limit(MOST_LISTED)).all()
    return {"offers": [shown(*row) for row in (*waiting, *decided)]}


def known(id: str) -> Offer:
    """An offer by its id; Problem 404 if there is none."""
    found = g.db.get(Offer, id)
    if found is None:
        raise Problem(404, _("There is no such offer."))
    assert isinstance(found, Offer)
    return found


@blueprint.get("/admin/offers/<id>/photo")
@needs("admin")
@limit(answer=PHOTOGRAPH)
@describe("Gives an offered photograph.", response={}, media="image/jpeg")
def offer_photo(id: str) -> Response:
    """An offered photograph."""
    offer = known(id)
    return photograph(offer.photo, offer.media_type)


@blueprint.patch("/admin/offers/<id>")
@needs("admin")
@describe(
    "Accepts an offered photograph as training data, or rejects it; a decision may be changed.",
    body=Decision,
    response=shapes.OfferAnswer,
)
def decide_offer(id: str) -> dict[str, Any]:
    """Decides an offer. The folder of accepted photographs is set first, the offer last."""
    body, admin = read(Decision), access.member()
    offer = known(id)
    prediction = g.db.get(Prediction, offer.prediction_id) if offer.prediction_id else None
    label = body.label or offer.label
    if label not in (classes := shown(offer, prediction, None)["classes"]):
        raise Problem(422, _("The classes are {classes}: choose one of them.", classes=", ".join(classes)))
    folder = current_app.extensions["settings"].accepted
    if body.decision == "accept":
        said = f"the model said {prediction.label} {prediction.probability:.2f}" if prediction else ""
        accepted.put(folder, offer.id, label, offer.photo, offer.sha256, said)
    else:
        accepted.drop(folder, offer.id)
    offer.state = "accepted" if body.decision == "accept" else "rejected"
    offer.decided_label = label if body.decision == "accept" else None
    offer.decided_by, offer.decided = admin.name, now()
    audit.record(g.db, admin, f"offer.{body.decision}", offer.id, label=offer.decided_label)
    g.db.commit()
    owner = g.db.get(User, offer.user_id) if offer.user_id else None
    return {"offer": shown(offer, prediction, owner.name if owner else None)}
