"""A class gets its accounts from a list, all or none, and a site's own quotas hold for each of them."""

import csv
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from site_browser import Browser
from sqlalchemy import select
from typer.testing import CliRunner

from fedsky.web import Settings, create_app
from fedsky.web.__main__ import cli
from fedsky.web.database import Database
from fedsky.web.tables import User


def create(settings: Settings, names: Path, out: Path, *more: str) -> tuple[int, str]:
    command = ["--data", str(settings.data), "--outputs", str(settings.outputs[0])]
    ended = CliRunner().invoke(cli, [*command, "create-accounts", *more, str(names), str(out)])
    return ended.exit_code, " ".join(ended.output.split())


def accounts(settings: Settings) -> list[tuple[str, str]]:
    database = Database(settings.url)
    with database.reading() as db:
        found = [(user.name, user.role) for user in db.scalars(select(User).order_by(User.name))]
    database.close()
    return found


def test_a_class_logs_in_with_the_passwords_of_its_list(settings: Settings, tmp_path: Path) -> None:
    names, out = tmp_path / "class.csv", tmp_path / "passwords.csv"
    names.write_text("\ufeffname,role\nann\nbob,user\n\n李雷,operator\n", encoding="utf-8")
    assert create(settings, names, out)[0] == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [(row["name"], row["role"]) for row in rows] == [("ann", "operator"), ("bob", "user"), ("李雷", "operator")]
    assert set(accounts(settings)) >= {("ann", "operator"), ("bob", "user"), ("李雷", "operator")}
    app = create_app(settings)
    for row in rows:
        answer = Browser(app.test_client()).log_in(row["name"], row["password"])
        assert answer.status_code == 200 and answer.get_json()["user"]["must_change_password"], row["name"]
    app.extensions["database"].close()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("ann\nbob\nANN\n", "line 3: ANN is, or looks like, the name in line 1"),
        ("ann\nb\n", "line 2: 'b' is no name"),
        ("ann,admin\n", "line 1: write NAME or NAME,ROLE, with the role user or operator"),
        ("ann,user,7\n", "line 1: write NAME or NAME,ROLE"),
        ("name\n", "1 to 1000 names are needed"),
        ("dora\noperator\n", "operator is, or looks like, the account operator"),
    ],
)
def test_a_wrong_list_makes_no_account(
    app: Flask, as_role: Callable[[str], Any], settings: Settings, tmp_path: Path, content: str, told: str
) -> None:
    as_role("operator")
    names, out = tmp_path / "class.csv", tmp_path / "passwords.csv"
    names.write_text(content, encoding="utf-8")
    before = accounts(settings)
    code, output = create(settings, names, out)
    assert code == 1 and told in output
    assert not out.exists() and accounts(settings) == before


def test_passwords_that_may_be_in_use_are_not_written_over(settings: Settings, tmp_path: Path) -> None:
    names, out = tmp_path / "class.csv", tmp_path / "passwords.csv"
    names.write_text("ann\n", encoding="utf-8")
    out.write_text("kept", encoding="utf-8")
    code, output = create(settings, names, out)
    assert code == 1 and "is there already" in output and out.read_text(encoding="utf-8") == "kept"
    assert accounts(settings) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--jobs-at-once", "1"], "You have 1 job that waits"), (["--jobs-a-day", "2"], "launched 2 jobs")],
)
def test_a_sites_own_quotas_hold(
    words: list[str], told: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Settings] = []
    monkeypatch.setattr("fedsky.web.serve.run", lambda settings, *_: kept.append(settings))
    command = ["--data", str(settings.data), "--outputs", str(settings.outputs[0]), *words]
    assert CliRunner().invoke(cli, command).exit_code == 0
    names, out = tmp_path / "class.csv", tmp_path / "passwords.csv"
    names.write_text("ann\n", encoding="utf-8")
    create(settings, names, out)
    [row] = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    app = create_app(kept[0])
    browser = Browser(app.test_client())
    browser.log_in("ann", row["password"])
    changed = {"current_password": row["password"], "new_password": "nine grey owls under a bridge"}
    assert browser.patch("/api/profile", changed).status_code == 200
    browser.session()
    answers = [browser.post("/api/jobs", {"recipe": "abc"}) for _ in range(3)]
    allowed = int(words[1])
    assert [answer.status_code for answer in answers] == [201] * allowed + [429] * (3 - allowed)
    assert told in answers[-1].get_json()["detail"]
    app.extensions["database"].close()
