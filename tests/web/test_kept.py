"""What the site keeps on the disk: readable by its owner alone, gone when it is deleted, and never without an end."""

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from site_browser import Browser
from sqlalchemy import func, select

from fedsky.web import Settings, audit, create_app, database, sessions
from fedsky.web.api import predict
from fedsky.web.runs import index, scan
from fedsky.web.runs.index import Index
from fedsky.web.tables import AuditEntry, Login, Prediction, User

As = Callable[[str], Browser]


def keep(app: Flask, name: str, photo: bytes) -> str:
    """Keeps a prediction of an account; its id."""
    with app.extensions["database"].writing() as db:
        user = db.scalars(select(User).where(User.key == name)).one()
        answer = {"model": {"label": "m", "classes": ["a"]}, "sky": {"is_sky": True}}
        each = Prediction(user_id=user.id, model_id="m", label="a", probability=1.0, answer=answer, photo=photo)
        db.add(each)
        db.commit()
        return each.id


def test_a_deleted_photograph_is_nowhere_on_the_disk(
    app: Flask, as_role: As, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "FORGET_SECONDS", 0.1)
    if app.extensions["database"].engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL leaves it to its vacuum")
    user, marks = as_role("user"), [secrets.token_bytes(32) for _ in range(3)]
    ids = [keep(app, "user", 20 * mark) for mark in marks]

    def found() -> list[bool]:
        content = b"".join(path.read_bytes() for path in settings.data.glob("site.sqlite*"))
        return [mark in content for mark in marks]

    assert found() == [True] * 3
    assert user.delete(f"/api/predictions/{ids[0]}").status_code == 200
    assert found() == [False, True, True]
    # Somebody reads meanwhile, and holds the log back: the next request after that sees to it.
    app.extensions["database"].forget()
    with app.extensions["database"].reading() as db:
        db.scalars(select(User)).all()
        assert user.delete(f"/api/predictions/{ids[1]}").status_code == 200
        assert found()[1] and app.extensions["database"].owes
    user.get("/api/session")
    assert found() == [False, False, True] and not app.extensions["database"].owes
    from site_browser import PASSWORD

    assert user.delete("/api/profile", {"password": PASSWORD}).status_code == 200
    assert found() == [False] * 3


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701])
def test_a_folder_that_was_there_is_shut_to_others(tmp_path: Path, mode: int) -> None:
    (tmp_path / "outputs").mkdir()
    settings = Settings(data=tmp_path / "data", outputs=(tmp_path / "outputs",), testing=True)
    settings.data.mkdir()
    (settings.data / "logs").mkdir()
    settings.data.chmod(mode)
    create_app(settings).extensions["database"].close()
    assert settings.data.stat().st_mode & 0o777 == 0o700


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.pdf").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(ValueError, match=r"may be read by others \(mode 755\) and holds thesis.pdf.*chmod 700") as told:
        Settings(data=tmp_path, testing=True).prepare()
    assert "\n" not in str(told.value) and tmp_path.stat().st_mode & 0o777 == 0o755
    tmp_path.chmod(0o700)
    Settings(data=tmp_path, testing=True).prepare()


def test_photographs_sessions_and_entries_have_an_end(app: Flask, as_role: As, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "MOST_KEPT_BY_ALL", 2)
    for number in range(2):
        keep(app, "admin", b"x%d" % number)
    with app.test_request_context():
        from flask import g

        from fedsky.web.problems import Problem

        with app.extensions["database"].writing() as db:
            g.db, g.user = db, db.scalars(select(User).where(User.key == "user")).one()
            with pytest.raises(Problem, match="as many photographs as it may"):
                predict._keep({"model": {"id": "m"}, "prediction": {"label": "a", "probability": 1.0}}, "")
    monkeypatch.setattr(sessions, "MOST", 3)
    browsers = [as_role("user") for _ in range(5)]
    assert [browser.get("/api/profile").status_code for browser in browsers] == [401, 401, 200, 200, 200]
    monkeypatch.setattr(audit, "MOST_OF_VISITORS", 4)
    monkeypatch.setattr(audit, "EVERY", 1)
    visitor = Browser(app.test_client())
    for _ in range(9):
        visitor.log_in("nobody")
    with app.extensions["database"].reading() as db:
        count = select(func.count()).select_from(AuditEntry)
        assert db.scalar(count.where(AuditEntry.actor == "")) == 4
        assert db.scalar(count.where(AuditEntry.actor == "user")) == 5, "what accounts did stays"
        assert db.scalar(select(func.count()).select_from(Login)) == 3


def test_a_folder_of_many_hides_no_runs_and_is_told(
    settings: Settings, visitor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with 55,000 subfolders emptied the list in silence."""
    monkeypatch.setattr(scan, "MOST_FOLDERS", 50)
    for number in range(60):
        (settings.outputs[0] / "aaa" / str(number) / "deep").mkdir(parents=True)
        (settings.outputs[0] / "zzz" / str(number)).mkdir(parents=True)
    for name in ("first", "sweep/0", "sweep/1", "zz/later"):
        (settings.outputs[0] / name).mkdir(parents=True)
        (settings.outputs[0] / name / "run.json").write_text("{}")
    visitor.client.application.extensions["runs"].index.refresh(0)
    answer = visitor.get("/api/runs").get_json()
    assert sorted(run["folder"] for run in answer["runs"]) == ["first", "sweep/0", "sweep/1", "zz/later"]
    assert answer["left_out"] > 60
    monkeypatch.setattr(scan, "MOST_FOLDERS", 1000)
    visitor.client.application.extensions["runs"].index.refresh(0)
    assert visitor.get("/api/runs").get_json()["left_out"] == 0
    monkeypatch.setattr(index, "MOST_RUNS", 3)
    fewer = Index(settings.outputs)
    assert len(fewer.rows()) == 3 and fewer.left_out == 1
