"""The API's description, drawn from the routes themselves.

A view tells what it takes and gives by one decorator, below its access rule:

    @blueprint.get("/runs")
    @public
    @describe("Lists runs.", query=RunQuery, response=RunList)
    def runs(): ...

``query`` and ``body`` are pydantic models (fedsky.web.body.Query and Body; read them with ``body.query`` and
``body.read``), ``response`` is a pydantic model, a JSON schema as a dict, or None for any object; ``media`` is the
answer's type if it is not JSON; ``form`` is the JSON schema of a multipart body. ``errors`` are the statuses with
which the view itself may refuse, besides those that follow from its access rule, its body and its rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel
from werkzeug.routing import Rule as Route

from fedsky import __version__
from fedsky.web.access import Rule

View = TypeVar("View", bound=Callable[..., Any])
Schema = dict[str, Any]
PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "status", "title", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
    },
}


@dataclass(frozen=True)
class Description:
    """What a view says of itself."""

    summary: str
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    form: Schema | None
    response: type[BaseModel] | Schema | None
    status: int
    media: str
    errors: tuple[int, ...]


def describe(
    summary: str,
    *,
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    form: Schema | None = None,
    response: type[BaseModel] | Schema | None = None,
    status: int = 200,
    media: str = "application/json",
    errors: tuple[int, ...] = (),
) -> Callable[[View], View]:
    """Marks a view with its description."""

    def mark(view: View) -> View:
        view.description = Description(summary, query, body, form, response, status, media, errors)  # type: ignore[attr-defined]
        return view

    return mark


def document(app: Flask) -> Schema:
    """The OpenAPI 3.1 document of an app's /api."""
    schemas: Schema = {"Problem": PROBLEM}
    paths: Schema = {}
    for route in sorted(app.url_map.iter_rules(), key=str):
        view = app.view_functions[route.endpoint]
        about = getattr(view, "description", None)
        if not route.rule.startswith("/api/") or about is None:
            continue
        path, parameters = _path(route)
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            paths.setdefault(path, {})[method.lower()] = _operation(view, about, parameters, method, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "fedsky", "version": __version__},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]},
                "token": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"},
            },
        },
    }


def _path(route: Route) -> tuple[str, list[Schema]]:
    """A route's path in OpenAPI's spelling and the parameters in it."""
    path = ""
    parameters: list[Schema] = []
    for is_variable, text in route._trace:
        if is_variable:
            path += "{" + text + "}"
            parameters.append({"name": text, "in": "path", "required": True, "schema": {"type": "string"}})
        else:
            path += text.lstrip("|")
    return path, parameters


def _operation(view: Any, about: Description, parameters: list[Schema], method: str, schemas: Schema) -> Schema:
    access: Rule | None = getattr(view, "access", None)
    changes = method not in ("GET", "HEAD")
    errors = {*about.errors, 429, *((404,) if parameters else ())}
    if about.query is not None:
        errors.add(422)
    if about.body is not None:
        errors |= {400, 413, 415, 422}
    if about.form is not None:
        errors |= {400, 413, 415, 422}
    if changes:
        errors |= {400, 403}
    if access is not None and access.role is not None:
        errors |= {401, 403}
    operation: Schema = {
        "operationId": view.__name__,
        "summary": about.summary,
        "parameters": [*parameters, *_query(about.query, schemas)],
        "responses": {str(about.status): _answer(about, schemas)}
        | {
            str(status): {
                "description": "Refused",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
            for status in sorted(errors)
        },
    }
    if access is not None and access.role is not None and not access.if_public:
        operation["security"] = [{"session": [], "token": []} if changes else {"session": []}]
        operation["description"] = f"Needs the role {access.role}."
    if about.body is not None:
        content: Schema = {"application/json": {"schema": _schema(about.body, schemas)}}
        operation["requestBody"] = {"required": True, "content": content}
    elif about.form is not None:
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": about.form}}}
    return operation


def _answer(about: Description, schemas: Schema) -> Schema:
    if about.status == 204:
        return {"description": "Done"}
    if isinstance(about.response, dict):
        schema = about.response
    elif about.response is None:
        schema = {"type": "object"} if about.media == "application/json" else {}
    else:
        schema = _schema(about.response, schemas, mode="serialization")
    return {"description": "Done", "content": {about.media: {"schema": schema}}}


def _query(model: type[BaseModel] | None, schemas: Schema) -> list[Schema]:
    if model is None:
        return []
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    _add(schemas, schema.pop("$defs", {}))
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": about}
        for name, about in schema.get("properties", {}).items()
    ]


def _schema(model: type[BaseModel], schemas: Schema, mode: Any = "validation") -> Schema:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode=mode)
    _add(schemas, schema.pop("$defs", {}) | {model.__name__: schema})
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _add(schemas: Schema, found: Schema) -> None:
    """Adds models by their names; ValueError where two of the API's modules give different models one name."""
    for name, schema in found.items():
        if schemas.setdefault(name, schema) != schema:
            raise ValueError(f"{name}: the API has two models of this name, rename one")
