"""The queue, which lives in the database: adding within quotas, claiming, cancelling. Every step is one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from fedsky.language import _, ngettext
from fedsky.web.tables import Job, Launch, User, Worker, new_id, now

MOST_AT_ONCE = 5  # jobs of an account that wait or run
MOST_A_DAY = 20  # jobs that an account adds, or goes on with, within 24 hours
MOST_WAITING = 100  # jobs of all
MOST_ATTEMPTS = 3  # times that a job is taken up whose worker or machine was killed
WORKER = "worker"  # the one row of the table of workers
ALIVE_SECONDS = 20.0  # without a word, after which a worker counts as gone

QUEUED, RUNNING, DONE, FAILED, CANCELLED, INTERRUPTED = (
    "queued",
    "running",
    "done",
    "failed",
    "cancelled",
    "interrupted",
)


@dataclass(frozen=True)
class Quota:
    """What a site allows an account in the place of MOST_AT_ONCE and MOST_A_DAY, which None leaves."""

    at_once: int | None = None
    a_day: int | None = None


class QuotaError(Exception):
    """Why no job may be added now, in one sentence; ``seconds`` to wait where that is known."""

    def __init__(self, sentence: str, seconds: int | None = None) -> None:
        super().__init__(sentence)
        self.seconds = seconds


def add(db: Session, user: User, about: Mapping[str, Any], quota: Quota = Quota()) -> Job:
    """Adds a job of an account to a writing session; QuotaError where its quota or the queue's is used up."""
    _make_room(db, user, quota)
    job = Job(id=new_id(), user_id=user.id, status=QUEUED, created=now(), **about)
    db.add(job)
    _count_launch(db, user)
    return job


def go_on(db: Session, user: User, id: str, quota: Quota = Quota()) -> bool:
    """Queues a job that is over and not done at the queue's end, as ``add`` does; False if it is not over, or done."""
    _make_room(db, user, quota)
    over = update(Job).where(Job.id == id, Job.status.in_((FAILED, CANCELLED, INTERRUPTED)))
    unknown = dict.fromkeys(("exit_code", "started", "ended", "heartbeat", "pid", "pid_started"))
    anew = {"status": QUEUED, "created": now(), "cancel": False, "attempts": 0, "reason": "", **unknown}
    is_queued = bool(_count(db.execute(over.values(**anew))))
    if is_queued:
        _count_launch(db, user)
    return is_queued


def _count_launch(db: Session, user: User) -> None:
    db.execute(delete(Launch).where(Launch.time < now() - timedelta(days=1)))
    db.add(Launch(user_id=user.id))
    db.flush()


def _make_room(db: Session, user: User, quota: Quota) -> None:
    """QuotaError where no job of an account may be added; what is counted holds until the writing session's commit."""
    at_once, a_day = quota.at_once or MOST_AT_ONCE, quota.a_day or MOST_A_DAY
    mine = select(func.count()).select_from(Job).where(Job.user_id == user.id)
    if db.scalar(mine.where(Job.status.in_((QUEUED, RUNNING)))) >= at_once:  # type: ignore[operator]
        told = ngettext(
            "You have {n} job that waits or runs: wait until it ends, or cancel it.",
            "You have {n} jobs that wait or run: wait until one ends, or cancel one.",
            at_once,
        )
        raise QuotaError(told)
    today = select(Launch.time).where(Launch.user_id == user.id, Launch.time > now() - timedelta(days=1))
    recent = db.scalars(today.order_by(Launch.time)).all()
    if len(recent) >= a_day:
        wait = recent[len(recent) - a_day] + timedelta(days=1) - now()
        raise QuotaError(
            ngettext(
                "You have launched {n} job within 24 hours: try again later.",
                "You have launched {n} jobs within 24 hours: try again later.",
                a_day,
            ),
            int(wait.total_seconds()),
        )
    if waiting(db) >= MOST_WAITING:
        raise QuotaError(_("{n} jobs are waiting: try again later.", n=MOST_WAITING))


def waiting(db: Session) -> int:
    """How many jobs wait."""
    return db.scalar(select(func.count()).select_from(Job).where(Job.status == QUEUED)) or 0


def position(db: Session, job: Job) -> int | None:
    """A waiting job's place in the queue, from 1; None for any other."""
    if job.status != QUEUED:
        return None
    before = (Job.created < job.created) | ((Job.created == job.created) & (Job.id < job.id))
    return 1 + (db.scalar(select(func.count()).select_from(Job).where(Job.status == QUEUED, before)) or 0)


def claim(db: Session) -> Job | None:
    """Takes the job that has waited longest, in a writing session that it commits; None if none waits."""
    job = db.scalars(select(Job).where(Job.status == QUEUED).order_by(Job.created, Job.id).limit(1)).first()
    if job is not None:
        job.status, job.started, job.heartbeat, job.attempts = RUNNING, now(), now(), job.attempts + 1
        job.pid = job.pid_started = None
    db.commit()
    return job


def ask_to_cancel(db: Session, id: str, reason: str) -> bool:
    """Cancels a job that waits, or asks the worker to end one that runs; False if it is over."""
    queued = update(Job).where(Job.id == id, Job.status == QUEUED)
    if _count(db.execute(queued.values(status=CANCELLED, reason=reason, ended=now()))):
        return True
    running = update(Job).where(Job.id == id, Job.status == RUNNING)
    return bool(_count(db.execute(running.values(cancel=True, reason=reason))))


def _count(result: Any) -> int:
    return int(result.rowcount)


def finish(db: Session, id: str, status: str, reason: str, exit_code: int | None) -> None:
    """Says how a running job ended; one that has ended stays as it is."""
    values = {"status": status, "reason": reason, "exit_code": exit_code, "ended": now(), "pid": None}
    db.execute(update(Job).where(Job.id == id, Job.status == RUNNING).values(**values))
    db.commit()


def put_back(db: Session, id: str) -> None:
    """Lets a claimed job wait again that never began."""
    values = {"status": QUEUED, "started": None, "heartbeat": None, "pid": None, "pid_started": None}
    db.execute(update(Job).where(Job.id == id, Job.status == RUNNING).values(**values))
    db.commit()


def worker_seen(db: Session) -> tuple[bool, Any]:
    """Whether a worker lives, and when it last said so."""
    row = db.get(Worker, WORKER)
    if row is None:
        return False, None
    return (now() - row.last_seen).total_seconds() < ALIVE_SECONDS, row.last_seen


def say_alive(db: Session, pid: int, pid_started: str, job: str | None) -> None:
    """The worker's sign of life, and that of the job which it runs."""
    row = db.get(Worker, WORKER)
    if row is None:
        db.add(Worker(id=WORKER, pid=pid, pid_started=pid_started))
    else:
        if (row.pid, row.pid_started) != (pid, pid_started):
            row.pid, row.pid_started, row.started = pid, pid_started, now()
        row.last_seen = now()
    if job is not None:
        db.execute(update(Job).where(Job.id == job, Job.status == RUNNING).values(heartbeat=now()))
    db.commit()
