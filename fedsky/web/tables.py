"""Everything that the site remembers. Times are aware and UTC; ids are opaque strings; enumerations are words."""

import secrets
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, LargeBinary, MetaData, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ROLES = ("user", "operator", "admin")  # each may what those before it may
WAITING, ACTIVE, DISABLED = STATES = ("waiting", "active", "disabled")
JOB_STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")


def now() -> datetime:
    """The time in UTC, to the microsecond."""
    return datetime.now(UTC)


def new_id() -> str:
    """A new opaque id: 16 hexadecimal digits, random."""
    return secrets.token_hex(8)


def iso(time: datetime | None) -> str | None:
    """A time as JSON has it, ISO 8601 to the second."""
    return time.astimezone(UTC).isoformat(timespec="seconds") if time else None


class Time(TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps no zone, so that it is taken off on the way in and put back on the way out."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


class Table(DeclarativeBase):
    """What all tables share: names for their constraints, without which a migration could not alter them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class User(Table):
    """An account. ``key`` is the name as compared: case and width folded."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    must_change_password: Mapped[bool] = mapped_column(default=False)
    password_expires: Mapped[datetime | None] = mapped_column(Time)  # of a one-time password
    role: Mapped[str] = mapped_column(String(16), default="user")
    state: Mapped[str] = mapped_column(String(16), default=WAITING, index=True)
    created: Mapped[datetime] = mapped_column(Time, default=now)
    last_login: Mapped[datetime | None] = mapped_column(Time)
    # While it waited, others, or the same person, asked for this name or one that looks like it: so often.
    asked_again: Mapped[int] = mapped_column(default=0, server_default="0")


class Login(Table):
    """A session of an account on one browser; the browser holds the token, the table its SHA-256."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[datetime] = mapped_column(Time, default=now)
    last_seen: Mapped[datetime] = mapped_column(Time, default=now)
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))


class AuditEntry(Table):
    """Who did what to what; the names are those of the time, so that an entry outlives its account."""

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[datetime] = mapped_column(Time, default=now)
    actor: Mapped[str] = mapped_column(String(64))  # empty for a visitor
    action: Mapped[str] = mapped_column(String(32), index=True)
    target: Mapped[str] = mapped_column(String(200))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    address: Mapped[str] = mapped_column(String(64))


class Job(Table):
    """One ``python -m fedsky`` command line, queued, running or over; ``overrides`` are its arguments."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_status_created", "status", "created"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    title: Mapped[str] = mapped_column(String(200), default="")
    recipe: Mapped[str | None] = mapped_column(String(64))
    fields: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    overrides: Mapped[list[str]] = mapped_column(JSON)
    folder: Mapped[str] = mapped_column(String(200), default="")  # of its runs, relative to the first of outputs
    status: Mapped[str] = mapped_column(String(16), default="queued")
    reason: Mapped[str] = mapped_column(Text, default="")
    num_runs: Mapped[int] = mapped_column(default=1)
    seconds_estimate: Mapped[float | None]
    cancel: Mapped[bool] = mapped_column(default=False)  # asked for
    attempts: Mapped[int] = mapped_column(default=0)
    retry_of: Mapped[str | None] = mapped_column(String(16))
    created: Mapped[datetime] = mapped_column(Time, default=now)
    started: Mapped[datetime | None] = mapped_column(Time)
    ended: Mapped[datetime | None] = mapped_column(Time)
    heartbeat: Mapped[datetime | None] = mapped_column(Time)
    pid: Mapped[int | None]  # of the job's process group
    pid_started: Mapped[str | None] = mapped_column(String(64))  # tells a process from a later one of the same number
    exit_code: Mapped[int | None]


class Launch(Table):
    """An account's use of its daily quota: a job that it added or went on with. A job may be gone on with often."""

    __tablename__ = "launches"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    time: Mapped[datetime] = mapped_column(Time, default=now)


class Worker(Table):
    """The process that runs jobs; one row, by which others see that it lives."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    pid: Mapped[int]
    pid_started: Mapped[str | None] = mapped_column(String(64))
    started: Mapped[datetime] = mapped_column(Time, default=now)
    last_seen: Mapped[datetime] = mapped_column(Time, default=now)


class Annotation(Table):
    """What people wrote about a run."""

    __tablename__ = "annotations"

    run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    title: Mapped[str] = mapped_column(String(200), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[list[str]] = mapped_column(JSON, default=list)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    changed: Mapped[datetime] = mapped_column(Time, default=now, onupdate=now)


class Prediction(Table):
    """A judged photograph that its owner asked to keep; the photograph stands in the row, so that both go at once."""

    __tablename__ = "predictions"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[datetime] = mapped_column(Time, default=now)
    model_id: Mapped[str] = mapped_column(String(128))
    label: Mapped[str] = mapped_column(String(64))
    probability: Mapped[float]
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)  # the whole answer, without its pictures
    photo: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # re-encoded, without metadata
    media_type: Mapped[str] = mapped_column(String(32), default="image/png")


class Offer(Table):
    """A photograph offered with a label as training data, reviewed by an administrator."""

    __tablename__ = "offers"

    id: Mapped[str] = mapped_column(String(16), primary_key=True, default=new_id)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    prediction_id: Mapped[str | None] = mapped_column(ForeignKey("predictions.id", ondelete="SET NULL"))
    created: Mapped[datetime] = mapped_column(Time, default=now)
    label: Mapped[str] = mapped_column(String(64))  # by the one who offers
    state: Mapped[str] = mapped_column(String(16), default=WAITING, index=True)
    decided_label: Mapped[str | None] = mapped_column(String(64))
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided: Mapped[datetime | None] = mapped_column(Time)
    sha256: Mapped[str] = mapped_column(String(64))
    photo: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    media_type: Mapped[str] = mapped_column(String(32), default="image/png")
