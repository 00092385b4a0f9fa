"""The API against its own description: whatever it is asked, no failure, and answers as described."""

import io
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypotheses
from hypothesis.errors import Unsatisfiable
from PIL import Image
from pydantic import create_model
from site_browser import Browser
from sqlalchemy import select

from fedsky.deploy import federation
from fedsky.web import Settings, access
from fedsky.web.openapi import describe, document
from fedsky.web.tables import Job, Login, Offer, Prediction, User, new_id

RUN = Path(__file__).resolve().parents[2] / "outputs" / "reference" / "sky" / "fedavg-1"
EXAMPLES = {"visitor": 2, "admin": 6}  # an operation, as described and against it


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A site with one real run, and a federation whose SuperLink is not there."""
    shutil.copytree(RUN, settings.outputs[0] / "run")
    federation.init(settings.federation, ["sunny-1.jpg"], "lab.example.org", port=1)
    return settings


def photo() -> bytes:
    """A small picture, as the site keeps them."""
    picture = io.BytesIO()
    Image.new("RGB", (32, 32), "skyblue").save(picture, "JPEG")
    return picture.getvalue()


def no_limit(*_: str) -> None:
    """In place of the counters, which would answer all but the first requests."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # schemathesis leaves the files of answers open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("role", EXAMPLES)
def test_every_operation_answers_as_described(
    app: Flask, add_user: Callable[..., User], as_role: Callable[[str], Browser], role: str
) -> None:
    import schemathesis  # a second, which make quick need not spend
    from schemathesis import GenerationMode
    from schemathesis.core.result import Ok

    app.extensions["limits"].count = no_limit
    spare = add_user("spare").id
    run = app.test_client().get("/api/runs").get_json()["runs"][0]["id"]
    described = schemathesis.openapi.from_dict(document(app))
    described.app = app
    answered: dict[str, set[int]] = {}
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        browser = Browser(app.test_client()) if role == "visitor" else as_role(role)
        browser.session()
        ids = things_of(app, role, browser) | {"/api/admin/users/": spare, "/api/runs/": run}
        path = next(({"id": id} for start, id in ids.items() if operation.path.startswith(start + "{id}")), None)
        if operation.label == "DELETE /api/admin/users/{id}":
            path = {"id": add_user("nobodys", state="waiting").id}
        if "{name}" in operation.path:
            path = {"id": run, "name": "rounds.jsonl"} if "{id}" in operation.path else {"name": "sunny-1.jpg"}
        answered[operation.label] = ask(operation.as_strategy(path_parameters=path), browser, EXAMPLES[role])
        with suppress(Unsatisfiable):  # where nothing could be wrong
            answered[operation.label] |= ask(operation.as_strategy(GenerationMode.NEGATIVE), browser, EXAMPLES[role])
    assert len(answered) == sum(len(methods) for methods in document(app)["paths"].values()) > 20
    if role == "admin":  # the checks saw more than refusals
        unanswered = {label for label, statuses in answered.items() if min(statuses) >= 300}
        assert unanswered <= set(HARD_TO_GUESS), answered


# What needs a password, a recipe's exact fields, a class, a photograph, owners, runs by their ids; tested elsewhere.
HARD_TO_GUESS = (
    "POST /api/login", "POST /api/register", "PATCH /api/profile", "DELETE /api/profile", "POST /api/jobs",
    "POST /api/jobs/{id}/retry", "POST /api/jobs/{id}/cancel", "POST /api/jobs/{id}/resume", "POST /api/predict",
    "POST /api/predictions/{id}/offer", "GET /api/compare", "GET /api/compare.csv", "GET /api/compare.png",
    "GET /api/compare.svg", "GET /api/compare/report", "GET /api/admin/datasets/{name}/owners",
    "POST /api/admin/federation/owners", "POST /api/admin/federation/owners/{name}/key",
)  # fmt: skip


def things_of(app: Flask, role: str, browser: Browser) -> dict[str, str]:
    """An id of each kind of thing that an account has, by the path under which it is asked for."""
    if role == "visitor":
        return {}
    with app.extensions["database"].writing() as db:
        user = db.scalars(select(User).where(User.key == role)).one()
        job = Job(user_id=user.id, overrides=["seed=1"], status="done", folder="launched/x")
        told = {
            "model": {"label": "m", "classes": ["cloudy", "sunny"]},
            "sky": {"is_sky": True},
            "prediction": {"label": "sunny", "probability": 0.9, "probabilities": {"sunny": 0.9, "cloudy": 0.1}},
        }
        judged = {
            "model_id": "m",
            "label": "sunny",
            "probability": 0.9,
            "answer": told,
            "photo": photo(),
            "media_type": "image/jpeg",
        }
        prediction = Prediction(user_id=user.id, **judged)
        offer = Offer(user_id=user.id, label="sunny", sha256=new_id(), photo=photo(), media_type="image/jpeg")
        login = Login(token_hash=new_id(), user_id=user.id, address="", agent="")
        db.add_all([job, prediction, offer, login])
        db.commit()
        return {
            "/api/jobs/": job.id,
            "/api/predictions/": prediction.id,
            "/api/admin/offers/": offer.id,
            "/api/profile/sessions/": login.id,
        }


def ask(strategy: Any, browser: Browser, examples: int) -> set[int]:
    """Asks an operation all sorts of things in one session; the statuses of the answers."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    asserted = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]
    statuses = set()
    cookie = browser.client.get_cookie("fedsky")
    assert cookie is not None

    @hypotheses(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def once(case: Any) -> None:
        case.headers = {**(case.headers or {}), "X-CSRF-Token": browser.csrf, "Accept-Encoding": "identity"}
        response = case.call(cookies={"fedsky": cookie.value})
        case.validate_response(response, checks=asserted)
        statuses.add(response.status_code)

    once()
    return statuses


def test_two_models_of_one_name_are_refused(app: Flask) -> None:
    """The later silently took the place of the earlier, in the description and in the front end's types."""
    shape = create_model("RunDetail", number=(int, ...))
    view: Callable[[], dict[str, Any]] = access.anyone(describe("Another.", response=shape)(lambda: {}))
    app.add_url_rule("/api/another", "another", view)
    with pytest.raises(ValueError, match="RunDetail: the API has two models of this name, rename one"):
        document(app)
