"""However many rounds, clients or classes a run has, an answer is bounded, and its files are read once a change."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from safetensors.numpy import save_file
from site_browser import Browser

from fedsky.history import Run
from fedsky.history.kept import METADATA
from fedsky.web import Settings
from fedsky.web.prediction import registry
from fedsky.web.runs import views
from fedsky.web.runs.index import Index
from fedsky.web.runs.kept_rounds import KeptRounds
from fedsky.web.runs.rows import Row


@dataclass
class Made:
    folder: Path
    id: str


@pytest.fixture
def large(settings: Settings, visitor: Browser) -> Made:
    """A run of 2,500 rounds and 40 clients."""
    folder = settings.outputs[0] / "large"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"status": "done", "config": {"num_clients": 40}}))
    rounds = [{"round": number, "accuracy": 0.5} for number in range(2500)]
    clients = [
        {"round": number, "client": client, "status": "ok", "accuracy": number / 2500}
        for number in range(2500)
        for client in range(40)
    ]
    for name, rows in (("rounds", rounds), ("clients", clients)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    visitor.client.application.extensions["runs"].index.refresh(0)
    return Made(folder, visitor.get("/api/runs").get_json()["runs"][0]["id"])


@pytest.mark.slow
def test_a_cursor_reads_no_file_anew(
    large: Made, visitor: Browser, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    index: Index = app.extensions["runs"].index
    real = index.read

    def watched(id: str) -> Run | None:
        read.append(id)
        return real(id)

    monkeypatch.setattr(index, "read", watched)
    got: list[int] = []
    after, more = -1, True
    while more:
        page = visitor.get(f"/api/runs/{large.id}/rounds?after={after}").get_json()
        assert len(page["rounds"]) == len(page["feed"]) <= views.PAGE
        got += [row["round"] for row in page["rounds"]]
        after, more = page["last"], page["more"]
    assert got == list(range(2500))
    for number in range(30):
        answer = visitor.get(f"/api/runs/{large.id}/rounds?after={2400 + number}").get_json()
        assert [row["round"] for row in answer["rounds"]] == list(range(2401 + number, 2500))
    assert read == [large.id], "once"
    with (large.folder / "rounds.jsonl").open("a") as file:
        file.write('{"round": 2500, "accuracy": 0.75}\n')
    index.refresh(0)
    assert visitor.get(f"/api/runs/{large.id}/rounds?after=2499").get_json()["rounds"][0]["accuracy"] == 0.75
    assert read == [large.id] * 2


def test_rounds_keep_within_their_room() -> None:
    kept = KeptRounds(room=10)
    made: list[int] = []

    def ask(number: int, stamp: int = 0) -> None:
        def read() -> views.Rounds:
            made.append(number)
            return views.Rounds([*range(4)], [{}] * 4, [{}] * 4)

        kept.get((str(number), stamp), read)

    for number in (1, 2, 1, 2, 3, 2, 1):
        ask(number)
    assert made == [1, 2, 3, 1], "two of four rounds each are kept, those asked for last"
    ask(1, stamp=1)
    ask(2)
    assert made == [1, 2, 3, 1, 1], "what a run was before a change makes room for what it is"


@pytest.mark.slow
def test_a_matrix_of_many_rounds_tells_every_kth_and_the_last(large: Made, visitor: Browser) -> None:
    answer = visitor.get(f"/api/runs/{large.id}/clients")
    told = answer.get_json()
    assert told["rounds"][-1] == 2499 and len(told["rounds"]) * len(told["clients"]) <= views.CELLS
    assert len({second - first for first, second in zip(told["rounds"], told["rounds"][1:], strict=False)}) == 1
    assert told["values"][7] == [number / 2500 for number in told["rounds"]] and told["num_clients"] == 40
    assert len(answer.data) < 2_000_000


def test_many_owners_and_classes_are_told_in_part_or_not_at_all(tmp_path: Path) -> None:
    def told(owners: int, classes: int) -> Any:
        clients = [
            {"client": n, "train": [1] * classes, "validation": [1] * classes, "test": [1] * classes}
            for n in range(owners)
        ]
        content = {"classes": [str(n) for n in range(classes)], "clients": clients, "heterogeneity": 0.25}
        return views.partition(Run(tmp_path, {}, partition=content))

    some = told(3000, 100)
    assert (len(some["clients"]), some["num_owners"]) == (views.CELLS // 100, 3000)
    assert told(3, 201) == {"classes": [], "clients": [], "num_owners": 0, "heterogeneity": None}


def test_a_model_of_very_many_classes_is_not_offered(tmp_path: Path) -> None:
    """The header of one with 100,000 made every answer 6.8 MB."""
    run = Run(tmp_path, {"status": "done"}, rounds=[{"round": 0, "accuracy": 0.5}])
    for count, offered in ((registry.MOST_CLASSES, 1), (registry.MOST_CLASSES + 1, 0), (100_000, 0)):
        about = {"size": 32, "classes": [str(number) for number in range(count)]}
        path = tmp_path / f"{count}.safetensors"
        save_file({"w": np.zeros(1)}, path, {METADATA: json.dumps(about)})
        assert len(list(registry._read(Row(id="id", folder="name", name="name"), run, [(None, path)]))) == offered
