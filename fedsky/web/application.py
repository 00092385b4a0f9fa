"""The site's Flask application, put together."""

from contextlib import suppress

from flask import Flask, Response, current_app, g, json, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import NotFound

from fedsky import language
from fedsky.web import access, api, assets, limits, openapi, problems, security, sessions
from fedsky.web.database import Database
from fedsky.web.runs.site import Runs
from fedsky.web.settings import Settings


def make(settings: Settings) -> Flask:
    """The site's application, its database brought up to date; ValueError in one line where it cannot be."""
    settings.prepare()
    app = Flask("fedsky.web", static_folder=None)
    app.testing = settings.testing
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    database = Database(settings.url, connections=settings.threads + 8)
    database.upgrade()
    app.extensions |= {"settings": settings, "database": database, "limits": limits.Limits(settings.threads // 2)}
    app.extensions["runs"] = Runs.of(settings)
    security.install(app, settings)
    problems.install(app, assets.shell)
    app.after_request(limits.check_answer)  # before harden, which is given to the refusal too

    app.before_request(speak)
    app.before_request(security.identify)
    app.before_request(limits.admit)
    app.before_request(security.came_from_here)
    app.before_request(sessions.load)
    app.before_request(limits.guard)  # before what may refuse: a refusal is counted too
    app.before_request(access.guard)
    app.before_request(security.check_token)
    app.before_request(open_database)
    app.teardown_request(limits.leave)
    app.teardown_request(close_database)
    app.teardown_request(end_speech)

    app.register_blueprint(assets.blueprint)
    for blueprint in api.blueprints():
        app.register_blueprint(blueprint, url_prefix="/api")

    @app.get("/api/openapi.json")
    @access.anyone
    @openapi.describe("This description.")
    def openapi_json() -> Response:
        """The API's description."""
        return Response(json.dumps(openapi.document(app)), mimetype="application/json")

    return app


def speak() -> None:
    """Has a request's refusals told in the language that it asks for (Accept-Language)."""
    g.speech = language.use(request.accept_languages.best_match(language.LANGUAGES, language.ENGLISH))
    g.speech.__enter__()


def end_speech(_: BaseException | None) -> None:
    """Leaves the thread without a language of its own."""
    if "speech" in g:
        g.speech.__exit__(None, None, None)


def open_database() -> None:
    """Gives a request its database session, ``g.db``, which the view commits; 404 for an id that none can have."""
    if "\0" in request.path:  # PostgreSQL takes it for a mistake
        raise NotFound
    database: Database = current_app.extensions["database"]
    g.db = database.reading() if request.method in security.SAFE else database.writing()


def close_database(_: BaseException | None) -> None:
    """Ends a request's database session; what was not committed is undone."""
    if "db" in g:
        g.db.close()
        database: Database = current_app.extensions["database"]
        if g.get("deleted_photographs") or database.owes:
            with suppress(OperationalError):  # another writes: the next request sees to it
                database.forget(wait=bool(g.get("deleted_photographs")))
