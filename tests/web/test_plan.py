"""How long a launch would take: the median of runs like it, scaled by the images it trains on; and where those ran."""

import functools
from collections.abc import Sequence
from typing import Any

import pytest

from fedsky.config import compose, resolve
from fedsky.web.jobs import plan
from fedsky.web.jobs.command import Launch
from fedsky.web.jobs.plan import make_plan, this_machine
from fedsky.web.runs.rows import Row, comparable, identify

SMALL = ("data.count=100", "num_clients=2", "batch_size=10", "num_rounds=10")


def launch(*runs: Sequence[str]) -> Launch:
    return Launch((), tuple(tuple(run) for run in runs))


@functools.cache
def composed(overrides: tuple[str, ...]) -> dict[str, Any]:
    return resolve(compose([*overrides, "name=site"]))


def row(*overrides: str, wall: float, rounds_seconds: float, strategy: str = "fedavg", **more: Any) -> Row:
    """A finished run of a configuration on this machine: ``wall`` seconds in all, of which its rounds took some."""
    config = composed(overrides)
    about: dict[str, Any] = {
        "status": "done", "started": "2026-05-01T10:00:00+00:00", "strategy": strategy,
        "ended": f"2026-05-01T10:{int(wall // 60):02d}:{int(wall % 60):02d}+00:00",
        "group": identify(strategy, comparable(config)),
        "settings": {"model._target_": config["model"]["_target_"], "data.size": config["data"]["size"]},
        "machine": this_machine(), "batch_size": config["batch_size"], "seconds": rounds_seconds, "steps": 80,
        "num_images": 100,
    }  # fmt: skip
    return Row(id="x", folder="x", name="x", **about | more)


def test_runs_of_the_same_experiment_tell_by_their_median() -> None:
    known = [row(*SMALL, f"seed={seed}", wall=wall, rounds_seconds=1) for seed, wall in enumerate((40, 10, 20))]
    found = make_plan(launch([*SMALL, "seed=7"], [*SMALL, "seed=8"]), known)
    assert (found.seconds, found.basis, found.elsewhere, found.problems) == (40.0, 3, False, ())


def test_other_runs_tell_by_the_images_that_they_trained_on() -> None:
    """80 steps of 10 images in 16 s are 0.02 s an image; 9 s went by around them. Twice the rounds: 160 steps.

    Steps: 10 rounds x 2 owners x ceil(0.7 * 100 / 2 / 10) = 80.
    """
    known = [row(*SMALL, wall=25, rounds_seconds=16)]
    twice = [*SMALL[:-1], "num_rounds=20"]
    found = make_plan(launch(twice), known)
    assert found.seconds == pytest.approx(9 + 0.02 * 160 * 10)
    assert (found.basis, found.elsewhere) == (1, False)


def test_another_machine_tells_where_this_one_has_nothing_to_tell() -> None:
    far = row(*SMALL, wall=30, rounds_seconds=20, machine={"num_cores": 64, "memory_bytes": 1})
    assert make_plan(launch(SMALL), [far]) == plan.Plan(30.0, 1, (), elsewhere=True)
    near = row(*SMALL, wall=10, rounds_seconds=5)
    assert make_plan(launch(SMALL), [far, near]) == plan.Plan(10.0, 1, ()), "this machine's own run counts alone"


def test_what_tells_nothing() -> None:
    wrong = [
        row(*SMALL, wall=30, rounds_seconds=20, status="interrupted"),
        row(*SMALL, wall=30, rounds_seconds=20).model_copy(update={"seconds": None}),
        row(*SMALL, wall=30, rounds_seconds=20, settings={"data.size": 8}, group="another"),
    ]
    assert make_plan(launch(SMALL), wrong) == plan.Plan(None, 0, ())
    some = [row(*SMALL, wall=30, rounds_seconds=20)]
    assert make_plan(launch(SMALL, [*SMALL, "model=resnet18"]), some).seconds is None, "a part of a launch is not all"


def test_a_launch_that_cannot_be_has_no_estimate() -> None:
    found = make_plan(launch([*SMALL, "num_rounds=0"]), [row(*SMALL, wall=30, rounds_seconds=20)])
    assert found.seconds is None and len(found.problems) == 1 and "num_rounds" in found.problems[0]
