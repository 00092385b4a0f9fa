"""Sends an answer that is kept: with its ETag, packed where the client takes it, 304 where the client has it."""

from flask import Response, request

from fedsky.web.runs.answers import Answer


def send(answer: Answer) -> Response:
    """The answer as a response; clients ask again each time, and get no body if nothing has changed."""
    if request.if_none_match.contains_weak(answer.etag):
        response = Response(status=304)
    elif answer.packed is not None and request.accept_encodings["gzip"] > 0:
        response = Response(answer.packed, mimetype="application/json")
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = Response(answer.body, mimetype="application/json")
    response.set_etag(answer.etag, weak=True)  # the same for the packed body
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Accept-Encoding, Accept-Language, Cookie"
    return response
