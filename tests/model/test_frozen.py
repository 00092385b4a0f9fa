"""Frozen layers with either engine, through resume, and with whatever goes around a strategy."""

from pathlib import Path
from typing import Any

import forked
import numpy as np
import pytest
from cut_short import cut_short
from run_files import rows_of
from safetensors.numpy import load_file

from fedsky.client.task import Task, specification
from fedsky.config import compose, resolve
from fedsky.model.freeze import frozen
from fedsky.resume import resume
from fedsky.run import run

QUICK = [
    "num_clients=3",
    "num_rounds=3",
    "data.count=60",
    "data.size=32",
    "batch_size=8",
    "partition.min_examples=5",
    "model.freeze=[0.*,1.*,4.*]",
]
AROUND = {
    "plain": [],
    "topk": ["compression=topk"],
    "eightbit": ["compression=eightbit"],
    "sign": ["compression=sign"],
    "signflip": ["attack=signflip"],
    "gaussian": ["attack=gaussian"],
    "labelflip": ["attack=labelflip"],
    "alie": ["attack=alie", "attack.z=1", "strategy=fedmedian"],
    "finetune": ["personalize=finetune"],
    "fixed": ["privacy=fixed", "privacy.delta=0.1", "model.norm=group"],
    "adaptive": ["privacy=adaptive", "privacy.delta=0.1", "model.norm=group"],
    "all": ["privacy=fixed", "privacy.delta=0.1", "model.norm=group", "attack=gaussian", "compression=topk"],
    "fedper": ["strategy=fedper"],
    "ditto": ["strategy=ditto"],
    "scaffold": ["strategy=scaffold", "compression=topk"],
}
FILES = ("rounds.jsonl", "clients.jsonl", "predictions.csv", "partition.json")


def config_of(name: str) -> dict[str, Any]:
    return resolve(compose([*QUICK, *AROUND[name], "engine=inline"]))


def models(folder: Path) -> list[Path]:
    return sorted([*folder.glob("models/*.safetensors"), *folder.glob("*.safetensors")])


def assert_same(one: Path, other: Path) -> None:
    """The files that a seed decides have the same bytes."""
    names = [*FILES, *(path.relative_to(one).as_posix() for path in models(one))]
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize("name", AROUND)
def test_frozen_arrays_stay_through_resume_whatever_goes_around(tmp_path: Path, name: str) -> None:
    config = config_of(name)
    work = Task(specification(config, tmp_path))
    run(config, tmp_path / "whole")
    with cut_short(2):
        run(config_of(name), tmp_path / "stopped")
    resume(tmp_path / "stopped")
    assert_same(tmp_path / "whole", tmp_path / "stopped")
    start = {key: tensor.numpy() for key, tensor in work.initial.items()}
    fixed = frozen(work.model)
    assert {key.split(".")[0] for key in fixed} == {"0", "1", "4"} and models(tmp_path / "whole")
    for path in models(tmp_path / "whole"):
        after = load_file(path)
        assert all(np.array_equal(after[key], start[key]) for key in fixed), path.name
        moved = any(not np.array_equal(after[key], array) for key, array in start.items())
        assert moved or path.name == "best.safetensors", path.name  # which may be of round 0


@pytest.mark.parametrize(
    ("around", "up"),
    [
        ([], lambda n, names: 4 * n + sum(128 + len(key) for key in names)),
        # a tenth of the numbers of four bytes, and their places of two, each an array with a name
        (["compression=topk"], lambda n, names: 6 * round(n / 10) + 2 * 128 + len("update/values" + "update/places")),
    ],
)
def test_bytes_are_those_of_the_head_alone(tmp_path: Path, around: list[str], up: Any) -> None:
    asked = [*QUICK[:-1], *around, "model.freeze=backbone", "engine=inline"]
    run(resolve(compose(asked)), tmp_path / "run")
    names, numbers = ["9.weight", "9.bias"], 128 * 2 + 2  # of half the channels: 128 to two classes
    lines = rows_of(tmp_path / "run", "clients")
    for line in lines[3:]:
        assert line["bytes_down"] == 4 * numbers + sum(128 + len(key) for key in names)
        assert line["bytes_up"] == up(numbers, names)


def test_ray_gives_the_bytes_of_inline(tmp_path: Path) -> None:
    run(config_of("scaffold"), tmp_path / "inline")
    words = [*QUICK, *AROUND["scaffold"], "engine=ray", "engine.num_actors=2", "hydra.run.dir=ray"]
    done = forked.command("fedsky", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert_same(tmp_path / "inline", tmp_path / "ray")


@pytest.mark.parametrize("strategy", ["fedper", "fedrep"])
def test_a_frozen_backbone_and_heads_that_stay_leave_nothing_to_share(tmp_path: Path, strategy: str) -> None:
    asked = [*QUICK[:-1], "model.freeze=backbone", f"strategy={strategy}", "engine=inline"]
    with pytest.raises(ValueError) as raised:
        run(resolve(compose(asked)), tmp_path / "run")
    assert str(raised.value) == (
        f"strategy={strategy}: all that is trained stays with the clients (9.weight, 9.bias), nothing is left to "
        "share: set model.freeze to less, or choose strategy=local"
    )
    assert not (tmp_path / "run" / "rounds.jsonl").exists()
