"""A federation between machines, as far as one machine can tell: networks and mounts of their own, TLS and keys.

What is killed in the middle of a round ends as docs/deployment.md says, and never with a wrong number: the bytes are
those of a simulation in which the same client fails, or none does.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import partners as support
import pytest
from partners import ANSWERED, BEFORE, SERVER, Partners

from fedsky.client import app
from fedsky.config import compose, resolve
from fedsky.run import run

WORDS = ["model.width=0.5", "data.size=16", "num_rounds=2", "batch_size=4", "evaluate=clients"]
STRATEGIES = ("fedavg", "scaffold", "local", "fedbn")
DOWN_SECONDS = 8.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partners]:
    with support.partners(tmp_path_factory.mktemp("partners"), DOWN_SECONDS) as served:
        yield served


@pytest.fixture(scope="module")
def scaffold(together: Partners) -> Path:
    """The simulation that most are compared with."""
    return inline(together, "scaffold")


def inline(together: Partners, name: str, strategy: str = "scaffold") -> Path:
    words = ["engine=inline", "data=folder", f"data.root={together.base / 'photographs'}", "partition=natural"]
    run(resolve(compose([*words, *WORDS, f"strategy={strategy}", "on_failure=skip"])), together.base / "near" / name)
    return together.base / "near" / name


def far(together: Partners, name: str, **event: Any) -> tuple[int, Path]:
    folder = together.base / "far" / name
    words = [*together.settings, *WORDS, "strategy=scaffold", f"hydra.run.dir={folder}"]
    return together.run(*words, **event), folder


def failing(monkeypatch: pytest.MonkeyPatch, half: str, client: int, round: int) -> None:
    """Has a client of a simulation fail."""
    do = getattr(app, half)

    def failed(content: Any, config: Any) -> Any:
        if (config["client"], config["round"]) == (client, round):
            raise ValueError("as if it were gone")
        return do(content, config)

    monkeypatch.setattr(app, half, failed)


def compare(one: Path, other: Path, without: str = "") -> None:
    """The same bytes; without: what begins so of a client's row, and then no model is compared."""
    for name in ("rounds.jsonl", "partition.json", "model.safetensors", "clients.jsonl"):
        if name == "clients.jsonl" and without:
            assert rows(one, without) == rows(other, without)
        elif without != "pooled_" or name != "model.safetensors":
            assert _digest(one / name) == _digest(other / name), name


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rows(folder: Path, without: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (folder / "clients.jsonl").read_text().splitlines())
    return [{key: value for key, value in row.items() if not key.startswith(without)} for row in lines]


def test_no_place_has_what_is_anothers(together: Partners) -> None:
    def seen(name: str, folder: str) -> str:
        return together.places[name].do("ls", str(together.base / folder))

    assert "cloudy" in seen("A", "owners/A/photographs")
    for name, folder in (("A", "owners/B"), ("B", "owners/C"), ("C", "photographs"), ("C", "federation")):
        assert seen(name, folder) == ""
    assert seen(SERVER, "owners") == seen(SERVER, "photographs") == ""


def test_the_same_bytes_as_a_simulation(together: Partners, scaffold: Path) -> None:
    folder = together.base / "far" / "sweep"
    words = [*together.settings, *WORDS, f"strategy={','.join(STRATEGIES)}", f"hydra.sweep.dir={folder}"]
    assert together.run("-m", *words) == 0, together.told()
    for number, strategy in enumerate(STRATEGIES):
        near = scaffold if strategy == "scaffold" else inline(together, strategy, strategy)
        # Nobody's own model is tried on other owners' photographs, and none leaves.
        compare(folder / str(number), near, "pooled_" if strategy in ("local", "fedbn") else "")


def test_a_driver_that_is_killed_is_resumed(together: Partners, scaffold: Path) -> None:
    code, folder = far(together, "driver", kill=None, round=2, when=ANSWERED)
    assert code == -9
    assert together.run(str(folder), *together.settings[1:], program="fedsky.resume") == 0, together.told()
    compare(folder, scaffold)


def test_a_superlink_that_is_away_for_some_seconds_costs_nothing(together: Partners, scaffold: Path) -> None:
    code, folder = far(together, "link", kill=support.superlink(together.pid(SERVER)), round=2, when=ANSWERED)
    assert code == 0, together.told()
    compare(folder, scaffold)


def test_a_worker_that_is_killed_costs_its_round(together: Partners, monkeypatch: pytest.MonkeyPatch) -> None:
    (worker,) = support.workers(together.pid("B"))
    code, folder = far(together, "worker", kill=worker, round=2, when=BEFORE)
    assert code == 0, together.told()
    failing(monkeypatch, "_train", 1, 2)
    compare(folder, inline(together, "worker"), "reason")
    (row,) = [row for row in rows(folder, " ") if (row["round"], row["client"]) == (2, 1)]
    assert row["status"] == "failed" and row["reason"].startswith("its worker ended with -9")


def test_a_node_that_is_killed_is_lost(together: Partners, monkeypatch: pytest.MonkeyPatch) -> None:
    code, folder = far(together, "node", kill=together.pid("C"), round=2, when=BEFORE)
    assert code == 0, together.told()
    for half in ("_train", "_evaluate"):
        failing(monkeypatch, half, 2, 2)
    near = inline(together, "node")
    assert _digest(folder / "model.safetensors") == _digest(near / "model.safetensors")
    (row,) = [row for row in rows(folder, " ") if (row["round"], row["client"]) == (2, 2)]
    assert (row["status"], row["reason"]) == ("lost", "C went away before it answered")
    # Its worker ends with it, and it takes part again.
    together.start("C")
    code, folder = far(together, "again")
    assert code == 0, together.told()
    assert {row["status"] for row in rows(folder, " ") if row["round"]} == {"ok"}
