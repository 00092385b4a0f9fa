"""Runs: the list, and the views of one."""

import io
from collections.abc import Callable
from typing import Annotated, Any, Literal

from flask import Blueprint, Response, current_app, g, send_file
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, Field

from fedsky.history import Run
from fedsky.history.columns import CLIENT_METRICS
from fedsky.language import _, current
from fedsky.web import audit
from fedsky.web.access import member, needs, public
from fedsky.web.api.answering import send
from fedsky.web.body import Body, Query, query, read
from fedsky.web.limits import limit
from fedsky.web.openapi import describe
from fedsky.web.places import places
from fedsky.web.problems import Problem
from fedsky.web.runs import files, views
from fedsky.web.runs.listing import SORTS, Question, listing, shown
from fedsky.web.runs.rows import Row, Status
from fedsky.web.runs.scan import Found
from fedsky.web.runs.site import Runs
from fedsky.web.tables import Annotation

from .shapes import Clients, Confusion, NoteAnswer, Partition, RoundList, RunDetail, RunList

blueprint = Blueprint("runs", __name__)


def site_runs() -> Runs:
    """The runs of the site that is asked."""
    found = current_app.extensions["runs"]
    assert isinstance(found, Runs)
    return found


def sorts() -> list[str]:
    """What a list may be sorted by, both ways."""
    return [f"{sign}{name}" for name in SORTS for sign in ("", "-")]


def _known_sort(value: str) -> str:
    if value not in sorts():
        raise ValueError(f"choose one of {', '.join(SORTS)}, with a - in front for the other direction")
    return value


def page(kind: str, lists: Callable[..., dict[str, Any]], name: Callable[[Row], str]) -> Response:
    """A page of a list of this kind, as it was asked for; name: what is shown of a run."""
    asked, site = query(RunQuery), site_runs()
    version, notes = site.notes(g.db)
    rows = site.index.rows()
    key = (kind, site.index.generation, version, asked.model_dump_json(), current())
    question, left_out = Question(**asked.model_dump()), site.index.left_out
    return send(site.answers.get(key, lambda: lists(rows, question, notes, name) | {"left_out": left_out}))


class RunQuery(Query):
    """q: words that all must occur, or key=value pairs of settings."""

    q: str = Field("", max_length=200)
    status: Literal["", Status] = ""
    strategy: str = Field("", max_length=80)
    group: str = Field("", max_length=40)
    sort: Annotated[str, AfterValidator(_known_sort)] = Field("-started", json_schema_extra={"enum": list(sorts())})
    offset: int = Field(0, ge=0, le=1_000_000)
    limit: int = Field(50, ge=1, le=500)


@blueprint.get("/runs")
@public
@describe(
    "Lists runs: filtered, sorted, a page of them, with the settings in which they differ.",
    query=RunQuery,
    response=RunList,
)
def runs() -> Response:
    """A page of the list."""
    return page("runs", listing, site_runs().index.name)


def known(id: str) -> tuple[Found, Row]:
    """A run by its id; Problem 404 if there is none."""
    index = site_runs().index
    found, row = index.found(id), index.row(id)
    if found is None or row is None:
        raise Problem(404, _("There is no such run."))
    return found, row


def view(id: str, name: str, make: Any, *parameters: Any) -> Response:
    """A view of one run, kept until the run's files change. ``make`` gets the run as read, and its row."""
    site, (found, row) = site_runs(), known(id)

    return send(site.answers.get((name, id, found.stamp, *parameters), lambda: make(read_run(id), row)))


def read_run(id: str) -> Run:
    """A run as it is now; Problem 404 if there is none."""
    run = site_runs().index.read(id)
    if run is None:
        raise Problem(404, _("There is no such run."))
    return run


@blueprint.get("/runs/<id>")
@public
@describe("Tells all about a run but its rounds: configuration, result, versions, files.", response=RunDetail)
def run(id: str) -> Response:
    """A run but for its rounds."""
    found, own = known(id)
    name, note = site_runs().index.name(own), site_runs().notes(g.db)[1].get(id)

    def make(run: Any, row: Row) -> dict[str, Any]:
        listed = files.listed(found.folder)
        names = {each["name"] for each in listed}
        has_models = (found.folder / "models").is_dir() and not (found.folder / "models").is_symlink()
        return {
            "run": shown(row, name, note),
            **views.about(run),
            "files": listed,
            "has": {
                "predictions": "predictions.csv" in names,
                "partition": "partition.json" in names,
                "model": has_models or "model.safetensors" in names,
            },
            "annotation": annotation_of(note),
        }

    return view(id, "run", make, note, name, current())


