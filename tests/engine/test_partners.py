"""A federation between machines, as far as one machine can tell: networks and mounts of their own, TLS and keys.

The bytes are those of a simulation, and no place has what is another's.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import partners as support
import pytest
from partners import SERVER, Partners

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
