"""FedBuff and FedAsync on quadratics: their steps and staleness in closed form, and what must be FedAvg to the bit."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from exchange import exchange
from flwr.app import ArrayRecord, ConfigRecord
from flwr.supercore.task_identity import TaskIdentity
from quadratics import GOLDEN, Federation, Owner, random_owners
from run_files import rows_of
from torch import nn

from fedsky.client import STALENESS, TAKEN, draw_stragglers
from fedsky.client.behaviour import Behaviour
from fedsky.config import compose, make_strategy, resolve
from strategies.fedasync import FedAsync
from strategies.fedavg import FedAvg, draw
from strategies.fedbuff import FedBuff
from strategies.fedprox import FedProx

NOWHERE = Path("no client keeps anything")


def buff(buffer: int, staleness: str = "polynomial", a: float = 0.5, b: float = 1.0, **more: Any) -> FedBuff:
    return FedBuff(buffer, staleness, a, b, **more)


def clocks(num: int, seconds: list[float] | None = None, **settings: Any) -> Behaviour:
    """Clients whose jobs, of one batch, take so many seconds each."""
    slowness = {str(client): each for client, each in enumerate(seconds or [1.0] * num)}
    behaviour = Behaviour(seconds_per_step=1.0, slowness=slowness, **settings)
    behaviour.begin(0, [1] * num, [str(client) for client in range(num)], Path())
    return behaviour


def local(owner: Owner, x: float, lr: float = 0.1) -> float:
    """Where so many full-batch steps lead an owner of one dimension: y = t + (1 - lr a)^K (x - t)."""
    a, t = float(owner.a[0, 0]), float(owner.t[0])
    return t + (1 - lr * a) ** owner.steps * (x - t)


@pytest.mark.parametrize("seed", range(3))
def test_a_buffer_of_everyone_is_fedavg_to_the_bit(seed: int) -> None:
    owners = random_owners(seed, 4, 3)
    plain = Federation(FedAvg(), owners, NOWHERE, start=np.ones(3)).run(5)
    for strategy in (buff(4), buff(4, "hinge"), buff(4, "constant")):
        told = Federation(strategy, owners, NOWHERE, start=np.ones(3), behaviour=clocks(4)).run(5)
        assert np.array_equal(told, plain)


def test_one_client_whose_share_is_all_is_fedprox_to_the_bit() -> None:
    owners = random_owners(7, 1, 3)
    plain = Federation(FedProx(mu=0.5), owners, NOWHERE, start=np.ones(3)).run(4)
    asynchronous = FedAsync(alpha=1.0, mu=0.5, staleness="polynomial", a=0.5, b=0.0)
    assert np.array_equal(
        Federation(asynchronous, owners, NOWHERE, start=np.ones(3), behaviour=clocks(1)).run(4), plain
    )


def test_steps_by_hand() -> None:
    """Clients of 1 and 2.5 seconds, a buffer of one: 0 answers at 1 and 2, 1 at 2.5 for the model it began with."""
    fast, slow = GOLDEN
    federation = Federation(buff(1), GOLDEN, NOWHERE, behaviour=clocks(2, [1.0, 2.5]))
    x0 = 1.0
    x1 = local(fast, x0)
    x2 = local(fast, x1)
    x3 = x2 + 3**-0.5 * (local(slow, x0) - x0)  # two steps stale
    x4 = x3 + 2**-0.5 * (local(fast, x2) - x2)  # began at 2, before that step; answers at 3
    assert np.ravel(federation.run(4)) == pytest.approx([x1, x2, x3, x4], abs=1e-12)
    assert float(federation.strategy.memory["now"]) == 3.0


def test_fedasync_mixes_by_hand() -> None:
    fast, slow = GOLDEN
    strategy = FedAsync(alpha=0.5, mu=0.0, staleness="hinge", a=2.0, b=1.0)
    federation = Federation(strategy, GOLDEN, NOWHERE, behaviour=clocks(2, [1.0, 2.5]))
    x1 = 0.5 + 0.5 * local(fast, 1.0)
    x2 = 0.5 * x1 + 0.5 * local(fast, x1)
    share = 0.5 / (1 + 2 * (2 - 1))  # tau = 2 > b = 1
    x3 = (1 - share) * x2 + share * local(slow, 1.0)
    assert np.ravel(federation.run(3)) == pytest.approx([x1, x2, x3], abs=1e-12)


def test_a_buffer_weighs_by_examples_and_staleness() -> None:
    owners = [Owner(np.eye(1), np.full(1, t), 1, n) for t, n in ((0.0, 1), (4.0, 2), (8.0, 5))]
    strategy = buff(2, server_lr=0.5)
    federation = Federation(strategy, owners, NOWHERE, start=2.0, behaviour=clocks(3, [1.0, 1.0, 1.5]))
    steps = [-0.1 * (2.0 - t) for t in (0.0, 4.0, 8.0)]
    x1 = 2.0 + 0.5 * (1 * steps[0] + 2 * steps[1]) / 3
    # the third, begun with 2, and the first, begun with x1: of equal ends the lower number
    x2 = x1 + 0.5 * (5 * 2**-0.5 * steps[2] + 1 * -0.1 * (x1 - 0.0)) / 6
    assert np.ravel(federation.run(2)) == pytest.approx([x1, x2], abs=1e-12)


@pytest.mark.parametrize(
    ("staleness", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("polynomial", [1, 2**-0.5, 3**-0.5, 0.5]),
        ("hinge", [1, 1, 1 / 1.5, 1 / 2]),
    ],
)
def test_staleness_functions_are_the_papers(staleness: str, expected: list[float]) -> None:
    assert [buff(1, staleness).fresh(tau) for tau in range(4)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("make", "key", "wrong", "wanted"),
    [
        (FedBuff, "buffer", 0, "a whole number of 1 or more"),
        (FedBuff, "a", -1, "a number of 0 or more"),
        (FedBuff, "b", -1, "a number of 0 or more"),
        (FedBuff, "server_lr", 0, "a number above 0"),
        (FedAsync, "alpha", 0, "a number above 0 and at most 1"),
        (FedAsync, "alpha", 1.5, "a number above 0 and at most 1"),
        (FedAsync, "mu", -1, "a number of 0 or more"),
    ],
)
def test_a_number_out_of_bounds_is_refused(make: Any, key: str, wrong: float, wanted: str) -> None:
    own: dict[Any, dict[str, Any]] = {FedBuff: {"buffer": 1, "server_lr": 0.5}, FedAsync: {"alpha": 1, "mu": 0}}
    right = {"staleness": "constant", "a": 0, "b": 0, **own[make]}
    assert make(**right, owners=[1]).owners == [1]
    with pytest.raises(ValueError, match=rf"^strategy\.{key}={wrong}: {wanted} is needed"):
        make(**right | {key: wrong})


def test_jobs_go_to_a_share_of_those_that_wait() -> None:
    """Beside a queue written out here: half of six at a time, stragglers all, and steps of one reply."""
    seconds, seed, now = [1.0, 1.31, 1.73, 2.19, 2.57, 3.23], 4, 0.0
    strategy, jobs = buff(1), dict[int, tuple[float, int, int]]()  # when each ends, when it began, its passes
    config: dict[str, Any] = {"seed": seed, "participation": 0.5, "local_epochs": 4, "stragglers": 1.0}
    strategy.begin(nn.Linear(1, 1), {**config, "num_clients": 6, "batch_size": 1})
    strategy.know(clocks(6, seconds))
    grid: Any = SimpleNamespace(get_node_ids=lambda: list(range(1, 7)))
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 1, 1
    for round in range(1, 9):
        waiting, free = [client for client in range(6) if client not in jobs], 3 - len(jobs)
        drawn = [waiting[place] for place in draw(len(waiting), free / len(waiting), seed, round)]
        slow = draw_stragglers(drawn, 1.0, 4, seed, round)
        jobs |= {k: (now + slow.get(k, 4) * seconds[k], round, slow.get(k, 4)) for k in drawn}
        first = min(jobs, key=lambda client: jobs[client])
        now, began, passes = jobs.pop(first)
        (message,) = strategy.configure_train(round, ArrayRecord({"w": torch.ones(1)}), ConfigRecord(config), grid)
        asked = message.content.config_records["config"]
        assert (asked["client"], asked["local_epochs"], asked[STALENESS]) == (first, passes, round - began)
        assert asked[TAKEN] == pytest.approx(passes * seconds[first])


def test_buffers_take_a_mean_that_the_servers_step_does_not_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = buff(2, server_lr=0.5)
    monkeypatch.setattr(strategy, "fresh", lambda tau: 0.25)
    strategy.begin(nn.Linear(1, 1), {"num_clients": 2, "participation": 1.0, "batch_size": 1})
    strategy.know(clocks(2))
    sent = {"x": torch.tensor([2.0]), "mean": torch.tensor([2.0])}
    answers = [({name: torch.tensor([y]) for name in sent}, {"num_examples": n}) for y, n in ((6.0, 1.0), (10.0, 3.0))]
    moved = exchange(strategy, sent, answers)
    assert moved is not None
    assert moved["x"].item() == 2 + 0.5 * 0.25 * (9 - 2)  # 9 is their mean by examples
    assert moved["mean"].item() == 0.25 * 9 + 0.75 * 2


def test_whom_the_server_waits_for_in_vain_takes_no_place_in_the_buffer() -> None:
    behaviour = clocks(4, [1.0, 2.0, 3.0, 9.0], deadline_seconds=5.0, lost=0.4)
    strategy = buff(2)
    federation = Federation(strategy, random_owners(1, 4, 1), NOWHERE, behaviour=behaviour)
    for _ in range(6):
        federation.round()
        answered = [c for c, job in strategy.due.items() if behaviour.answers(federation.round_number, c, job[2])]
        assert len(answered) == 2 or len(strategy.due) == 4
        assert 3 not in answered  # always too late


def test_who_is_away_begins_when_it_is_there_again() -> None:
    behaviour = clocks(3, join={"2": 3}, leave={"0": 4})
    strategy = buff(2)
    federation = Federation(strategy, random_owners(1, 3, 1), NOWHERE, behaviour=behaviour)
    due = []
    for _ in range(5):
        federation.round()
        due.append(sorted(strategy.due))
    assert due == [[0, 1], [0, 1], [0, 1], [1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (["strategy.buffer=6"], "strategy.buffer=6: only 4 clients train at a time"),
        (["participation=0.5", "strategy.buffer=3"], "strategy.buffer=3: only 2 clients"),
        (["participation=0.75", "clients.overselect=0.5"], "clients.overselect=0.5: this strategy waits"),
        (["compression=topk"], "compression=topk: fedbuff's clients begin from models of several rounds"),
        (["privacy=fixed"], "privacy=fixed: fedbuff takes no mean"),
        (["strategy.staleness=old"], "strategy.staleness=old: choose"),
    ],
)
def test_what_cannot_be_is_refused(go: Callable[..., Path], asked: list[str], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        go("strategy=fedbuff", *asked)


def test_a_run_on_phones_keeps_its_schedule_whatever_is_learnt(go: Callable[..., Path]) -> None:
    """Who answers when hangs on the clocks alone; with everybody at once a run is FedAvg's, to the bit."""
    asked = ["strategy=fedbuff", "strategy.buffer=2", "clients=phones", "num_rounds=6"]
    told = []
    for more in (["lr=0.05"], ["lr=0.001"]):
        rows = rows_of(go(*asked, *more), "clients")
        told.append([[row[key] for key in ("status", "reason", "staleness", "virtual_seconds")] for row in rows])
    assert told[0] == told[1]
    assert max(row[2] or 0 for row in told[0]) > 0
    models = [
        hashlib.sha256((go(*each, "num_rounds=3") / "model.safetensors").read_bytes()).hexdigest()
        for each in (["strategy=fedavg"], ["strategy=fedbuff", "strategy.buffer=4"])
    ]
    assert models[0] == models[1]


def test_a_wrapper_that_only_adds_a_mod_goes_around_it(go: Callable[..., Path]) -> None:
    config = resolve(compose(["strategy=fedasync", "attack=signflip"]))
    assert make_strategy(config).one_model is False
    folder = go("strategy=fedasync", "attack=signflip", "attack.num_attackers=1", "clients=phones")
    assert (folder / "model.safetensors").exists()
