"""Launching runs: what may be launched, the queue, and a job's log. What is done to a job: job_actions.py."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from flask import Blueprint, current_app, g
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from pydantic import AfterValidator, Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fedsky.language import N_, _, retold
from fedsky.machine.load import Look, looks
from fedsky.web import audit
from fedsky.web.access import member, needs
from fedsky.web.api.runs import clean, site_runs
from fedsky.web.body import Body, Query, query, read
from fedsky.web.federation import words_of_run
from fedsky.web.jobs import queue
from fedsky.web.jobs.command import FOLDER, folder_of, make_launch, placed, shown, working_folder
from fedsky.web.jobs.form import Form, make_form
from fedsky.web.jobs.logs import read_log
from fedsky.web.jobs.naming import job_name
from fedsky.web.jobs.plan import Plan, make_plan
from fedsky.web.jobs.worker import log_path
from fedsky.web.limits import limit
from fedsky.web.openapi import describe
from fedsky.web.places import places
from fedsky.web.problems import Problem
from fedsky.web.settings import Settings
from fedsky.web.tables import JOB_STATES, Job, User, iso

from .job_shapes import JobAnswer, JobDetail, JobList, JobLog, Preview, RecipeBook

blueprint = Blueprint("jobs", __name__)
MOST_LISTED = 200
LOAD_SECONDS = 0.5  # for which the machine is looked at


@blueprint.record_once
def install(state: BlueprintSetupState) -> None:
    """Looks at what a site can launch, so that what is wrong there is told at the start."""
    site_form(state.app.extensions["settings"])


def site_form(settings: Settings) -> Form:
    """The form of a site: its own photographs, and those that were accepted, are choices of data."""
    roots = {}
    if settings.photographs is not None:
        roots["photographs"] = settings.photographs
    if (settings.accepted / "manifest.csv").is_file():
        roots["accepted"] = settings.accepted
    # As seen from where the command is started, so that no run tells where this machine keeps its folders.
    start = working_folder(settings.outputs[0])
    seen = {name: Path(os.path.relpath(root.resolve(), start)) for name, root in roots.items()}
    return make_form(seen, start, words_of_run(settings.federation, start))


def site_settings() -> Settings:
    """The settings of the site that is asked."""
    settings = current_app.extensions["settings"]
    assert isinstance(settings, Settings)
    return settings


@blueprint.get("/recipes")
@needs("operator")
@describe("What may be launched: recipes, and the fields of a form with their bounds.", response=RecipeBook)
def get_recipes() -> dict[str, Any]:
    """What may be launched."""
    form = site_form(site_settings())
    return {"recipes": [recipe.shown() for recipe in form.recipes], "fields": [each.shown() for each in form.fields]}


class LaunchBody(Body):
    """A recipe, or fields, or a recipe with those fields that it leaves open (data, seed, repetitions, engine)."""

    recipe: str | None = Field(None, max_length=64)
    fields: dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=64)] | int | float] | None = (
        Field(None, max_length=60)
    )

    @model_validator(mode="after")
    def names_something(self) -> "LaunchBody":
        """Neither would be the defaults, which is more likely a mistake."""
        if self.recipe is None and self.fields is None:
            raise ValueError(N_("a recipe or fields are needed"))
        return self


class NewJob(LaunchBody):
    """A launch with the title under which it is listed."""

    title: Annotated[str, AfterValidator(clean)] = Field("", max_length=120)


def planned(asked: LaunchBody) -> tuple[list[str], int, Plan]:
    """The arguments of a launch without its folder, its number of runs, and its plan with what is wrong."""
    form = site_form(site_settings())
    values, problems = form.check(asked.recipe, asked.fields or {})
    if problems:
        return [], 0, Plan(None, 0, tuple(problems))
    launch = make_launch(form, asked.recipe, values)
    return list(launch.arguments), len(launch.runs), make_plan(launch, site_runs().index.rows(), _load())


def _load() -> list[Look]:
    """How many processes will want a core beside a job: those of now, unless they are those of the job before it."""
    running = select(func.count()).select_from(Job).where(Job.status == queue.RUNNING)
    return [] if g.db.scalar(running) else looks(LOAD_SECONDS)


@blueprint.post("/jobs/preview")
@needs("operator")
@limit("120 per minute")
@describe(
    "The command line that a launch equals, and an estimate of its time; nothing is queued.",
    body=LaunchBody,
    response=Preview,
)
def preview_job() -> dict[str, Any]:
    """What a launch would be."""
    arguments, num_runs, plan = planned(read(LaunchBody))
    return {
        "command": shown(arguments) if arguments else "",
        "seconds_estimate": plan.seconds,
        "estimate_basis": plan.basis,
        "estimate_elsewhere": plan.elsewhere,
        "num_runs": num_runs,
        "problems": list(plan.problems),
    }


@blueprint.post("/jobs")
@needs("operator")
@limit("30 per minute")
@describe("Queues a launch.", body=NewJob, response=JobAnswer, status=201)
def post_job() -> ResponseReturnValue:
    """Queues a launch."""
    asked = read(NewJob)
    arguments, num_runs, plan = planned(asked)
    if plan.problems:
        raise Problem(422, f"{plan.problems[0]}.", errors=list(plan.problems))
    about = {
        "title": asked.title,
        "recipe": asked.recipe,
        "fields": asked.fields,
        "num_runs": num_runs,
        "seconds_estimate": plan.seconds,
    }
    job = add(g.db, arguments, about)
    audit.record(g.db, member(), "launch", job.id, command=shown(job.overrides))
    g.db.commit()
    return {"job": job_shown(g.db, job)}, 201


def quota() -> queue.Quota:
    """How many jobs an account of the site that is asked may have."""
    return queue.Quota(site_settings().jobs_at_once, site_settings().jobs_a_day)


@contextmanager
def refused() -> Iterator[None]:
    """Within it a quota that is used up is Problem 429."""
    try:
        yield
    except queue.QuotaError as error:
        raise Problem(429, str(error), retry_after=error.seconds) from None


def add(db: Session, arguments: list[str], about: dict[str, Any]) -> Job:
    """Adds a job in its own folder; Problem 429 where a quota is used up."""
    with refused():
        job = queue.add(db, member(), {"overrides": [], **about}, quota())
    job.folder = folder_of(job.id)
    job.overrides = placed(arguments, job.id, site_settings().outputs[0])
    db.flush()
    return job


class JobQuery(Query):
    """mine: only one's own jobs."""

    mine: bool = False
    status: Literal["", *JOB_STATES] = ""  # type: ignore[valid-type]


