"""What owners and administrators change about accounts, each change in one transaction with its audit entry."""

from flask import current_app
from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from fedsky.language import N_, _
from fedsky.web import accounts, audit, passwords, sessions
from fedsky.web.limits import Limits
from fedsky.web.problems import Problem
from fedsky.web.tables import ACTIVE, DISABLED, ROLES, Job, Offer, User, now

CHECKS = "10 per 15 minutes"  # of the password by someone who is logged in
WRONG = N_("The current password is wrong.")


def alter_own(db: Session, user: User, current: str, name: str | None, password: str | None) -> User:
    """Gives one's own account another name or password; a new password ends all sessions and begins this one anew."""
    if name is not None:
        name = accounts.check_name(name)
    if password is not None:
        passwords.check_new(password, name or user.name)
    _confirm(user, current)
    if password is not None and passwords.normal(password) == passwords.normal(current):
        raise Problem(422, _("The new password is the old one."), field="password")
    hashed = passwords.hash_new(password) if password is not None else None
    mine = _same(db, user)
    if name is not None and name != mine.name:
        audit.record(db, mine, "rename", name, before=mine.name)
        mine.name, mine.key = name, accounts.key_of(name)
        try:
            db.flush()
        except IntegrityError:
            db.rollback()
            raise Problem(409, _("This name cannot be had.")) from None
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
    _drop_jobs(db, mine, "its owner's account was deleted")
    db.execute(delete(Offer).where(Offer.user_id == mine.id, Offer.state != "accepted"))
    audit.record(db, mine, "delete-account", mine.name)
    db.delete(mine)  # with its sessions and predictions; jobs, notes and accepted offers lose their owner
    db.flush()
    _keep_an_admin(db)
    sessions.finish(db)
    db.commit()


def alter(db: Session, actor: User, user: User, role: str | None, state: str | None) -> None:
    """Gives an account another role or state; the last administrator stays one."""
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
