"""The audit log: who did what to what, in the database; and one line to the log, safe from forged lines."""

import json
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any

from flask import current_app, g, has_request_context
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from fedsky.web.limits import Limits, network
from fedsky.web.problems import Problem
from fedsky.web.tables import AuditEntry, User, now

LOG = logging.getLogger("fedsky.web.audit")
KEPT_DAYS = 400
MOST_OF_VISITORS = 100_000  # entries of what visitors did, which anyone can add to
EVERY = 1000  # entries after which they are counted
NOTES = "30 per minute"  # lines on what was refused to one network


def record(db: Session, actor: User | str | None, action: str, target: str = "", **detail: Any) -> None:
    """Adds an entry to the session's transaction, so that it stands if and only if the deed does."""
    name = actor.name if isinstance(actor, User) else actor or ""
    address = g.get("address", "") if has_request_context() else ""
    entry = AuditEntry(actor=name[:64], action=action, target=target[:200], detail=detail, address=address)
    db.add(entry)
    if not name:
        db.flush()
        if entry.id % EVERY == 0:
            _bound_visitors(db)
    _log(name, action, target, detail)


def _bound_visitors(db: Session) -> None:
    """Deletes the oldest entries of visitors, of which there are too many."""
    of_visitors = select(AuditEntry.id).where(AuditEntry.actor == "").order_by(AuditEntry.id.desc())
    oldest = db.scalar(of_visitors.offset(MOST_OF_VISITORS - 1).limit(1))
    if oldest is not None:
        db.execute(delete(AuditEntry).where(AuditEntry.actor == "", AuditEntry.id < oldest))


def forget_old(db: Session) -> int:
    """Deletes the entries that are too old to be kept, since they name people; how many there were."""
    done = db.execute(delete(AuditEntry).where(AuditEntry.time < now() - timedelta(days=KEPT_DAYS)))
    _bound_visitors(db)
    db.commit()
    return int(done.rowcount)  # type: ignore[attr-defined]


def note(action: str, target: str, **detail: Any) -> None:
    """Writes to the log alone what was refused, which anyone can have happen: cut, and so often for one network."""
    limits: Limits = current_app.extensions["limits"]
    with suppress(Problem):
        limits.count(NOTES, "note", network(g.address))
        user = g.get("user")
        cut = {name: value[:200] if isinstance(value, str) else value for name, value in detail.items()}
        _log(user.name if user else "", action, target[:200], cut)


def _log(actor: str, action: str, target: str, detail: dict[str, Any]) -> None:
    """One line of ASCII, whatever a name holds."""
    line = {"actor": actor, "action": action, "target": target, "detail": detail}
    if has_request_context():
        line |= {"address": g.get("address", ""), "request": g.get("request_id", "")}
    LOG.info("%s", json.dumps(line))
