"""Errors as application/problem+json (RFC 9457): one clear sentence, never a traceback."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g, json, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, NotFound, SecurityError

from fedsky import language
from fedsky.language import N_, _
from fedsky.web.database import one_line

LOG = logging.getLogger("fedsky.web")


class Problem(Exception):  # noqa: N818  # it is named for what it is sent as
    """A refusal to be told to the client: its status and one sentence; ``fields`` names what is wrong where."""

    def __init__(self, status: int, detail: str, retry_after: int | None = None, **fields: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.fields = fields


def answer(problem: Problem) -> Response:
    """The problem as a response."""
    content = {
        "type": "about:blank",
        "status": problem.status,
        "title": HTTPStatus(problem.status).phrase,
        "detail": problem.detail,
        "request_id": g.get("request_id", ""),
        **problem.fields,
    }
    response = Response(json.dumps(content), problem.status, mimetype="application/problem+json")
    response.content_language.add(language.current())
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response


def install(app: Flask, page: Callable[[int], Response]) -> None:
    """Has every error of an app answered so; an address outside /api that nothing has, by ``page`` with its status."""

    @app.errorhandler(Problem)
    def refuse(problem: Problem) -> Response:
        return answer(problem)

    @app.errorhandler(HTTPException)
    def refuse_http(error: HTTPException) -> Response:
        if isinstance(error, NotFound) and not request.path.startswith("/api/"):
            return page(404)
        if 300 <= (error.code or 0) < 400:
            redirect = error.get_response()
            return Response(status=redirect.status_code, headers=list(redirect.headers))
        known = OTHER_NAME if isinstance(error, SecurityError) else SENTENCES.get(error.code or 500)
        sentence = _(known) if known else error.description or ""
        response = answer(Problem(error.code or 500, sentence))
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after", "content-range"):
                response.headers[name] = value
        return response

    @app.errorhandler(OperationalError)
    def refuse_busy(error: OperationalError) -> Response:
        LOG.error("request %s: the database does not answer: %s", g.get("request_id"), one_line(error))
        return answer(Problem(503, _("The site's database is busy: try again in a moment."), retry_after=5))

    @app.errorhandler(Exception)
    def refuse_any(error: Exception) -> Response:
        LOG.exception("request %s failed: %s %r", g.get("request_id"), request.method, request.path, exc_info=error)
        return answer(Problem(500, _(SENTENCES[500])))


OTHER_NAME = N_("This site does not answer to that name: start it with --name and the name that you asked for.")
SENTENCES = {
    400: N_("The request cannot be understood."),
    404: N_("There is nothing here."),
    405: N_("This cannot be done here."),
    413: N_("That is larger than this site takes."),
    415: N_("That is not a kind of content that this site takes here."),
    500: N_("Something went wrong here; the site's log tells more under this request's id."),
}
