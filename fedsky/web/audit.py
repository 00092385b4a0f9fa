"""The audit log: who did what to what, in the database; and one line to the log, safe from forged lines."""

import json
import logging
from typing import Any

from flask import g, has_request_context
from sqlalchemy.orm import Session

from fedsky.web.tables import AuditEntry, User

LOG = logging.getLogger("fedsky.web.audit")


def record(db: Session, actor: User | str | None, action: str, target: str = "", **detail: Any) -> None:
    """Adds an entry to the session's transaction, so that it stands if and only if the deed does."""
    name = actor.name if isinstance(actor, User) else actor or ""
    address = g.get("address", "") if has_request_context() else ""
    db.add(AuditEntry(actor=name[:64], action=action, target=target[:200], detail=detail, address=address))
    line = {"actor": name, "action": action, "target": target, "detail": detail, "address": address}
    LOG.info("%s", json.dumps(line))  # ASCII on one line, whatever a name holds
