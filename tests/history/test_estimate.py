"""A run's time from those of runs like it: what a folder tells, and how it is scaled to rounds, images and load."""

from pathlib import Path
from typing import Any

import pytest

from fedsky.config import compose, resolve
from fedsky.history import ALONE, FEDERATED, POOLED, Run
from fedsky.history.estimate import Estimate, Measured, Work, duration, estimate, slowness, work
from fedsky.history.times import Times, likeness, ran_on, steps_of, times_of
from fedsky.machine.load import Look

SMALL = ("data.count=100", "num_clients=2", "batch_size=10", "num_rounds=3", "engine=inline")
FREE = Look(0)
SIZES, JUDGED = (40, 20), (15, 5)
MACHINE = {"num_cores": 2, "memory_bytes": 1e9}


def config(*overrides: str) -> dict[str, Any]:
    return resolve(compose([*SMALL, *overrides]))


def finished(settings: dict[str, Any], slow: float = 1.0, role: str = FEDERATED, **more: Any) -> Run:
    """A run in which a free core takes 0.1 s an image to train on and 0.01 s to judge, and a message 0.5 s.

    The first rounds took 3 s more, the process 4 s, the data 2 s, the engine 1 s; all of it ``slow`` times as long.
    """
    rounds: list[dict[str, Any]] = []
    timing: list[dict[str, Any]] = []
    for round in range(settings["num_rounds"] + 1):
        own = [] if not round else [sum(SIZES)] if role == POOLED else list(SIZES)
        judging = 0.01 * sum(JUDGED)  # fewer than a batch of 64: on one core
        seconds = sum(0.1 * n + 0.5 for n in own) + judging + (3 if round == 1 else 0)
        rounds.append({"round": round, "num_steps": sum(steps_of(n, 10) for n in own)})
        server = {"round": round, "client": None, "round_seconds": slow * seconds, "evaluate_seconds": slow * judging}
        clients = [
            {"round": round, "client": client, "train_seconds": slow * 0.1 * n, "train_cpu_seconds": 0.1 * n}
            for client, n in enumerate(own)
        ]
        timing += [server, *clients]
    start = {
        "process_seconds": slow * 4,
        "process_cpu_seconds": 4.0,
        "data_seconds": slow * 2,
        "data_cpu_seconds": 2.0,
        "engine_seconds": slow * 1.0,
    }
    parts = [{"train": [n], "validation": [m], "test": []} for n, m in zip(SIZES, JUDGED, strict=True)]
    info = {"status": "done", "config": settings, "machine": MACHINE, "role": role, "start": start, "ended": "2026"}
    return Run(Path("run"), info | more, rounds, timing=timing, partition={"clients": parts})


def of(run: Run) -> Times:
    found = times_of(run)
    assert found is not None
    return found


@pytest.mark.parametrize("slow", [1.0, 2.5])
@pytest.mark.parametrize("role", [FEDERATED, POOLED])
def test_a_run_tells_the_seconds_of_a_free_core(slow: float, role: str) -> None:
    times = of(finished(config(), slow, role))
    told = (times.train, times.judge, times.rest, times.first, times.process, times.load, times.opening)
    assert told == pytest.approx((0.1, 0.01, 0.5, 3, 4, 2, 1))
    assert (times.sizes, times.judged, times.by_clients) == (SIZES, JUDGED, False)


def test_what_tells_nothing() -> None:
    assert times_of(finished(config(), status="failed")) is None
    assert times_of(finished(config(), resumed=[{}])) is None
    assert times_of(finished(config(), machine={})) is None
    run = finished(config())
    run.timing = [row for row in run.timing if row["client"] is None]
    assert times_of(run) is None
    run = finished(config(), start={"process_seconds": "long", "data_seconds": float("nan")})
    assert (of(run).process, of(run).load, of(run).first) == (None, None, None)


def test_a_run_alike_takes_what_that_one_took() -> None:
    """Of 3 rounds: 7 s to start, rounds of 0.1 * 60 + 2 * 0.5 + 0.2 s, 3 s more at first, 0.2 s for round 0."""
    found = expected(config())
    assert (found.start, found.first, found.each, found.num_alike) == pytest.approx((7, 10.4, 7.2, 1))
    assert found.seconds == pytest.approx(7 + 10.4 + 2 * 7.2 + 0.2)