@blueprint.get("/jobs")
@needs("operator")
@describe(f"The last {MOST_LISTED} jobs, the newest first.", query=JobQuery, response=JobList)
def get_jobs() -> dict[str, Any]:
    """Jobs, the newest first."""
    asked = query(JobQuery)
    found = select(Job, User.name).outerjoin(User, User.id == Job.user_id).order_by(Job.created.desc(), Job.id)
    if asked.mine:
        found = found.where(Job.user_id == member().id)
    if asked.status:
        found = found.where(Job.status == asked.status)
    runs = run_ids()
    rows = g.db.execute(found.limit(MOST_LISTED)).all()
    order = g.db.scalars(select(Job.id).where(Job.status == queue.QUEUED).order_by(Job.created, Job.id)).all()
    places = {id: number for number, id in enumerate(order, 1)}
    alive, seen = queue.worker_seen(g.db)
    return {
        "jobs": [_shown(job, owner, places.get(job.id), runs.get(job.id, [])) for job, owner in rows],
        "queue_length": len(order),
        "worker": {"alive": alive, "last_seen": iso(seen)},
    }


def run_ids() -> dict[str, list[str]]:
    """The ids of every job's runs, by job, in the order of their folders."""
    index = site_runs().index
    ids: dict[str, list[str]] = {}
    for row in sorted((row for row in index.rows() if row.folder.startswith(f"{FOLDER}/")), key=lambda row: row.folder):
        found = index.found(row.id)
        if found is not None and found.folder.is_relative_to(index.roots[0]):
            ids.setdefault(row.folder.split("/")[1], []).append(row.id)
    return ids


def _shown(job: Job, owner: str | None, place: int | None, runs: list[str]) -> dict[str, Any]:
    return {
        "id": job.id,
        "title": job.title,
        "name": job_name(job, site_form(site_settings())),
        "owner": owner,
        "status": job.status,
        "command": shown(job.overrides),
        "created": iso(job.created),
        "started": iso(job.started),
        "ended": iso(job.ended),
        "reason": places(site_settings()).hide(retold(job.reason)),
        "position": place,
        "num_runs": job.num_runs,
        "seconds_estimate": job.seconds_estimate,
        "cancelling": job.cancel and job.status == queue.RUNNING,
        "retry_of": job.retry_of,
        "runs": runs,
    }


def job_shown(db: Session, job: Job) -> dict[str, Any]:
    """A job as the API gives it."""
    owner = db.scalar(select(User.name).where(User.id == job.user_id))
    return _shown(job, owner, queue.position(db, job), run_ids().get(job.id, []))


def known(id: str) -> Job:
    """A job by its id; Problem 404 if there is none."""
    job = g.db.get(Job, id)
    if not isinstance(job, Job):
        raise Problem(404, _("There is no such job."))
    return job


@blueprint.get("/jobs/<id>")
@needs("operator")
@describe("A job and its runs.", response=JobDetail)
def get_job(id: str) -> dict[str, Any]:
    """A job."""
    about, index = job_shown(g.db, known(id)), site_runs().index
    rows = [row for run in about["runs"] if (row := index.row(run)) is not None]
    runs = [
        {"id": row.id, "name": index.name(row), "status": row.status, "balanced_accuracy": row.balanced_accuracy}
        for row in rows
    ]
    return {"job": about, "runs": runs}


class LogQuery(Query):
    """after: the bytes of the log that the client has."""

    after: int = Field(0, ge=0, le=2**53)


@blueprint.get("/jobs/<id>/log")
@needs("operator")
@describe("A job's output after so many bytes; `next` is what to ask for next.", query=LogQuery, response=JobLog)
def get_job_log(id: str) -> dict[str, Any]:
    """A job's output by cursor."""
    asked, job = query(LogQuery), known(id)
    over = job.status not in (queue.QUEUED, queue.RUNNING)
    text, following, at_end = read_log(log_path(site_settings(), job.id), asked.after, over, places(site_settings()))
    return {"text": text, "next": following, "done": over and at_end}
