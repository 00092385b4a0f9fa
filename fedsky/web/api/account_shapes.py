"""The shapes of answers on accounts, as the API's description tells them. Times are ISO 8601, UTC."""

from typing import Any, Literal

from pydantic import BaseModel

Role = Literal["user", "operator", "admin"]
State = Literal["waiting", "active", "disabled"]


class Account(BaseModel):
    """An account, as its owner sees it."""

    id: str
    name: str
    role: Role
    state: State
    must_change_password: bool


class Session(BaseModel):
    """Who asks, the token that every change needs, and how the site is set."""

    user: Account | None
    csrf: str
    public: bool
    registration: Literal["approve", "open", "closed"]
    version: str
    pending_users: int | None = None  # for administrators alone


class Registered(BaseModel):
    """What became of a registration, as far as anyone may know."""

    state: Literal["waiting", "active"]


class Begun(BaseModel):
    """A session that began, with its token."""

    user: Account
    csrf: str


class Counts(BaseModel):
    """How much is kept of an account."""

    predictions: int
    jobs: int


class Profile(BaseModel):
    """The own account."""

    user: Account
    created: str
    counts: Counts


class Login(BaseModel):
    """A session on one browser."""

    id: str
    created: str
    last_seen: str
    address: str
    agent: str
    current: bool


class Logins(BaseModel):
    """The own sessions, the latest used first."""

    sessions: list[Login]


class Listed(BaseModel):
    """An account, as administrators see it."""

    id: str
    name: str
    role: Role
    state: State
    created: str
    last_login: str | None
    asked_again: int  # for its name, or one that looks like it, while it waited


class Accounts(BaseModel):
    """All accounts, those that wait for approval first."""

    users: list[Listed]


class Altered(BaseModel):
    """An account after a change; one_time_password: the only one with which it can log in, if it was given one."""

    user: Listed
    one_time_password: str | None


class Entry(BaseModel):
    """One deed."""

    id: str
    time: str
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    address: str


class Log(BaseModel):
    """A page of the audit log; ``next`` is the ``before`` of the page after it."""

    entries: list[Entry]
    next: str | None


class Dataset(BaseModel):
    """A data set: photographs by class and by owner (none are counted where they are drawn), and what is wrong."""

    name: str
    count: int | None
    classes: dict[str, int]
    owners: dict[str, int]
    kind: str
    problem: str | None


class OwnerTable(BaseModel):
    """A table of the exploration of photographs; every cell is text."""

    caption: str
    columns: list[str]
    rows: list[list[str]]


class DatasetOwners(BaseModel):
    """What each owner of a data set has, and how alike two are; ask again while it is being measured."""

    state: Literal["measuring", "done", "failed"]
    tables: list[OwnerTable]
    problem: str | None


class Datasets(BaseModel):
    """All data sets of the site."""

    datasets: list[Dataset]
