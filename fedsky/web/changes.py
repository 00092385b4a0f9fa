"""What owners and administrators change about accounts, each change in one transaction with its audit entry."""

from datetime import timedelta

from flask import current_app, g
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from fedsky.language import N_, _
from fedsky.web import accounts, audit, passwords, sessions
from fedsky.web.limits import Limits
from fedsky.web.names import check_name, key_of
from fedsky.web.problems import Problem
from fedsky.web.tables import ACTIVE, DISABLED, ROLES, WAITING, Job, Offer, User, now

CHECKS = "10 per 15 minutes"  # of the password by someone who is logged in
WRONG = N_("The current password is wrong.")


def alter_own(db: Session, user: User, current: str, name: str | None, password: str | None) -> User:
    """Gives one's own account another name or password; a new password ends all sessions and begins this one anew."""
    if name is not None:
        name = check_name(name)
    if password is not None:
        passwords.check_new(password, name or user.name)
    _confirm(user, current)
    if password is not None and passwords.normal(password) == passwords.normal(current):
        raise Problem(422, _("The new password is the old one."), field="password")
    hashed = passwords.hash_new(password) if password is not None else None
    mine = _same(db, user)
    if name is not None and name != mine.name:
        if accounts.alike(db, name, but=mine.id) is not None:
            raise Problem(409, _("This name cannot be had."))
        audit.record(db, mine, "rename", name, before=mine.name)
        mine.name, mine.key = name, key_of(name)
        db.flush()
    if hashed is not None:
        mine.password_hash, mine.must_change_password, mine.password_expires = hashed, False, None
        sessions.finish_all(db, mine.id)
        sessions.start(db, mine)
        audit.record(db, mine, "change-password", mine.name)
    db.commit()
    return mine


def delete_own(db: Session, user: User, password: str) -> None:
    """Deletes one's own account and all that is kept of it; its runs stay, without its name."""
    _confirm(user, password)
    mine = _same(db, user)
    audit.record(db, mine, "delete-account", mine.name)
    _delete(db, mine)
    _keep_an_admin(db)
    sessions.finish(db)
    db.commit()


def remove(db: Session, actor: User, user: User) -> None:
    """Deletes an account that waits for approval or is disabled, and all that is kept of it."""
    if user.state == ACTIVE:
        raise Problem(409, _("Disable the account first: then it can be deleted."))
    audit.record(db, actor, "delete-user", user.name, state=user.state)
    _delete(db, user)
    db.commit()


def _delete(db: Session, user: User) -> None:
    _drop_jobs(db, user, "its owner's account was deleted")
    db.execute(delete(Offer).where(Offer.user_id == user.id, Offer.state != "accepted"))
    g.deleted_photographs = True
    db.delete(user)  # with its sessions and predictions; jobs, notes and accepted offers lose their owner
    db.flush()


def alter(
    db: Session, actor: User, user: User, role: str | None, state: str | None, one_time: tuple[str, str] | None = None
) -> str | None:
    """Gives an account another role or state; the last administrator stays one.

    one_time: a password and its hash. An account whose name several asked for is approved with it alone, since
    nobody knows whose password the first one is; it is returned then.
    """
    given = None
    if one_time is not None and state == ACTIVE and user.state == WAITING and user.asked_again:
        given, user.password_hash = one_time
        user.must_change_password, user.password_expires = True, now() + timedelta(hours=accounts.ONE_TIME_HOURS)
        user.asked_again = 0
        audit.record(db, actor, "one-time-password", user.name)
    before = {"role": user.role, "state": user.state}
    user.role, user.state = role or user.role, state or user.state
    db.flush()
    _keep_an_admin(db)
    if user.state != ACTIVE or ROLES.index(user.role) < ROLES.index(before["role"]):
        sessions.finish_all(db, user.id)
    if user.state == DISABLED:
        _drop_jobs(db, user, "its owner's account was disabled")
    audit.record(db, actor, "alter-user", user.name, before=before, after={"role": user.role, "state": user.state})
    db.commit()
    return given


def _confirm(user: User, password: str) -> None:
    limits: Limits = current_app.extensions["limits"]
    limits.count(CHECKS, "confirm", user.id)
    if not passwords.verify(user.password_hash, password):
        raise Problem(403, _(WRONG), field="current_password")


def _same(db: Session, user: User) -> User:
    """The account as the database has it now; Problem 403 if the password was changed meanwhile."""
    found = db.get(User, user.id)
    if found is None or found.password_hash != user.password_hash or found.state != ACTIVE:
        raise Problem(403, _(WRONG), field="current_password")
    return found


def _keep_an_admin(db: Session) -> None:
    if accounts.num_admins(db) == 0:
        db.rollback()
        raise Problem(409, _("The site would have no administrator left."))


def _drop_jobs(db: Session, user: User, reason: str) -> None:
    """Cancels the jobs of an account that wait, and asks the worker to end those that run."""
    own = update(Job).where(Job.user_id == user.id)
    db.execute(own.where(Job.status == "queued").values(status="cancelled", reason=reason, ended=now()))
    db.execute(own.where(Job.status == "running").values(cancel=True, reason=reason))
