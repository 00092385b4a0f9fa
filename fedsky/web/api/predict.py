"""Prediction: which models there are, and what one says of an uploaded photograph.

An upload lives in memory: it is neither spooled to a file nor written to the log, and it is kept only where its owner
asks (fedsky.web.api.predictions).
"""

import base64
import io
from collections import Counter
from typing import IO, Any

from flask import Blueprint, Flask, Request, Response, current_app, g, request
from flask.blueprints import BlueprintSetupState
from pydantic import Field
from sqlalchemy import func, select

from fedsky import language
from fedsky.language import N_, _, retold
from fedsky.report import names
from fedsky.web import access
from fedsky.web.access import public, scriptable
from fedsky.web.api import predict_shapes as shapes
from fedsky.web.body import Query, query
from fedsky.web.isolated import LONGEST_ANSWER, IsolatedProcess, NoAnswerError
from fedsky.web.limits import asker, limit
from fedsky.web.openapi import describe
from fedsky.web.prediction import examples
from fedsky.web.prediction.registry import Model, Registry
from fedsky.web.problems import Problem
from fedsky.web.share import BusyError
from fedsky.web.tables import Prediction

blueprint = Blueprint("predict", __name__)

CAUTION = N_("It judges the sky in this picture, not tomorrow's weather.")
MOST_KEPT = 200  # predictions of one account
MOST_KEPT_BY_ALL = 20_000  # of at most some 200 kB each
LARGE_LIST = 8_000_000  # bytes of MOST_LISTED models with MOST_CLASSES classes each
MOST_WAITING, OF_ONE = 24, 16  # photographs, with the one that is being judged; those of one visitor
SECONDS = 20.0  # that one may take
MOST_LISTED = 500  # models; the others are asked by their ids


