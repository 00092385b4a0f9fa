"""No answer tells where this machine keeps its folders: logs, reasons, a run's own words."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from run_files import info_of
from sqlalchemy import select

from fedsky.config import CONF
from fedsky.history import write_json
from fedsky.web import Settings
from fedsky.web.jobs import logs, queue
from fedsky.web.jobs.worker import log_path
from fedsky.web.places import Places, places
from fedsky.web.runs.answers import pack
from fedsky.web.tables import User

RUN = Path(__file__).resolve().parents[2] / "outputs" / "reference" / "sky" / "fedavg-1"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    (tmp_path / "elsewhere" / "my photos, 2").mkdir(parents=True)
    return replace(settings, photographs=tmp_path / "elsewhere" / "my photos, 2")


def paths(settings: Settings) -> dict[str, str]:
    """Lines with paths of this machine, and what is shown of each."""
    start = settings.outputs[0].parent
    return {
        f"{start}/outputs/site/ab/1: accuracy 0.9": "outputs/site/ab/1: accuracy 0.9",
        f"log: {start}": "log: .",
        f"log: {start}/": "log: ",
        f"'{settings.data}/logs/x.log'": "'<data>/logs/x.log'",
        f"{settings.photographs}/sunny/7.jpg is not a photograph": "my photos, 2/sunny/7.jpg is not a photograph",
        f'  File "{CONF.parent}/fedsky/run.py", line 7, in run': '  File "<fedsky>/fedsky/run.py", line 7, in run',
        f'  File "{sys.prefix}/lib/torch/x.py", line 7': '  File "<python>/lib/torch/x.py", line 7',
        f"{sys.base_prefix}/lib/python3.11/json.py": "<python>/lib/python3.11/json.py",
        f"{Path.home()}/.cache/fedsky is full": "~/.cache/fedsky is full",
        "data.root=/mnt/photos/2026/sunny, seed=1": "data.root=…/sunny, seed=1",
        "\x1b[36m/etc/ssl/openssl.cnf\x1b[0m": "[36m…/openssl.cnf[0m",
        "file:///var/lib/x/y": "file://…/y",
        "see https://hydra.cc/docs/usr/local/x and 3/4 of a/b": "see https://hydra.cc/docs/usr/local/x and 3/4 of a/b",
    }


def test_paths_are_told_as_seen_from_the_site(settings: Settings) -> None:
    for told, shown in paths(settings).items():
        assert places(settings).hide(told) == shown.replace("[36m", "\x1b[36m").replace("[0m", "\x1b[0m"), told
        assert places(settings).hide(shown) == shown, "once is enough"
    assert tempfile.gettempdir() not in places(settings).hide(f"{tempfile.gettempdir()}/ray/session/x")
    other = Places({"/srv/a": "", "/srv/a/venv": "<python>"})
    assert (
        other.hide("/srv/ab/x, /srv/a/x, /srv/a/venv/x: 目录/srv/a/venv. /srv/a")
        == "…/x, x, <python>/x: 目录<python>. ."
    )
    assert Places({"/": "x"}).hide("a /usr/lib/y z") == "a …/y z"
    body = pack({"reason": f'in "{settings.data}/ü": no', "n": 1.5}, places(settings).hide_bytes).body
    assert json.loads(body) == {"reason": 'in "<data>/ü": no', "n": 1.5}


@pytest.fixture
def job(app: Flask) -> str:
    """A job that ended, and whose reason names a folder."""
    with app.extensions["database"].writing() as db:
        user = db.scalars(select(User).where(User.key == "operator")).one()
        job = queue.add(db, user, {"overrides": [], "title": "x"})
        job.status, job.reason = "failed", f"data.root={Path.home()}/photos does not exist"
        db.commit()
        return job.id


def test_a_jobs_log_and_reason_tell_no_path(
    job: str, settings: Settings, as_role: Callable[[str], Any], app: Flask
) -> None:
    operator = as_role("operator")
    lines = paths(settings)
    log_path(settings, job).parent.mkdir()
    log_path(settings, job).write_text("\n".join(lines) + "\n")
    answer = operator.get(f"/api/jobs/{job}/log").get_json()
    assert answer["text"] == "\n".join(lines.values()) + "\n" and answer["done"]
    for text in (operator.get(f"/api/jobs/{job}").text, operator.get("/api/jobs").text):
        assert "data.root=~/photos does not exist" in text and str(Path.home()) + "/" not in text


@pytest.mark.parametrize("over", [True, False])
def test_wherever_a_read_begins_or_ends(settings: Settings, tmp_path: Path, monkeypatch: Any, over: bool) -> None:
    """A path that is split over two reads is told once, whole, in the first; one begun earlier not at all."""
    monkeypatch.setattr(logs, "PIECE", 40)
    log = tmp_path / "x.log"
    begin = f"{settings.data}/"
    line = f"a {settings.data}/b {settings.outputs[0]}/c {CONF}/d /usr/lib/python3/e f"
    log.write_text(f"{line} {line}\n{line}\n")
    shown = "a <data>/b outputs/c <fedsky>/conf/d …/e f"
    text, after, end = "", 0, False
    while not end:
        piece, following, end = logs.read_log(log, after, over, places(settings))
        assert following > after or end
        text, after = text + piece, following
    assert text == f"{shown} {shown}\n{shown}\n" and after == log.stat().st_size
    for after in range(log.stat().st_size):  # as nobody but a curious person asks
        piece, _, _ = logs.read_log(log, after, over, places(settings))
        for secret in (begin, str(tmp_path), str(CONF.parent), tmp_path.name, "python3", str(settings.data)[5:]):
            assert secret not in piece, (after, piece)


@pytest.mark.slow
def test_what_is_told_of_a_run(settings: Settings, app: Flask, visitor: Any) -> None:
    shutil.copytree(RUN, settings.outputs[0] / "run")
    info = info_of(settings.outputs[0] / "run")
    info |= {"status": "failed", "reason": f"{settings.data}/x is full", "command": f"python -m fedsky a={CONF}/b"}
    info["config"]["data"]["root"] = "/mnt/my/photographs"
    write_json(settings.outputs[0] / "run" / "run.json", info)
    (settings.outputs[0] / "run" / "run.log").write_text(f'File "{sys.prefix}/lib/torch.py"\n')
    [run] = visitor.get("/api/runs").get_json()["runs"]
    assert run["reason"] == "<data>/x is full"
    path = f"/api/runs/{run['id']}"
    answers = [visitor.get(each).text for each in (path, "/api/runs", f"{path}/files/run.json", f"{path}/files/run.log",
                                                   f"/api/compare?run={run['id']}")]  # fmt: skip
    app.extensions["comparing"].close()
    assert "<data>/x is full" in answers[4], "among those left out"
    for text in answers:
        for secret in (str(settings.data), str(CONF), sys.prefix, "/mnt/my"):
            assert secret not in text, text
