"""The shapes of answers on jobs, for the API's description and its tests."""

from typing import Any

from pydantic import BaseModel


class RecipeShape(BaseModel):
    """A prepared configuration."""

    id: str
    title: str
    description: str
    command: str


class RecipeBook(BaseModel):
    """Recipes; and fields: name, label, type (choice, int, float), choices or min, max and step, default, unit, help.

    when: {field, values}: another field's values with which alone this one counts.
    """

    recipes: list[RecipeShape]
    fields: list[dict[str, Any]]


class Preview(BaseModel):
    """seconds_estimate: of all runs, null where no finished run is like them.

    estimate_elsewhere: whether runs of another machine stand behind it.
    """

    command: str
    seconds_estimate: float | None
    estimate_basis: int
    estimate_elsewhere: bool
    num_runs: int
    problems: list[str]


class JobShape(BaseModel):
    """A job; position: its place in the queue, from 1; runs: ids; cancelling: asked to end, which takes a moment."""

    id: str
    title: str
    owner: str | None
    status: str
    command: str
    created: str
    started: str | None
    ended: str | None
    reason: str
    position: int | None
    num_runs: int
    seconds_estimate: float | None
    cancelling: bool
    retry_of: str | None
    runs: list[str]


class JobAnswer(BaseModel):
    """A new job."""

    job: JobShape


class Cancelled(BaseModel):
    """A job that is cancelled, or about to be."""

    job: JobShape


class GoesOn(BaseModel):
    """A job that waits again."""

    job: JobShape


class JobDetail(BaseModel):
    """A job, and the ids of its runs."""

    job: JobShape
    runs: list[str]


class WorkerShape(BaseModel):
    """Whether a worker lives, and when it last said so."""

    alive: bool
    last_seen: str | None


class JobList(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobShape]
    queue_length: int
    worker: WorkerShape


class JobLog(BaseModel):
    """A part of a job's output; done: nothing will follow."""

    text: str
    next: int
    done: bool
