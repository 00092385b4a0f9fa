"""Sessions on the server: the browser holds a random token in a signed cookie, the table its hash.

A row is the session: without it the cookie is worth nothing, so that ending a session ends it everywhere.
"""

import hashlib
import secrets
from contextlib import suppress
from datetime import timedelta

from flask import current_app, g, request, session
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from fedsky.web.database import Database
from fedsky.web.settings import Settings
from fedsky.web.tables import ACTIVE, Login, User, now

TOKEN = "sid"  # noqa: S105  # the key in the cookie
MOST = 50  # of an account; a new one ends the oldest
SEEN_EVERY = timedelta(minutes=1)  # how often last_seen is written


def load() -> None:
    """Finds the account whose session a request to the API brings: ``g.user`` and ``g.login``, or None."""
    g.user = g.login = None
    if not request.path.startswith("/api/") or not (token := session.get(TOKEN)):
        return
    settings: Settings = current_app.extensions["settings"]
    database: Database = current_app.extensions["database"]
    with database.reading() as db:
        found = db.execute(select(Login, User).join(User).where(Login.token_hash == _hash(token))).first()
    if found is None or found.User.state != ACTIVE or ended(found.Login, settings):
        session.clear()
        return
    g.user, g.login = found.User, found.Login
    if now() - found.Login.last_seen > SEEN_EVERY:
        # Where another has the write lock for long, reading goes on, and the next request notes it.
        with database.writing() as db, suppress(OperationalError):
            db.execute(update(Login).where(Login.id == found.Login.id).values(last_seen=now()))
            db.commit()


def ended(login: Login, settings: Settings) -> bool:
    """Whether a session has lasted too long, or was unused for too long."""
    return now() - login.created > timedelta(days=settings.session_days) or now() - login.last_seen > timedelta(
        hours=settings.idle_hours
    )


def start(db: Session, user: User) -> None:
    """Begins a session with a new token and drops all that the browser brought, so that none can be foisted on it."""
    finish(db)
    token = secrets.token_urlsafe(32)
    agent = "".join(c for c in request.headers.get("User-Agent", "") if c.isprintable())[:200]
    g.login = Login(token_hash=_hash(token), user_id=user.id, address=g.address, agent=agent)
    db.add(g.login)
    settings: Settings = current_app.extensions["settings"]
    db.execute(delete(Login).where(Login.created < now() - timedelta(days=settings.session_days)))
    mine = select(Login.id).where(Login.user_id == user.id).order_by(Login.created.desc(), Login.id)
    db.flush()
    if (old := list(db.scalars(mine.offset(MOST)))) and g.login.id not in old:
        db.execute(delete(Login).where(Login.id.in_(old)))
    session[TOKEN] = token
    g.user = user


def finish(db: Session) -> None:
    """Ends the request's session, here and in the browser."""
    token = session.get(TOKEN)
    if token:
        db.execute(delete(Login).where(Login.token_hash == _hash(token)))
    session.clear()
    g.pop("csrf_token", None)  # as Flask-WTF remembers it for this request
    g.user = g.login = None


def finish_all(db: Session, user_id: str) -> None:
    """Ends all sessions of an account."""
    db.execute(delete(Login).where(Login.user_id == user_id))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
