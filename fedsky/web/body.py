"""What a request brings, checked against a pydantic model; whatever the model does not name is refused."""

import json
from typing import TypeVar, get_origin

from flask import request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from fedsky.language import N_, _
from fedsky.web.problems import Problem

M = TypeVar("M", bound=BaseModel)
# What pydantic finds wrong, by its name for it, with its values; anything else is told in its own English.
WHOLE, NUMBER = N_("is to be a whole number"), N_("is to be a number")
YES_NO = N_("is to be true or false")
MESSAGES = {
    "missing": N_("is missing"),
    "extra_forbidden": N_("is not a known field"),
    "string_too_long": N_("has at most {max_length} characters"),
    "string_too_short": N_("has at least {min_length} characters"),
    "too_long": N_("has at most {max_length} entries"),
    "greater_than_equal": N_("is to be {ge} or more"),
    "less_than_equal": N_("is to be {le} or less"),
    "greater_than": N_("is to be more than {gt}"),
    "less_than": N_("is to be less than {lt}"),
    "literal_error": N_("is to be one of {expected}"),
    "string_type": N_("is to be a text"),
    "int_parsing": WHOLE,
    "int_type": WHOLE,
    "int_from_float": WHOLE,
    "float_parsing": NUMBER,
    "float_type": NUMBER,
    "bool_parsing": YES_NO,
    "bool_type": YES_NO,
}


class Body(BaseModel):
    """A JSON object: no unknown keys, no conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True, str_max_length=10_000)


class Query(BaseModel):
    """A query string: no unknown names, each value written out as text; a list field may be repeated."""

    model_config = ConfigDict(extra="forbid", str_max_length=2_000)


def read(model: type[M]) -> M:
    """The request's JSON object; Problem 415 if it is not JSON, 400 or 422 if it does not fit the model."""
    if request.mimetype != "application/json":
        raise Problem(415, _("The request's body must be JSON (Content-Type: application/json)."))
    try:
        content = json.loads(request.get_data(cache=False), parse_constant=_no_number)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Problem(400, _("The request's body must be a JSON object."))
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _problem(error) from None


def query(model: type[M]) -> M:
    """The request's query string; Problem 422 if it does not fit the model."""
    content: dict[str, str | list[str]] = {}
    for name, values in request.args.lists():
        field = model.model_fields.get(name)
        if field is not None and (get_origin(field.annotation) or field.annotation) in (list, tuple):
            content[name] = values
        elif len(values) > 1:
            raise Problem(422, _("{name} is given more than once.", name=_word(name)))
        else:
            content[name] = values[0]
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _problem(error) from None


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _problem(error: ValidationError) -> Problem:
    """All that is wrong, field by field; the values themselves are not repeated."""
    wrong = []
    for item in error.errors(include_url=False, include_input=False):
        where = ".".join(_word(part) for part in item["loc"])
        wrong.append({"field": where, "message": _message(item)})
    first = wrong[0]
    return Problem(422, " ".join(filter(None, [first["field"], first["message"]])) + ".", errors=wrong)


def _message(item: ErrorDetails) -> str:
    """What is wrong with a value, after the field's name, in the language in use."""
    context = item.get("ctx", {})
    if item["type"] == "value_error":
        return _(str(context["error"]))
    known = MESSAGES.get(item["type"])
    return (
        _(known, **{name: str(value).replace(" or ", ", ") for name, value in context.items()})
        if known
        else item["msg"]
    )


def _word(part: int | str) -> str:
    return str(part)[:40]
