"""Comparisons: the report's statistics of any set of runs, as JSON, a table, a figure, or the whole report."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from flask import Blueprint, Response, current_app, g, send_file
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from pydantic import Field

from fedsky.history.columns import FINAL_METRICS
from fedsky.language import _
from fedsky.web.access import public
from fedsky.web.api.answering import send
from fedsky.web.api.runs import site_runs
from fedsky.web.body import Query, query
from fedsky.web.isolated import NoAnswerError
from fedsky.web.limits import asker, limit
from fedsky.web.openapi import describe
from fedsky.web.places import places
from fedsky.web.problems import Problem
from fedsky.web.runs.comparing import MOST_RUNS, ROOM, Chosen, Comparing, as_csv
from fedsky.web.runs.listing import Question, matching
from fedsky.web.runs.rows import Row
from fedsky.web.runs.tasks import PLOTS
from fedsky.web.share import BusyError

from .compare_shapes import Comparison, Story

blueprint = Blueprint("compare", __name__)
T = TypeVar("T")
LARGE = 32_000_000  # bytes: 500 runs, each a group of its own, with 300 points each are 15 MB as a table


@blueprint.record_once
def install(state: BlueprintSetupState) -> None:
    """Gives a site its comparisons."""
    runs, settings = state.app.extensions["runs"], state.app.extensions["settings"]
    state.app.extensions["comparing"] = Comparing(runs.index, settings.data / "kept", places(settings).hide_bytes)


def comparing() -> Comparing:
    """The comparisons of the site that is asked."""
    found = current_app.extensions["comparing"]
    assert isinstance(found, Comparing)
    return found


Language = Literal["en", "zh"]


class CompareQuery(Query):
    """run: ids; or q: as in the list of runs; without either the reference runs.

    group_by: settings, separated by commas; baseline: a group's label.

    margin: points of accuracy within which two groups are equally good.
    """

    run: list[Annotated[str, Field(max_length=16)]] = Field(default_factory=list, max_length=MOST_RUNS)
    q: str = Field("", max_length=200)
    group_by: str = Field("", max_length=200)
    baseline: str = Field("", max_length=300)
    margin: float = Field(2.0, gt=0, lt=100)
    metric: Literal[FINAL_METRICS] = FINAL_METRICS[0]  # type: ignore[valid-type]
    x: Literal["round", "megabytes", "seconds", "virtual_seconds", "steps"] = "round"
    lang: Language = "en"


class FigureQuery(CompareQuery):
    """plot: what is drawn; kind: of which kind of data, from 0."""

    plot: Literal[PLOTS] = "curves"  # type: ignore[valid-type]
    kind: int = Field(0, ge=0, le=100)


def chosen(asked: CompareQuery) -> Chosen:
    """The comparison that is asked for; Problem 404 for an unknown run, 422 for none or too many."""
    site = site_runs()
    rows: list[Row] = []
    for id in dict.fromkeys(asked.run):
        row = site.index.row(id)
        if row is None:
            raise Problem(404, _("There is no such run."))
        rows.append(row)
    if asked.q.strip() and not asked.run:
        rows = matching(site.index.rows(), Question(q=asked.q), site.notes(g.db)[1])
    elif not asked.run:
        rows = story_rows(comparing())
    if not rows:
        raise Problem(422, _("Choose runs, by run=ID or by q=WORDS that find some."))
    if len(rows) > MOST_RUNS:
        raise Problem(
            422, _("{n} runs are too many for one comparison: choose {most} at most.", n=len(rows), most=MOST_RUNS)
        )
    return comparing().choose(
        rows,
        asker(),
        metric=asked.metric,
        x=asked.x,
        group_by=asked.group_by.strip(),
        baseline=asked.baseline,
        margin=asked.margin,
        lang=asked.lang,
    )


def asked_of(do: Callable[[], T]) -> T:
    """What the report answers; Problem 422 where it refuses, 503 where it is busy or takes too long."""
    try:
        return do()
    except ValueError as error:
        raise Problem(422, " ".join(str(error).split())[:400]) from None
    except BusyError as busy:
        raise Problem(
            503, _("Others are comparing runs just now: try again in a moment."), retry_after=busy.seconds
        ) from None
    except NoAnswerError:
        raise Problem(503, _("This comparison could not be made: choose fewer runs."), retry_after=60) from None


@blueprint.get("/compare")
@public
@limit("120 per minute", answer=LARGE)
@describe(
    "The report's comparison of runs: groups with curves and intervals, paired differences, owners, verdict.",
    query=CompareQuery,
    response=Comparison,
    errors=(404, 503),
)
def compare() -> Response:
    """A comparison."""
    found = chosen(query(CompareQuery))
    return send(asked_of(lambda: comparing().answer(found)))


@blueprint.get("/compare.csv")
@public
@limit("30 per minute", answer=LARGE)
@describe(
    "A comparison's curves and last rounds as one long table.",
    query=CompareQuery,
    response={},
    media="text/csv",
    errors=(404, 503),
)
def compare_csv() -> Response:
    """A comparison as a table."""
    asked = query(CompareQuery)
    found = chosen(asked)
    text = as_csv(asked_of(lambda: comparing().compare(found)), asked.metric, asked.x)
    return attachment(text.encode("utf-8", "replace"), "text/csv; charset=utf-8", "comparison.csv")


def attachment(content: bytes, mimetype: str, name: str) -> Response:
    """A file that a browser saves and never shows as a page of the site."""
    response = Response(content, mimetype=mimetype)
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response


@blueprint.get("/compare.svg")
@public
@limit("60 per minute", answer=LARGE)
@describe("A figure of a comparison.", query=FigureQuery, response={}, media="image/svg+xml", errors=(404, 503))
def compare_svg() -> Response:
    """A figure as SVG."""
    return attachment(figure("svg"), "image/svg+xml", "comparison.svg")


@blueprint.get("/compare.png")
@public
@limit("60 per minute", answer=LARGE)
@describe(
    "A figure of a comparison, 300 dots per inch.", query=FigureQuery, response={}, media="image/png", errors=(404, 503)
)
def compare_png() -> Response:
    """A figure as PNG."""
    return attachment(figure("png"), "image/png", "comparison.png")


def figure(format: str) -> bytes:
    """The figure that the query asks for."""
    asked = query(FigureQuery)
    found = chosen(asked)
    return asked_of(lambda: comparing().figure(found, asked.plot, asked.kind, format))


@blueprint.get("/compare/report")
@public
@limit("10 per minute", answer=ROOM)
@describe(
    "The whole report of a comparison as a zip file; it takes up to some minutes.",
    query=CompareQuery,
    response={},
    media="application/zip",
    errors=(404, 503),
)
def compare_report() -> ResponseReturnValue:
    """The whole report."""
    found = chosen(query(CompareQuery))
    path = asked_of(lambda: comparing().report(found))
    return send_file(path, mimetype="application/zip", as_attachment=True, download_name="report.zip", max_age=0)


class StoryQuery(Query):
    """lang: of the sentences."""

    lang: Language = "en"


@blueprint.get("/story")
@public
@limit(answer=LARGE)
@describe(
    "Who gains? The comparison of the reference runs, and what it comes to in sentences.",
    query=StoryQuery,
    response=Story,
    errors=(503,),
)
def story() -> Response:
    """The story of the home page."""
    lang = query(StoryQuery).lang
    service = comparing()
    rows = story_rows(service)
    if not rows:
        nothing = {"compare": {"title": "", "notes": [], "kinds": [], "run_ids": {}}, "sentences": []}
        return send(service.answers.get(("story", "none"), lambda: nothing))
    found = service.choose(rows, asker(), lang=lang)

    def make() -> dict[str, Any]:
        comparison = service.compare(found)
        sentences = [said for kind in comparison["kinds"] for told in kind["story"] for said in told["sentences"]]
        return {"compare": comparison, "sentences": sentences}

    return send(asked_of(lambda: service.answers.get(("story", *found.key), make)))


def story_rows(service: Comparing) -> list[Row]:
    """The reference runs of the photographs; all reference runs where there are none."""
    rows = [row for row in service.index.rows() if row.is_reference]
    place = service.index.reference
    told = [
        row for row in rows if (each := service.index.found(row.id)) and place and each.folder.parent == place / "sky"
    ]
    return told or rows[:MOST_RUNS]
