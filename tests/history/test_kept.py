"""The newest checkpoint tells whether a killed run left its files as they were written."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedsky.client.state import Saved
from fedsky.history import Row, kept, sum_of
from fedsky.model.file import write_model
from fedsky.run.checkpoint import Progress, load_round, save_round, to_record

FILES = {
    "rounds.jsonl": b'{"round": 0}\n{"round": 1}\n',
    "best.safetensors": b"best",
    "clients/0@1.safetensors": b"own",
}
SUMS = {name: sum_of(content) for name, content in FILES.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clients").mkdir()
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def save(folder: Path, best_round: int = 0, states: dict[str, Saved] | None = None) -> None:
    sums: dict[str, Row] = {name: SUMS[name] for name in ("rounds.jsonl", "best.safetensors")}
    states = {"0": Saved(1, SUMS["clients/0@1.safetensors"]["sha256"])} if states is None else states
    progress = Progress(1, best_round=best_round, states=states, sums=sums)
    save_round(folder, to_record({"weight": np.arange(6.0)}), progress, {})


def changed(folder: Path, **more: Any) -> list[str]:
    return list(kept.changed(folder, more.get("only")))


def test_a_folder_as_it_was_written(folder: Path) -> None:
    assert changed(folder) == [], "nothing is kept yet"
    save(folder)
    assert changed(folder) == []
    with (folder / "rounds.jsonl").open("ab") as file:
        file.write(b'{"round": 2')
    assert changed(folder) == [], "what came after it is no part of it"
    (folder / "clients" / "0@1.safetensors").unlink()
    assert changed(folder) == [], "whoever starts from it says so"
    loaded = load_round(folder, ["weight"])
    assert loaded is not None and loaded[1].sums is not None and loaded[1].sums["best.safetensors"]["bytes"] == 4


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("rounds.jsonl", b'{"round": 0}\n{"round": 7}\n', "rounds.jsonl"),
        ("rounds.jsonl", b'{"round": 0}\n', "rounds.jsonl (13/26 B)"),
        ("rounds.jsonl", None, "rounds.jsonl (0/26 B)"),
        ("best.safetensors", b"rest", "best.safetensors"),
        ("best.safetensors", b"best.", "best.safetensors (5/4 B)"),
        ("clients/0@1.safetensors", b"owl", "clients/0@1.safetensors"),
    ],
)
def test_another_file_is_named(folder: Path, name: str, content: bytes | None, told: str) -> None:
    save(folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    assert changed(folder) == [told]
    assert (changed(folder, only=["rounds.jsonl"]) == [told]) == (name == "rounds.jsonl" or "(" in told)


def test_a_best_model_of_its_own_round_is_written_anew(folder: Path) -> None:
    save(folder, best_round=1)
    (folder / "best.safetensors").write_bytes(b"of the round before")
    assert changed(folder) == []


def test_each_bit_of_a_checkpoint_counts(folder: Path) -> None:
    save(folder)
    path = folder / "checkpoint" / "1.safetensors"
    content = path.read_bytes()
    rng = random.Random(0)
    places = [*range(8), *(rng.randrange(len(content)) for _ in range(200)), content.index(b"whole"), len(content) - 1]
    for place in places:
        flipped = bytes([content[place] ^ 1 << rng.randrange(8)])
        path.write_bytes(content[:place] + flipped + content[place + 1 :])
        assert changed(folder) == ["checkpoint/1.safetensors"], place


def test_checkpoints_of_older_versions_tell_nothing(folder: Path) -> None:
    write_model(folder / "checkpoint" / "1.safetensors", {"weight": np.arange(6.0)}, {"round": 1, "states": {"0": 1}})
    assert changed(folder) == []
    save(folder, states={"0": Saved(1)})
    assert changed(folder) == []


@pytest.mark.parametrize("sums", [3, {"x": 3}, {"x": {"bytes": "y", "sha256": ""}}, {"x": {}}])
def test_what_is_no_sum_is_a_damage(folder: Path, sums: Any) -> None:
    save_round(folder, to_record({"weight": np.arange(6.0)}), Progress(1, sums=sums), {})
    assert changed(folder) == ["checkpoint/1.safetensors"]
