"""Accounts: made, checked, changed, deleted. What a visitor is told never depends on whether a name has an account."""

from datetime import timedelta
from typing import Any

from flask import current_app, g
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from fedsky.language import _
from fedsky.web import audit, passwords, sessions
from fedsky.web.limits import Limits, network
from fedsky.web.names import check_name, key_of, looks_of
from fedsky.web.problems import Problem
from fedsky.web.settings import Settings
from fedsky.web.tables import ACTIVE, WAITING, User, now

ONE_TIME_HOURS = 24
# Attempts at one account from one network, and at all accounts from one network. No account is ever locked: an
# owner at another address still gets in while someone guesses.
PER_ACCOUNT = "10 per 15 minutes"
PER_NETWORK = "300 per 15 minutes"
REGISTRATIONS = "60 per hour"  # from one network, of which a class shares one
MOST_WAITING, MOST = 1000, 20_000  # accounts that wait for approval; and of all


def shown(user: User) -> dict[str, Any]:
    """What an account's owner and administrators see of it."""
    return {
        "id": user.id,
        "name": user.name,
        "role": user.role,
        "state": user.state,
        "must_change_password": user.must_change_password,
    }


def find(db: Session, name: str) -> User | None:
    """The account of a name."""
    if "\0" in name:  # which no name has, and PostgreSQL takes for a mistake
        return None
    return db.scalar(select(User).where(User.key == key_of(name)))


def alike(db: Session, name: str, but: str = "") -> User | None:
    """The account whose name is this one or looks like it, other than that of an id."""
    looks = looks_of(name)
    for id, other in db.execute(select(User.id, User.name).where(User.id != but)):
        if key_of(other) == key_of(name) or looks_of(other) == looks:
            return db.get(User, id)
    return None


def add(db: Session, name: str, password_hash: str, **fields: Any) -> User:
    """Adds an account; IntegrityError where the name is taken."""
    user = User(name=name, key=key_of(name), password_hash=password_hash, **fields)
    db.add(user)
    db.flush()
    return user


def register(db: Session, name: str, password: str) -> str:
    """Makes an account as the site is set; its state. A taken name costs the same time and is answered the same.

    So is one that looks like another. That it was asked for is told to administrators, as long as the other waits.
    """
    settings: Settings = current_app.extensions["settings"]
    limits: Limits = current_app.extensions["limits"]
    if settings.registration == "closed":
        raise Problem(403, _("This site takes no registrations: ask its administrator for an account."))
    limits.count(REGISTRATIONS, "register", network(g.address))
    name = check_name(name)
    passwords.check_new(password, name)
    hashed = passwords.hash_new(password)
    waiting = db.scalar(select(func.count()).select_from(User).where(User.state == WAITING))
    if waiting is not None and waiting >= MOST_WAITING:
        raise Problem(503, _("Too many accounts wait for approval: try again later."), retry_after=3600)
    if (db.scalar(select(func.count()).select_from(User)) or 0) >= MOST:
        raise Problem(503, _("This site has as many accounts as it may: ask its administrator."))
    state = ACTIVE if settings.registration == "open" else WAITING
    other = alike(db, name)
    if other is None:
        user = add(db, name, hashed, state=state)
        audit.record(db, user, "register", name, state=state)
    else:
        other.asked_again += other.state == WAITING
        audit.record(db, None, "register-taken", name, account=other.name)
    db.commit()
    return state


def log_in(db: Session, name: str, password: str) -> User:
    """Begins a session for the account; Problem 401 in the same words and time for whatever was wrong."""
    limits: Limits = current_app.extensions["limits"]
    where = network(g.address)
    limits.count(PER_NETWORK, "login", where)
    limits.count(PER_ACCOUNT, "login", key_of(name), where)
    kept = find(db, name)
    kept_hash = kept.password_hash if kept else None
    db.rollback()  # nothing is locked while hashing
    right = passwords.verify(kept_hash, password)
    new_hash = passwords.hash_new(password) if right and kept_hash and passwords.is_outdated(kept_hash) else None
    user = find(db, name)
    if not right or user is None or user.password_hash != kept_hash:
        # An unknown name is not written down: it may be a password in the wrong field.
        audit.record(db, None, "login-failed", user.name if user else "unknown name")
        db.commit()
        raise Problem(401, _("The name or the password is wrong."))
    # Who has the password may know how the account stands.
    if user.state != ACTIVE:
        audit.record(db, user, "login-refused", user.name, state=user.state)
        db.commit()
        waits = user.state == WAITING
        why = _("An administrator has yet to approve this account.") if waits else _("This account is disabled.")
        raise Problem(403, why)
    if user.password_expires is not None and user.password_expires < now():
        audit.record(db, user, "login-refused", user.name, state="one-time password expired")
        db.commit()
        raise Problem(403, _("This one-time password has expired: ask for a new one."))
    if new_hash is not None:
        user.password_hash = new_hash
    limits.forget(PER_ACCOUNT, "login", key_of(name), where)
    user.last_login = now()
    sessions.start(db, user)
    audit.record(db, user, "login", user.name)
    db.commit()
    return user


def log_out(db: Session) -> None:
    """Ends the request's session."""
    audit.record(db, g.user, "logout", g.user.name)
    sessions.finish(db)
    db.commit()


def one_time(db: Session, name: str, role: str | None) -> str:
    """A one-time password, for a new account of this role or a known one, whose role stays if none is given."""
    password = passwords.make_one_time()
    hashed = passwords.hash_new(password)
    user = find(db, name)
    if user is None:
        if role is None:
            raise ValueError(f"there is no account {name}")
        if (other := alike(db, check_name(name))) is not None:
            raise ValueError(f"{name} looks like the account {other.name}: choose another name")
        user = add(db, check_name(name), hashed, role=role, state=ACTIVE)
    elif role is not None:
        user.role, user.state = role, ACTIVE
    user.password_hash = hashed
    user.must_change_password = True
    user.password_expires = now() + timedelta(hours=ONE_TIME_HOURS)
    sessions.finish_all(db, user.id)
    audit.record(db, "command line", "one-time-password", user.name, role=user.role)
    db.commit()
    return password


def num_admins(db: Session) -> int:
    """How many administrators can log in."""
    count = db.scalar(select(func.count()).select_from(User).where(User.role == "admin", User.state == ACTIVE))
    return int(count or 0)
