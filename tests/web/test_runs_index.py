"""The index finds every run by an opaque id, follows no link, and is not brought down by any folder."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from run_files import info_of

from fedsky.web.runs import listing
from fedsky.web.runs.index import Index
from fedsky.web.runs.listing import Note, Question
from fedsky.web.runs.rows import Row

REFERENCE = Path(__file__).resolve().parents[2] / "outputs" / "reference"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four runs: three finished ones of the reference, one that goes on."""
    root = tmp_path / "outputs"
    for name in ("fedavg-0", "fedavg-1", "local-0"):
        shutil.copytree(REFERENCE / "sky" / name, root / "sky" / name)
    live = root / "today" / "10-00-00"
    shutil.copytree(REFERENCE / "sky" / "fedavg-2", live)
    info = info_of(live)
    (live / "run.json").write_text(json.dumps(info | {"status": "running", "ended": None}))
    lines = (live / "rounds.jsonl").read_text().splitlines(keepends=True)
    (live / "rounds.jsonl").write_text("".join(lines[:5]))
    return root


def by_folder(index: Index) -> dict[str, Row]:
    return {row.folder: row for row in index.rows()}


def test_rows_say_what_the_files_say(root: Path) -> None:
    rows = by_folder(Index([root], root / "sky"))
    assert sorted(rows) == ["sky/fedavg-0", "sky/fedavg-1", "sky/local-0", "today/10-00-00"]
    done = rows["sky/fedavg-1"]
    last = json.loads((root / "sky/fedavg-1/rounds.jsonl").read_text().splitlines()[-1])
    assert (done.status, done.rounds, done.accuracy) == ("done", last["round"], last["accuracy"])
    assert done.is_reference and done.seed == 1 and done.strategy == "fedavg"
    sent = [json.loads(line) for line in (root / "sky/fedavg-1/rounds.jsonl").read_text().splitlines()]
    assert done.megabytes == pytest.approx(sum(row["bytes_up"] + row["bytes_down"] for row in sent) / 1e6)
    live = rows["today/10-00-00"]
    assert (live.status, live.rounds, live.num_rounds, live.is_reference) == ("running", 4, 20, False)
    assert done.group == rows["sky/fedavg-0"].group == live.group != rows["sky/local-0"].group


def test_an_id_outlives_a_move_of_the_root_and_another_root_beside_it(root: Path, tmp_path: Path) -> None:
    before = {row.folder: row.id for row in Index([root]).rows()}
    root.rename(tmp_path / "moved")
    shutil.copytree(tmp_path / "moved", tmp_path / "more")
    after = Index([tmp_path / "moved", tmp_path / "more"])
    assert len(after.rows()) == 8 and len({row.id for row in after.rows()}) == 8
    assert set(before.values()) <= {row.id for row in after.rows()}
    assert all(after.found(id).folder.is_relative_to(tmp_path / "moved") for id in before.values())  # type: ignore[union-attr]


def test_a_run_that_goes_on_moves_its_row_and_no_other(root: Path) -> None:
    index = Index([root])
    old, generation = by_folder(index), index.generation
    index.refresh(0)
    assert index.generation == generation, "nothing has changed"
    with (root / "today/10-00-00/rounds.jsonl").open("a") as file:
        file.write(json.dumps({"round": 5, "accuracy": 0.25, "bytes_up": 1, "bytes_down": 1}) + "\n")
    index.refresh(0)
    new = by_folder(index)
    assert index.generation > generation
    assert (new["today/10-00-00"].rounds, new["today/10-00-00"].accuracy) == (5, 0.25)
    assert all(new[name] is old[name] for name in old if name != "today/10-00-00")


def test_runs_come_and_go(root: Path) -> None:
    index = Index([root])
    assert len(index.rows()) == 4
    for folder in (root, root / "sky", *(root / "sky").iterdir()):
        os.utime(folder, (time.time() - 10,) * 2)  # a listing counts only of folders that have rested
    index.refresh(0)
    shutil.copytree(REFERENCE / "sky" / "local-1", root / "sky" / "local-1")
    index.refresh(0)
    assert len(by_folder(index)) == 5
    shutil.rmtree(root / "sky" / "local-1")
    index.refresh(0)
    assert len(by_folder(index)) == 4