class MemoryRequest(Request):
    """A request whose uploads stay in memory."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        return io.BytesIO()


@blueprint.record_once
def install(state: BlueprintSetupState) -> None:
    """Gives a site its registry of models, and the process that asks them, which begins when first needed."""
    app = state.app
    assert isinstance(app, Flask)
    app.request_class = MemoryRequest
    app.extensions |= {"predicting": predicting_process(), "models": Registry(app.extensions["runs"].index)}


def predicting_process() -> IsolatedProcess:
    """The process that judges photographs."""
    worker = ("-m", "fedsky.web.prediction.worker")
    return IsolatedProcess("the prediction worker", worker, seconds=SECONDS, most=MOST_WAITING, each=OF_ONE)


def registry() -> Registry:
    """The models of the site that is asked."""
    found = current_app.extensions["models"]
    assert isinstance(found, Registry)
    return found


def predicting() -> IsolatedProcess:
    """The prediction worker of the site that is asked."""
    found = current_app.extensions["predicting"]
    assert isinstance(found, IsolatedProcess)
    return found


class ModelQuery(Query):
    """model, run: id of a model, or of a run whose models, stand for their experiment instead of its middle one."""

    model: str = Field("", max_length=40)
    run: str = Field("", max_length=40)


@blueprint.get("/models")
@public
@limit(answer=LARGE_LIST)
@describe(
    "Lists a model for each experiment, the middle one on validation images; first the default one, a federated one.",
    query=ModelQuery,
    response=shapes.ModelList,
)
def models() -> dict[str, Any]:
    """The models to choose from. Whoever asks is about to send a photograph: the worker may begin to load."""
    asked, every = query(ModelQuery), registry().models()
    found = registry().offered({asked.model, asked.run})
    if found and not current_app.testing:
        predicting().warm()
    counts = Counter(model.group for model in every)
    listed = [shown(model) | {"num_models": counts[model.group]} for model in found[:MOST_LISTED]]
    return {"models": listed, "total": len(every), "examples": examples.shown()}


SHOWN = "id run_id group strategy kind accuracy n_test is_default is_reference data size"


def shown(model: Model) -> dict[str, Any]:
    """A model as the API gives it: never where it is. name: of the runs that it stands for; label: of its own run."""
    index = registry().index
    parts = index.parts(row) if (row := index.row(model.run_id)) is not None else [("", model.strategy)]
    client = retold(model.client) if model.client else None
    owner = [("", client)] if client else []
    return {
        **{key: getattr(model, key) for key in SHOWN.split()},
        "client": client,
        "name": names.name(names.of_group(parts)),
        "label": " · ".join([names.name([*parts, *owner]), model.data]),
        "classes": list(model.classes),
    }


@blueprint.get("/examples/<name>")
@public
@describe("Sends a drawn photograph to try.", response={}, media="image/jpeg")
def example(name: str) -> Response:
    """One of the photographs that GET /api/models names."""
    path = examples.photograph(name)
    if path is None:
        raise Problem(404, _("There is no such photograph."))
    return Response(path.read_bytes(), mimetype="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@blueprint.post("/predict")
@public
@scriptable
@limit("60 per minute", answer=LONGEST_ANSWER, photograph=True)
@describe(
    "Judges a photograph: sunny or cloudy, where the model looked, whether it is a sky at all, what related "
    "models say. It judges the sky in the picture, not tomorrow's weather. Nothing is kept unless asked.",
    form=shapes.FORM,
    response=shapes.Prediction,
    errors=(401, 404, 409, 503),
)
def predict() -> dict[str, Any]:
    """What a model says of the photograph in the form."""
    photo, wanted, keep, compare = _form()
    user = access.user()
    if keep and user is None:
        raise Problem(401, _("Log in to keep a photograph."))
    model = registry().get(wanted)
    if model is None:
        if wanted is None:
            raise Problem(
                409, _("There is no model to ask yet: a run on photographs or rendered skies must end first.")
            )
        raise Problem(404, _("There is no such model."))
    others = registry().others(model) if compare else []
    answer = _judged(model, others, photo)
    by_id = {other.id: shown(other) for other in others}
    told = {
        "prediction": answer["prediction"],
        "others": [
            {
                "id": other["id"],
                "model": by_id[other["id"]]["label"],
                "kind": by_id[other["id"]]["kind"],
                "client": by_id[other["id"]]["client"],
                "label": other["label"],
                "probability": other["probability"],
            }
            for other in answer["others"]
        ],
        "others_text": _missing(model, others) if compare else "",
        "sky": answer["sky"],
        "model": shown(model) | {"sha256": model.sha256},
        "caution": _(CAUTION),
    }
    heatmap = answer["heatmap"] | {"png": f"data:image/png;base64,{answer['heatmap']['png']}"}
    size = {name: answer["photo"][name] for name in ("width", "height")}
    saved = _keep(told | {"photo": size}, answer["photo"]["jpeg"]) if keep else None
    shown_photo = size | {"png": f"data:image/jpeg;base64,{answer['photo']['jpeg']}"}
    return told | {"heatmap": heatmap, "photo": shown_photo, "saved": saved}


def _form() -> tuple[bytes, str | None, bool, bool]:
    """The photograph's bytes, the model asked for, whether to keep and whether to compare; Problem otherwise."""
    if request.mimetype != "multipart/form-data":
        raise Problem(415, _("Send a form (multipart/form-data) with the photograph as its part photo."))
    unknown = (set(request.form) - {"model", "keep", "compare"}) | (set(request.files) - {"photo"})
    repeated = [name for name in request.form if len(request.form.getlist(name)) > 1]
    if unknown or repeated:
        raise Problem(422, _("The form's parts are photo, and if wanted model, keep and compare, each once."))
    photos = request.files.getlist("photo")
    if len(photos) != 1:
        raise Problem(422, _("Send one photograph, as the form's part photo."))
    flags = {"keep": "false", "compare": "true"}
    for name in flags:
        flags[name] = request.form.get(name, flags[name])
        if flags[name] not in ("true", "false"):
            raise Problem(422, _("The form's part {name} is true or false.", name=name))
    content = photos[0].stream.read()
    limit_bytes = current_app.extensions["settings"].max_upload_bytes
    if len(content) > limit_bytes:
        raise Problem(413, _("This file is larger than {n} MB: make the photograph smaller.", n=limit_bytes // 2**20))
    return content, request.form.get("model") or None, flags["keep"] == "true", flags["compare"] == "true"


def _judged(model: Model, others: list[Model], photo: bytes) -> dict[str, Any]:
    """The worker's answer; Problem where it refuses, is busy or gives none."""
    try:
        named = {"model": _named(model), "others": [_named(other) for other in others]}
        answer = predicting().ask({**named, "language": language.current()}, photo, asker())
    except ValueError as error:
        raise Problem(409, str(error)) from None
    except BusyError as busy:
        raise Problem(429, _("Many photographs are waiting: try again shortly."), retry_after=busy.seconds) from None
    except NoAnswerError as error:
        if not error.had_begun:
            raise Problem(
                503, _("The models cannot be loaded just now: try again in a minute."), retry_after=60
            ) from None
        raise Problem(422, _("This photograph could not be judged: try another one.")) from None
    if "refused" in answer:
        raise Problem(answer["status"], answer["refused"])
    return answer


def _named(model: Model) -> dict[str, str]:
    return {"id": model.id, "path": str(model.path), "sha256": model.sha256}


def _missing(model: Model, others: list[Model]) -> str:
    """A sentence on the ways of learning of which no model of the same photographs is at hand; empty if all are."""
    there = {model.kind, *(other.kind for other in others)}
    words = {"federated": _("federated model"), "pooled": _("pooled model"), "alone": _("owner's lone model")}
    missing = [word for kind, word in words.items() if kind not in there]
    if not missing:
        return ""
    return _(
        "Not at hand to compare with, of the same photographs, owners and seed: {models}.", models=_(", ").join(missing)
    )


def _keep(told: dict[str, Any], jpeg: str) -> str:
    """Keeps an answer without its pictures, and the photograph, in the own account; Problem 409 if it is full."""
    user = access.member()
    count = g.db.scalar(select(func.count()).select_from(Prediction).where(Prediction.user_id == user.id))
    if count >= MOST_KEPT:
        raise Problem(409, _("Your account keeps {n} photographs already: delete one first.", n=MOST_KEPT))
    if g.db.scalar(select(func.count()).select_from(Prediction)) >= MOST_KEPT_BY_ALL:
        raise Problem(503, _("This site keeps as many photographs as it may: ask its administrator."))
    prediction = Prediction(
        user_id=user.id,
        model_id=told["model"]["id"],
        label=told["prediction"]["label"][:64],
        probability=told["prediction"]["probability"],
        answer=told,
        photo=base64.b64decode(jpeg),
        media_type="image/jpeg",
    )
    g.db.add(prediction)
    g.db.commit()
    return prediction.id
