"""The audit log: who did what to what, in the database; and one line to the log, safe from forged lines."""

import json
import logging
from datetime import timedelta
from typing import Any

from flask import g, has_request_context
from sqlalchemy import delete
from sqlalchemy.orm import Session

from fedsky.web.tables import AuditEntry, User, now

LOG = logging.getLogger("fedsky.web.audit")
KEPT_DAYS = 400


def record(db: Session, actor: User | str | None, action: str, target: str = "", **detail: Any) -> None:
    """Adds an entry to the session's transaction, so that it stands if and only if the deed does."""
    name = actor.name if isinstance(actor, User) else actor or ""
    address = g.get("address", "") if has_request_context() else ""
    db.add(AuditEntry(actor=name[:64], action=action, target=target[:200], detail=detail, address=address))
    _log(name, action, target, detail)


def forget_old(db: Session) -> int:
    """Deletes the entries that are too old to be kept, since they name people; how many there were."""
    done = db.execute(delete(AuditEntry).where(AuditEntry.time < now() - timedelta(days=KEPT_DAYS)))
    db.commit()
    return int(done.rowcount)  # type: ignore[attr-defined]


def note(action: str, target: str, **detail: Any) -> None:
    """Writes to the log alone what was refused, which anyone can have happen at any rate."""
    user = g.get("user")
    _log(user.name if user else "", action, target[:200], detail)


def _log(actor: str, action: str, target: str, detail: dict[str, Any]) -> None:
    """One line of ASCII, whatever a name holds."""
    line = {"actor": actor, "action": action, "target": target, "detail": detail}
    if has_request_context():
        line |= {"address": g.get("address", ""), "request": g.get("request_id", "")}
    LOG.info("%s", json.dumps(line))