def test_links_are_not_followed(root: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    shutil.copytree(REFERENCE / "sky" / "local-2", secret / "run")
    (root / "sky" / "away").symlink_to(secret)
    (root / "sky" / "also").symlink_to(root / "today")
    (root / "linked").mkdir()
    (root / "linked" / "run.json").symlink_to(secret / "run" / "run.json")
    inside = root / "sky" / "fedavg-0"
    (inside / "rounds.jsonl").unlink()
    (inside / "rounds.jsonl").symlink_to(secret / "run" / "rounds.jsonl")
    rows = by_folder(Index([root]))
    assert sorted(rows) == ["sky/fedavg-0", "sky/fedavg-1", "sky/local-0", "today/10-00-00"]
    hurt = rows["sky/fedavg-0"]
    assert (hurt.status, hurt.accuracy) == ("unknown", None)
    assert hurt.problems == ("rounds.jsonl: a link, which is not followed",)


BAD_LINES = b'{"round": 0, "accuracy": "x", "bytes_up": []}\n{"round": -1}\n[]\n'
HOSTILE: dict[str, bytes] = {
    "not-json": b"\xff\xfe{{{",
    "empty": b"",
    "a-list": b"[1, 2]",
    "deep": b'{"config": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
    "half-deep": b'{"config": ' + b'{"a":' * 400 + b"1" + b"}" * 401,
    "odd-types": b'{"status": ["done"], "config": [1], "choices": 3, "result": "x", "started": 5, "machine": null}',
    "numbers": b'{"status": "done", "config": {"num_rounds": 1e999, "seed": -1e400, "num_clients": true, "lr": NaN}}',
    "control": b'{"status": "done", "reason": "\\u0000\\u001b[31m<script>alert(1)</script>\\u202e"}',
    "long": b'{"status": "done", "config": {'
    + b",".join(b'"k%d": "%s"' % (n, b"x" * 300) for n in range(2000))
    + b"}}",
}


def test_no_folder_brings_the_list_down(root: Path) -> None:
    for name, content in HOSTILE.items():
        (root / name).mkdir()
        (root / name / "run.json").write_bytes(content)
        (root / name / "rounds.jsonl").write_bytes(
            b'{"round": 0, "accuracy": "x", "bytes_up": []}\n{"round": -1}\n[]\n'
        )
    os.mkfifo(root / "empty" / "timing.jsonl")
    (root / "fifo").mkdir()
    os.mkfifo(root / "fifo" / "run.json")
    (root / "dir" / "run.json").mkdir(parents=True)
    index = Index([root])
    rows = by_folder(index)
    assert set(HOSTILE) <= set(rows) and not {"fifo", "dir"} & set(rows)
    answer = listing.listing(list(rows.values()), Question(limit=200), {}, index.name)
    text = json.dumps(answer, allow_nan=True)
    assert answer["total"] == 4 + len(HOSTILE)
    assert len(text) < 400_000
    assert not any(ord(character) < 32 for row in answer["runs"] for character in row["reason"] + row["name"])
    assert all(0 < len(row["name"]) < 400 for row in answer["runs"])
    assert rows["odd-types"].status == rows["a-list"].status == "unknown"
    assert all(row.problems for name, row in rows.items() if name in HOSTILE)


def test_a_giant_file_is_told_and_not_read(root: Path) -> None:
    with (root / "sky" / "local-0" / "rounds.jsonl").open("wb") as file:
        file.truncate(40_000_000_000)  # sparse: nothing is written
    row = by_folder(Index([root]))["sky/local-0"]
    assert row.problems == ("rounds.jsonl: 40000000000 bytes, more than the 32000000 that the site reads",)


def test_search_filter_sort_and_pages(root: Path) -> None:
    index = Index([root])
    rows = index.rows()
    ids = {row.folder: row.id for row in rows}

    def asked(notes: dict[str, Note] | None = None, **question: object) -> list[str]:
        answer = listing.listing(rows, Question(**question), notes or {}, index.name)  # type: ignore[arg-type]
        return [run["folder"] for run in answer["runs"]]

    assert asked(q="LOCAL") == ["sky/local-0"]
    assert asked(q="sky fedavg", sort="name") == ["sky/fedavg-0", "sky/fedavg-1"]
    assert asked(q="seed=1") == ["sky/fedavg-1"] and asked(q="seed=11") == []
    assert len(asked(q="lr=0.05 width=0.5")) == 4 and asked(q="lr=0.0") == []
    assert asked(status="running") == ["today/10-00-00"]
    assert asked(strategy="local") == ["sky/local-0"]
    assert len(asked(group=rows[0].group)) in (1, 3)
    assert asked(q="thesis", notes={ids["sky/local-0"]: Note("", "for the THESIS", ())}) == ["sky/local-0"]
    ordered = asked(sort="-accuracy")
    accuracy = {row.folder: row.accuracy for row in rows}
    assert [accuracy[name] for name in ordered] == sorted(accuracy.values(), reverse=True)  # type: ignore[type-var]
    assert asked(sort="name", offset=1, limit=2) == ["sky/fedavg-1", "sky/local-0"]
    assert asked(sort="name", offset=99) == []


def test_what_is_unknown_comes_last_whichever_way(root: Path) -> None:
    (root / "sky" / "fedavg-0" / "rounds.jsonl").unlink()
    rows = Index([root]).rows()
    for sort in ("accuracy", "-accuracy", "rounds", "-rounds"):
        assert listing.matching(rows, Question(sort=sort), {})[-1].folder == "sky/fedavg-0"


def test_what_differs_is_named(root: Path) -> None:
    info = json.loads((root / "sky/local-0/run.json").read_text())
    info["config"]["lr"] = 0.2
    (root / "sky/local-0/run.json").write_text(json.dumps(info))
    index = Index([root])
    answer = listing.listing(index.rows(), Question(sort="name"), {}, index.name)
    assert answer["differs"] == ["lr"], "the seed tells repetitions apart, the target is the strategy"
    assert answer["strategies"] == ["fedavg", "local"] and answer["statuses"] == ["running", "done"]
