"""Who may do what: every route declares exactly one rule, and a route without one is refused to all.

    @blueprint.get("/runs")
    @public
    def runs(): ...

The rules stand below the route's decorator and only mark the view; ``guard`` enforces them before any view runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Flask, current_app, g, request

from fedsky.language import _
from fedsky.web import audit
from fedsky.web.problems import Problem
from fedsky.web.tables import ROLES, User

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Rule:
    """The least role that may, None for anyone; ``if_public``: visitors too, on a site that is public."""

    role: str | None
    if_public: bool = False
    while_password_must_change: bool = False


def _mark(rule: Rule) -> Callable[[View], View]:
    def mark(view: View) -> View:
        assert not hasattr(view, "access"), f"{view.__name__} declares two access rules"
        view.access = rule  # type: ignore[attr-defined]
        return view

    return mark


def anyone(view: View) -> View:
    """Anyone may, also on a site that is not public: logging in, the pages' files."""
    return _mark(Rule(None, while_password_must_change=True))(view)


def public(view: View) -> View:
    """Anyone may on a public site; elsewhere any account."""
    return _mark(Rule("user", if_public=True))(view)


def needs(role: str, while_password_must_change: bool = False) -> Callable[[View], View]:
    """Accounts of this role or a higher one may."""
    assert role in ROLES, role
    return _mark(Rule(role, while_password_must_change=while_password_must_change))


def scriptable(view: View) -> View:
    """Marks a view that changes nothing of an account's, so that scripts may call it without a session and token."""
    view.scriptable = True  # type: ignore[attr-defined]
    return view


def rule_of(app: Flask, endpoint: str) -> Rule | None:
    """The rule of a route."""
    return getattr(app.view_functions[endpoint], "access", None)


def user() -> User | None:
    """The account that asks, as it stood when the request came (detached: to change it, get it from ``g.db``)."""
    found = g.get("user")
    assert found is None or isinstance(found, User)
    return found


def member() -> User:
    """The account that asks, where the rule has made sure that there is one."""
    found = user()
    assert found is not None
    return found


def allows(rule: Rule, account: User | None, public_site: bool) -> bool:
    """Whether a rule lets an account in (None is a visitor)."""
    if rule.role is None or (rule.if_public and public_site):
        return True
    return account is not None and ROLES.index(account.role) >= ROLES.index(rule.role)


def guard() -> None:
    """Refuses a request that its route's rule does not let in; 401 without an account, else 403."""
    if request.endpoint is None:  # no such route: 404 or 405 follows
        return
    rule = rule_of(current_app, request.endpoint)
    if rule is None:
        raise Problem(403, _("Nobody may do this."))
    account = user()
    if not allows(rule, account, current_app.extensions["settings"].public):
        if account is None:
            raise Problem(401, _("Log in first."))
        audit.note("refused-role", request.path, method=request.method, role=account.role)
        raise Problem(403, _("Your account may not do this."))
    if account is not None and account.must_change_password and not rule.while_password_must_change:
        raise Problem(403, _("Choose a password of your own first."))
