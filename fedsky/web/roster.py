"""Accounts by list, as a class needs them: a CSV of names in, a CSV with a one-time password each out."""

import csv
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from fedsky.checks import listed
from fedsky.web import audit, passwords
from fedsky.web.accounts import add, alike, find
from fedsky.web.database import Database
from fedsky.web.names import check_name, key_of, looks_of
from fedsky.web.problems import Problem
from fedsky.web.tables import ACTIVE, now

ROLES = ("user", "operator")  # an administrator is made by name
COLUMNS = ("name", "role")
MOST, LARGEST = 1000, 1_000_000  # accounts of a list; bytes of it


def read_list(path: Path) -> list[tuple[str, str]]:
    """The names and roles of a list, a line each; ValueError, with the line, for one that can be no account."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST} bytes: it is no list of names")
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: save it as CSV in UTF-8 ({error})") from None
    found: list[tuple[str, str]] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and cells[0].casefold() == COLUMNS[0]):
            continue
        role = cells[1] if len(cells) > 1 and cells[1] else ROLES[1]
        if len(cells) > len(COLUMNS) or role not in ROLES:
            raise ValueError(f"{path} line {number}: write NAME or NAME,ROLE, with the role {listed(ROLES)}")
        try:
            name = check_name(cells[0])
        except Problem as problem:
            raise ValueError(f"{path} line {number}: {cells[0]!r} is no name: {problem}") from None
        for same in {key_of(name), looks_of(name)}:
            if seen.setdefault(same, number) != number:
                raise ValueError(f"{path} line {number}: {name} is, or looks like, the name in line {seen[same]}")
        found.append((name, role))
    if not 1 <= len(found) <= MOST:
        raise ValueError(f"{path}: 1 to {MOST} names are needed, a line each; it has {len(found)}")
    return found


def create(database: Database, path: Path, out: Path, days: float) -> int:
    """Makes the accounts of a list and writes their one-time passwords, all or none; how many there are.

    ``out`` is a new file that its owner alone can read. ValueError where a name has an account, or looks like one's.
    """
    names = read_list(path)
    if out.exists():
        raise ValueError(f"{out} is there already: name a new file, as the passwords in it may be in use")
    made = [
        (name, role, password, passwords.hash_new(password))
        for (name, role), password in ((each, passwords.make_one_time()) for each in names)
    ]
    with database.writing() as db:
        for name, role, _, hashed in made:
            _add(db, name, hashed, role, days)
        _write(out, [(name, role, password) for name, role, password, _ in made])
        try:
            db.commit()
        except BaseException:
            out.unlink()
            raise
    return len(made)


def _add(db: Session, name: str, hashed: str, role: str, days: float) -> None:
    other = find(db, name) or alike(db, name)
    if other is not None:
        raise ValueError(f"{name} is, or looks like, the account {other.name}: leave it out, or choose another name")
    fields: dict[str, Any] = {"role": role, "state": ACTIVE, "must_change_password": True}
    user = add(db, name, hashed, **fields, password_expires=now() + timedelta(days=days))
    audit.record(db, "command line", "one-time-password", user.name, role=role)


def _write(out: Path, rows: list[tuple[str, str, str]]) -> None:
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*COLUMNS, "password"])
            writer.writerows(rows)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        out.unlink()
        raise