def expected(
    settings: dict[str, Any], load: tuple[Look, ...] = (FREE,), role: str = FEDERATED, **more: Any
) -> Estimate:
    past = [of(finished(config(), role=role))]
    asked = work(settings, role, more.pop("sizes", SIZES), JUDGED, 2, role == ALONE)
    found = estimate(asked, past, load, 2, **more)
    assert found is not None
    return found


def test_it_is_scaled_by_rounds_passes_and_images() -> None:
    assert expected(config("num_rounds=10")).seconds - expected(config()).seconds == pytest.approx(7 * 7.2)
    assert expected(config("local_epochs=3")).each == pytest.approx(3 * 6 + 1 + 0.2)
    assert expected(config(), sizes=(80, 40)).each == pytest.approx(12 + 1 + 0.2)
    assert expected(config("participation=0.5")).each == pytest.approx(3 + 0.5 + 0.2)
    assert expected(config(), role=POOLED).each == pytest.approx(6 + 0.5 + 0.2)
    assert expected(config(), warm=True).seconds == pytest.approx(2 + 7.4 + 2 * 7.2)


def test_the_load_slows_it() -> None:
    assert slowness((FREE,), 1, 2) == slowness((Look(1),), 1, 2) == slowness((), 2, 2) == 1
    assert slowness((Look(3),), 1, 2) == 2 and slowness((Look(3),), 2, 2) == 2.5
    assert slowness((FREE, Look(3)), 1, 2) == pytest.approx(1 / 0.75), "the mean of the speeds, 1 and a half"
    assert expected(config(), load=(Look(3),)).each == pytest.approx(2 * 7.2 + 0.0, rel=0.05)


def test_two_workers_share_the_owners() -> None:
    settings = config("engine=ray")
    asked = work(settings, FEDERATED, SIZES, JUDGED, 2, False)
    assert (asked.workers, asked.busiest) == (2, 40), "the larger owner's images, not both's"
    assert work(settings, FEDERATED, (20,) * 5, JUDGED, 2, False).busiest == 50
    assert work(config("engine=ray", "engine.num_actors=1"), FEDERATED, SIZES, JUDGED, 2, False).busiest == 60


def test_measured_steps_tell_where_no_run_does() -> None:
    asked: Work = work(config("model=resnet18"), FEDERATED, SIZES, JUDGED, 2, False)
    past = [of(finished(config()))]
    assert estimate(asked, past, (FREE,), 2) is None
    found = estimate(asked, past, (FREE,), 2, Measured(train=1, judge=0.1, load=5, process=6))
    assert found is not None and found.num_alike == 0
    assert (found.start, found.each) == pytest.approx((6 + 5 + 1, 60 + 1 + 2)), "messages and engine as in the runs"


def test_the_nearest_runs_tell() -> None:
    near, far = of(finished(config())), of(finished(config("strategy=scaffold", "local_epochs=2")))
    asked = work(config("seed=3", "data.fold=2/5"), FEDERATED, SIZES, JUDGED, 2, False)
    slower = Times(**{**far.__dict__, "train": 9.0, "ended": "2027"})
    found = estimate(asked, [slower, near, slower], (FREE,), 2)
    assert found is not None and (found.num_alike, round(found.each, 6)) == (1, 7.2)
    assert likeness(config("data.fold=2/5", "seed=1")) == likeness(config())


def test_a_machine_is_told_by_its_cores_and_memory() -> None:
    assert ran_on(MACHINE, MACHINE | {"memory_bytes": 1.04e9})
    assert not ran_on(MACHINE, MACHINE | {"num_cores": 4}) and not ran_on({}, MACHINE)


def test_seconds_are_said_as_a_person_says_them() -> None:
    told = [duration(seconds) for seconds in (0.26, 9.4, 31.4, 130, 5400, 40_000)]
    assert told == ["0.3 s", "9.4 s", "31 s", "2 min", "90 min", "11.1 h"]
