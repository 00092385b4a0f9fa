"""What is done to a job that is there: cancelling it, going on with it, and launching it again."""

from typing import Any

from flask import Blueprint, g
from flask.typing import ResponseReturnValue

from fedsky.language import N_, _
from fedsky.web import audit
from fedsky.web.access import member, needs
from fedsky.web.jobs import queue
from fedsky.web.limits import limit
from fedsky.web.openapi import describe
from fedsky.web.problems import Problem
from fedsky.web.tables import Job

from .job_shapes import Cancelled, GoesOn, JobAnswer
from .jobs import add, job_shown, known, quota, refused

blueprint = Blueprint("job_actions", __name__)
CANCELLED = N_("cancelled by {name}")  # kept in English, and told in the language of whoever reads it


def own(id: str) -> Job:
    """A job of one's own, any for an administrator; Problem 403 for another's."""
    job = known(id)
    if job.user_id != member().id and member().role != "admin":
        raise Problem(403, _("The job is another operator's."))
    return job


@blueprint.post("/jobs/<id>/cancel")
@needs("operator")
@describe("Takes a job off the queue, or ends it as Ctrl-C does.", response=Cancelled, errors=(403, 409))
def cancel_job(id: str) -> dict[str, Any]:
    """Cancels a job."""
    job = own(id)
    if not queue.ask_to_cancel(g.db, job.id, CANCELLED.format(name=member().name)):
        raise Problem(409, _("The job is over."))
    audit.record(g.db, member(), "cancel", job.id)
    g.db.commit()
    g.db.refresh(job)
    return {"job": job_shown(g.db, job)}


@blueprint.post("/jobs/<id>/resume")
@needs("operator")
@limit("30 per minute")
@describe(
    "Has a job that was interrupted, cancelled or failed wait again, to go on in its folder after the last "
    "complete round; runs that are done stay.",
    response=GoesOn,
    errors=(403, 409),
)
def resume_job(id: str) -> dict[str, Any]:
    """Goes on with a job."""
    job = own(id)
    if job.status in (queue.QUEUED, queue.RUNNING):
        raise Problem(409, _("The job is not over yet."))
    with refused():
        is_queued = queue.go_on(g.db, member(), job.id, quota())
    if not is_queued:
        raise Problem(409, _("The job is done: there is nothing to go on with."))
    audit.record(g.db, member(), "resume", job.id)
    g.db.commit()
    g.db.refresh(job)
    return {"job": job_shown(g.db, job)}


@blueprint.post("/jobs/<id>/retry")
@needs("operator")
@limit("30 per minute")
@describe("Queues a job that is over once more, as a new job.", response=JobAnswer, status=201, errors=(403, 409))
def retry_job(id: str) -> ResponseReturnValue:
    """Queues the same launch again."""
    old = own(id)
    if old.status in (queue.QUEUED, queue.RUNNING):
        raise Problem(409, _("The job is not over yet."))
    arguments = [each for each in old.overrides if not each.startswith(("name=", "hydra."))]
    about = {
        "title": old.title,
        "recipe": old.recipe,
        "fields": old.fields,
        "num_runs": old.num_runs,
        "seconds_estimate": old.seconds_estimate,
        "retry_of": old.id,
    }
    job = add(g.db, arguments, about)
    audit.record(g.db, member(), "retry", job.id, of=old.id)
    g.db.commit()
    return {"job": job_shown(g.db, job)}, 201
