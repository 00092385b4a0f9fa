"""What every strategy inherits: stragglers, memory, and what a wrapper and a client's Flower mod may do."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from flwr.app import ConfigRecord, Context, Message, RecordDict
from quadratics import GOLDEN, Federation, Owner
from run_files import rows_of

from fedsky.client import draw_stragglers
from fedsky.config import compose, make_strategy, resolve
from fedsky.engine.grid import ClientError
from fedsky.run import run
from strategies.fedavg import FedAvg
from strategies.fedprox import FedProx
from strategies.wrappers import signflip
from strategies.wrappers.wrapper import Wrapper, with_mod


def test_a_share_of_the_cohort_straggles() -> None:
    cohort = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert draw_stragglers(cohort, 0.0, 20, 0, 1) == {}
    assert [len(draw_stragglers(cohort, share, 20, 0, 1)) for share in (0.5, 0.9, 1.0)] == [5, 9, 10]
    assert draw_stragglers(cohort, 0.5, 20, 0, 1) == draw_stragglers(cohort, 0.5, 20, 0, 1)
    assert draw_stragglers(cohort, 0.5, 20, 0, 1) != draw_stragglers(cohort, 0.5, 20, 0, 2)
    passes = [n for round in range(300) for n in draw_stragglers(cohort, 0.5, 4, 0, round).values()]
    assert set(passes) == {1, 2, 3, 4}
    assert np.bincount(passes)[1:].min() > 300
    assert set(draw_stragglers(cohort, 1.0, 4, 0, 1)) == set(cohort)


@pytest.mark.parametrize(("strategy", "answers"), [("fedavg", 2), ("fedprox", 4), ("local", 4)])
def test_fedavg_drops_stragglers_and_others_keep_their_part(tmp_path: Path, strategy: str, answers: int) -> None:
    asked = ["engine=inline", "num_rounds=2", "num_clients=4", "stragglers=0.5", "local_epochs=5", "batch_size=1000"]
    config = resolve(compose([*asked, f"strategy={strategy}"]))
    config |= {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}
    run(config, tmp_path / "run")
    rows = rows_of(tmp_path / "run", "clients")
    trained = [row["num_steps"] for row in rows if row["round"] == 1 and row["status"] == "ok"]
    assert len(trained) == answers
    assert trained.count(5) >= 2
    slow = draw_stragglers([0, 1, 2, 3], 0.5, 5, 0, 1)
    if answers == 4:
        assert trained == [slow.get(client, 5) for client in range(4)]


def test_all_stragglers_leave_fedavgs_model_as_it_is(tmp_path: Path) -> None:
    federation = Federation(FedAvg(), GOLDEN, tmp_path, stragglers=1.0)
    assert federation.round() == 1.0


HALVES = [f"{does}_{half}" for does in ("configure", "aggregate") for half in ("train", "evaluate")]


@pytest.mark.parametrize("name", ["begin", "is_over", "summary", *HALVES])
def test_what_a_wrapper_does_not_change_is_the_inner_ones(name: str) -> None:
    inner: Any = Mock(role="federated", **{f"{name}.return_value": True})
    asked = [object() for _ in inspect.signature(getattr(Wrapper, name)).parameters][1:]
    assert getattr(Wrapper(inner), name)(*asked) is (None if name in ("begin", "summary") else True)
    getattr(inner, name).assert_called_once_with(*asked)


def test_a_mod_is_named_outside_those_before() -> None:
    message = Message(RecordDict({"config": ConfigRecord({"client": 3})}), dst_node_id=1, message_type="train")
    (named,) = with_mod(with_mod([message], halve, share=0.25), signflip.mod, attack_scale=2.0)
    mods = ["strategies.wrappers.signflip:mod", f"{__name__}:halve"]
    wanted = {"client": 3, "mods": mods, "share": 0.25, "attack_scale": 2.0}
    assert named is message and dict(named.content.config_records["config"]) == wanted


class Halving(Wrapper):
    """Counts its rounds and has every client send half of its update."""

    def configure_train(self, server_round: int, *asked: Any) -> Any:
        self.kept["rounds"] = self.kept.get("rounds", torch.tensor(0)) + 1
        return with_mod(super().configure_train(server_round, *asked), halve, share=0.5)


def halve(message: Message, context: Context, call_next: Callable[..., Message]) -> Message:
    if message.content.config_records["config"]["share"] == 0.5:
        raise ValueError("the mod refuses: lower share")
    return call_next(message, context)


def test_a_wrappers_memory_stands_beside_the_inner_ones() -> None:
    inner = FedAvg()
    outer = Halving(Halving(inner))
    inner.memory, outer.kept = {"m": torch.ones(1)}, {"rounds": torch.tensor(3)}
    kept = outer.memory
    assert set(kept) == {"m", "halving/rounds"}
    fresh = Halving(FedProx(mu=1))
    fresh.memory = kept
    assert fresh.kept["rounds"] == 3
    assert list(fresh.strategy.memory) == ["m"]
    assert fresh.partial_work
    assert not outer.partial_work


def test_a_mod_that_raises_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    config = resolve(compose(["engine=inline", "num_rounds=1"]))
    config |= {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}}
    config["attack"] = {"_target_": f"{__name__}.Halving"}
    with pytest.raises(ClientError, match="client 0: the mod refuses: lower share") as caught:
        run(config, tmp_path / "run")
    assert "in halve" in caught.value.report


def test_nothing_goes_around_a_baseline() -> None:
    config = resolve(compose(["strategy=local"]))
    config["attack"] = {"_target_": f"{__name__}.Halving"}
    with pytest.raises(ValueError, match="local sends no models"):
        make_strategy(config)


def test_an_owner_without_weight_has_none(tmp_path: Path) -> None:
    weightless = Owner(np.eye(1), np.full(1, 50.0), 3, 0)
    ends = [Federation(FedAvg(), owners, tmp_path).run(3)[-1] for owners in (GOLDEN, [*GOLDEN, weightless])]
    assert ends[0] == pytest.approx(ends[1], abs=1e-12)
