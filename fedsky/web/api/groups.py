"""The list of runs by experiment, and each experiment's mean with its interval, which are the report's."""

from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from fedsky.history.columns import FINAL_METRICS
from fedsky.report import names
from fedsky.web.access import public
from fedsky.web.api.compare import asked_of, comparing
from fedsky.web.api.compare_shapes import Interval
from fedsky.web.api.runs import RunQuery, page, site_runs
from fedsky.web.body import Query, query
from fedsky.web.limits import asker, limit
from fedsky.web.openapi import describe
from fedsky.web.runs.groups import GroupRow, counted, grouped, listing
from fedsky.web.runs.rows import Status

blueprint = Blueprint("groups", __name__)
MOST_MEANS = 50


class GroupList(BaseModel):
    """A page of groups of runs, how many groups and runs match, and what there is to choose from."""

    groups: list[GroupRow]
    total: int
    num_runs: int
    strategies: list[str]
    statuses: list[Status]
    left_out: int


class MeanQuery(Query):
    """group: ids of groups; metric: of the last round."""

    group: list[Annotated[str, Field(max_length=40)]] = Field(default_factory=list, max_length=MOST_MEANS)
    metric: Literal[FINAL_METRICS] = FINAL_METRICS[0]  # type: ignore[valid-type]


class Means(BaseModel):
    """The mean of each group's finished runs, by the group's id."""

    means: dict[str, Interval]


@blueprint.get("/groups")
@public
@describe(
    "Lists runs by experiment: those that differ in nothing but seeds and folds are one row.",
    query=RunQuery,
    response=GroupList,
)
def groups() -> Response:
    """A page of the list."""
    index = site_runs().index
    return page("groups", listing, lambda row: names.name(names.of_group(index.parts(row))))


@blueprint.get("/groups/means")
@public
@limit("120 per minute")
@describe(
    "The report's mean of each group's finished runs, with its interval.",
    query=MeanQuery,
    response=Means,
    errors=(503,),
)
def means() -> dict[str, Any]:
    """The means of some groups; one that is not known is left out."""
    asked, service = query(MeanQuery), comparing()
    found = grouped(service.index.rows())
    told = [(id, counted(found[id])) for id in dict.fromkeys(asked.group) if id in found]
    return {"means": asked_of(lambda: {id: service.mean(rows, asked.metric, asker()) for id, rows in told})}
