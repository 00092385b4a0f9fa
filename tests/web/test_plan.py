"""How long a launch would take: the estimator's word, from this machine's runs or, where it has none, from others."""

import functools
from collections.abc import Sequence
from typing import Any

import pytest

from fedsky.config import compose, resolve
from fedsky.history import ALONE
from fedsky.history.estimate import estimate, work
from fedsky.history.times import Times, likeness
from fedsky.machine.load import Look
from fedsky.web.jobs import plan
from fedsky.web.jobs.command import Launch
from fedsky.web.jobs.plan import make_plan, this_machine
from fedsky.web.runs.rows import Row

SMALL = ("data.count=100", "num_clients=2", "batch_size=10", "num_rounds=10", "engine=inline")
FREE = Look(0)
FAR = {"num_cores": 64, "memory_bytes": 1}


def launch(*runs: Sequence[str]) -> Launch:
    return Launch((), tuple(tuple(run) for run in runs))


@functools.cache
def settings(*overrides: str) -> dict[str, Any]:
    return resolve(compose([*overrides, "name=site"]))


def row(*overrides: str, train: float = 0.1, machine: dict[str, Any] | None = None, strategy: str = "fedavg") -> Row:
    """A finished run of a configuration, that took so long an image to train on."""
    here = this_machine() if machine is None else machine
    times = Times(
        likeness(settings(*overrides)), here, "2026", train, judge=0.01, rest=0.5, first=3.0, process=4.0, load=2.0,
        opening=1.0, sizes=(60, 10), judged=(20, 10), by_clients=False,
    )  # fmt: skip
    role = ALONE if strategy == "local" else "federated"
    return Row(id="x", folder="x", name="x", strategy=strategy, role=role, status="done", machine=here, times=times)


def alone(*overrides: str, train: float = 0.1, warm: bool = False) -> float:
    """What the estimator itself says."""
    config = settings(*overrides)
    past = [row(*SMALL, train=train).times]
    asked = work(config, "federated", (60, 10), (20, 10), this_machine()["num_cores"], False)
    found = estimate(asked, [each for each in past if each], (FREE,), this_machine()["num_cores"], warm=warm)
    assert found is not None
    return found.seconds


def test_a_launch_takes_what_its_runs_take_the_first_of_which_starts_the_engine() -> None:
    found = make_plan(launch([*SMALL, "seed=7"], [*SMALL, "seed=8"]), [row(*SMALL)], (FREE,))
    assert found.seconds == pytest.approx(alone(*SMALL) + alone(*SMALL, warm=True))
    assert (found.basis, found.elsewhere, found.problems) == (1, False, ())


def test_owners_that_no_run_has_share_the_images_alike() -> None:
    other = ["data.count=200", "num_clients=4", *SMALL[2:]]
    config = settings(*other)
    asked = work(config, "federated", (35,) * 4, (15,) * 4, this_machine()["num_cores"], False)
    times = row(*SMALL).times
    assert times is not None
    found = estimate(asked, [times], (FREE,), this_machine()["num_cores"])
    assert found is not None
    assert make_plan(launch(other), [row(*SMALL)], (FREE,)).seconds == pytest.approx(found.seconds)


def test_another_machine_tells_where_this_one_has_nothing_to_tell() -> None:
    far = row(*SMALL, train=9.0, machine=FAR)
    found = make_plan(launch(SMALL), [far], (FREE,))
    assert found.elsewhere and found.seconds == pytest.approx(alone(*SMALL, train=9.0))
    near = make_plan(launch(SMALL), [far, row(*SMALL)], (FREE,))
    assert near.seconds == pytest.approx(alone(*SMALL)) and not near.elsewhere, "this machine's own run counts alone"


def test_what_tells_nothing() -> None:
    silent = row(*SMALL).model_copy(update={"times": None})
    assert make_plan(launch(SMALL), [silent], (FREE,)) == plan.Plan(None, 0, ())
    assert make_plan(launch([*SMALL, "data.size=32"]), [row(*SMALL)], (FREE,)).seconds is None, "other pictures"
    both = launch(SMALL, [*SMALL, "model=resnet18"])
    assert make_plan(both, [row(*SMALL)], (FREE,)).seconds is None, "a part of a launch is not all"


def test_a_launch_that_cannot_be_has_no_estimate() -> None:
    found = make_plan(launch([*SMALL, "num_rounds=0"]), [row(*SMALL)], (FREE,))
    assert found.seconds is None and len(found.problems) == 1 and "num_rounds" in found.problems[0]
    found = make_plan(launch([*SMALL, "clients.overselect=0.2"]), [], (FREE,))
    assert found.problems == ("clients.overselect=0.2: participation=1 asks everybody already: lower participation",)


@pytest.mark.parametrize("known", [True, False])
def test_photographs_that_name_their_owners_are_no_guess(known: bool) -> None:
    """Nothing has read them yet, unless a run of the same photographs has."""
    own = ["data=folder", "data.root=x", "partition=natural", "num_clients=null", "data.size=64", *SMALL[2:]]
    rows = [row(*SMALL), *([row(*own)] if known else [])]
    found = make_plan(launch(own), rows, (FREE,))
    assert found.problems == () and (found.seconds is not None) == known