def annotation_of(note: Any) -> dict[str, Any]:
    """A run's note as the API gives it; empty where there is none."""
    return (
        {"title": note.title, "note": note.note, "tags": list(note.tags)}
        if note
        else {"title": "", "note": "", "tags": []}
    )


class RoundQuery(Query):
    """after: the last round that the client has; -1 for all."""

    after: int = Field(-1, ge=-1, le=1_000_000)


@blueprint.get("/runs/<id>/rounds")
@public
@describe(
    "Gives the rounds after one: metrics, and what happened in each. Ask again with `last` to follow a run.",
    query=RoundQuery,
    response=RoundList,
)
def run_rounds(id: str) -> Response:
    """A run's rounds by cursor."""
    after = query(RoundQuery).after
    site, (found, row) = site_runs(), known(id)

    def make() -> Any:
        rounds = site.rounds.get((id, found.stamp), lambda: views.rounds_of(read_run(id)))
        return views.page(rounds, after) | {"status": row.status}

    return send(site.answers.get(("rounds", id, found.stamp, after), make))


class ClientQuery(Query):
    """metric: a column of clients.jsonl."""

    metric: Literal[CLIENT_METRICS] = "accuracy"  # type: ignore[valid-type]


@blueprint.get("/runs/<id>/clients")
@public
@describe("Gives a metric of every client in every round.", query=ClientQuery, response=Clients)
def run_clients(id: str) -> Response:
    """A run's clients by rounds."""
    metric = query(ClientQuery).metric
    return view(id, "clients", lambda run, row: views.clients(run, metric), metric)


@blueprint.get("/runs/<id>/partition")
@public
@describe("Gives every owner's images of each class in each part.", response=Partition)
def run_partition(id: str) -> Response:
    """Who owns what."""
    return view(id, "partition", lambda run, row: views.partition(run))


@blueprint.get("/runs/<id>/confusion")
@public
@describe(
    "Counts test images by label (row) and prediction (column), with each class's precision and recall.",
    response=Confusion,
)
def run_confusion(id: str) -> Response:
    """A run's confusion matrix."""
    return view(id, "confusion", lambda run, row: views.confusion([] if _is_unreadable(row) else run.predictions()))


def _is_unreadable(row: Row) -> bool:
    """Whether a run's files must not be read."""
    return row.reason == "its files cannot be read"


@blueprint.get("/runs/<id>/files/<name>")
@public
@limit("120 per minute", answer=files.MOST)
@describe("Sends a file of a run; of a long log its end.", response={}, media="*/*")
def run_file(id: str, name: str) -> ResponseReturnValue:
    """A file of the allow-list."""
    found = known(id)[0]
    file = files.opened(found.folder, name)
    if file is None:
        raise Problem(404, _("The run has no such file."))
    if name in files.TOLD:
        with file:
            file = io.BytesIO(places(current_app.extensions["settings"]).hide_bytes(files.told(file)))
    response = send_file(file, mimetype=files.ALLOWED[name], as_attachment=True, download_name=name, max_age=0)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def clean(text: str) -> str:
    """Text without control characters but line ends, which no page and no database needs."""
    return "".join(character for character in text.strip() if character.isprintable() or character == "\n")


class AnnotationBody(Body):
    """What is left out stays as it is."""

    title: Annotated[str, AfterValidator(clean)] | None = Field(None, max_length=200)
    note: Annotated[str, AfterValidator(clean)] | None = Field(None, max_length=5000)
    tags: list[Annotated[str, Field(max_length=40), AfterValidator(clean)]] | None = Field(None, max_length=20)


@blueprint.patch("/runs/<id>/annotation")
@needs("operator")
@describe("Changes a run's title, note and tags.", body=AnnotationBody, response=NoteAnswer)
def annotate(id: str) -> ResponseReturnValue:
    """Changes a run's note."""
    _, row = known(id)
    asked = read(AnnotationBody).model_dump(exclude_none=True)
    if "tags" in asked:
        asked["tags"] = [tag for tag in dict.fromkeys(asked["tags"]) if tag]
    kept = g.db.get(Annotation, id) or Annotation(run_id=id, title="", note="", tags=[])
    for name, value in asked.items():
        setattr(kept, name, value)
    kept.user_id = member().id
    g.db.add(kept)
    audit.record(g.db, member(), "annotate", id, folder=row.folder)
    g.db.commit()
    site_runs().forget_notes()
    return {"annotation": {"title": kept.title, "note": kept.note, "tags": kept.tags}}
