"""The shapes of answers on jobs, for the API's description and its tests."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from fedsky.web.runs.rows import Status


class RecipeShape(BaseModel):
    """A prepared configuration: what it does, how long it takes and what it reached; empty where its file is silent."""

    id: str
    title: str
    time: str
    result: str
    command: str


class WhenShape(BaseModel):
    """Another field's values with which alone a field counts."""

    field: str
    values: list[str]


class FieldShape(BaseModel):
    """A field of the form: choices, or bounds and a step. default: null where the setting is null without a number."""

    model_config = ConfigDict(extra="forbid")

    name: str
    label: str
    type: Literal["choice", "int", "float"]
    default: str | int | float | None
    unit: str
    help: str
    choices: list[str] = []
    min: float | None = None
    max: float | None = None
    step: float | None = None
    when: WhenShape | None = None


class RecipeBook(BaseModel):
    """What may be launched."""

    recipes: list[RecipeShape]
    fields: list[FieldShape]


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
    """A job; position: its place in the queue, from 1; runs: ids; cancelling: asked to end, which takes a moment.

    name: its title, or what it runs.
    """

    id: str
    title: str
    name: str
    owner: str | None
    status: Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
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


class JobRun(BaseModel):
    """A run of a job; balanced_accuracy: of its last round."""

    id: str
    name: str
    status: Status
    balanced_accuracy: float | None


class JobDetail(BaseModel):
    """A job and its runs."""

    job: JobShape
    runs: list[JobRun]


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
