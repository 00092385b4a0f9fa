"""What a run's strategy is, federated or a baseline, is said by its class and written to run.json as the run begins."""

from pathlib import Path
from typing import Any

import pytest
from run_files import info_of

from baselines.local import Local
from fedsky.config import compose, resolve
from fedsky.history import read_run
from fedsky.run import run

QUICK = ["engine=inline", "num_rounds=1", "num_clients=2", "partition.min_examples=5", "data.count=40", "data.size=32",
         "model.width=0.5", "checkpoint=false"]  # fmt: skip


class Mine(Local):
    """A baseline of one's own, by a name that nothing knows."""


class Unsaid(Local):
    role = "lonely"


@pytest.mark.parametrize(
    ("strategy", "role"), [("fedavg", "federated"), ("centralized", "pooled"), ("local", "alone"), ("mine", "alone")]
)
def test_a_run_writes_its_strategys_role(tmp_path: Path, strategy: str, role: str) -> None:
    own = ["strategy=local", f"strategy._target_={__name__}.Mine"] if strategy == "mine" else [f"strategy={strategy}"]
    info = run(resolve(compose([*QUICK, *own])), tmp_path / "run")
    assert info["role"] == info_of(tmp_path / "run")["role"] == role
    read = read_run(tmp_path / "run")
    assert read.role == role
    assert (read.rounds[-1]["bytes_up"] > 0) == (role == "federated")


def test_the_role_is_there_before_the_first_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fedsky.run.loop.RoundLoop._rounds", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(resolve(compose([*QUICK, "strategy=local"])), tmp_path / "run")
    assert read_run(tmp_path / "run").info["role"] == "alone"


def test_an_unknown_role_is_refused_in_one_line(tmp_path: Path) -> None:
    config = resolve(compose([*QUICK, "strategy=local", f"strategy._target_={__name__}.Unsaid"]))
    with pytest.raises(ValueError, match=r"Unsaid\.role.*lonely.*federated, pooled or alone"):
        run(config, tmp_path / "run")
