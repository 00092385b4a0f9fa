"""What a run's rows say of clients that are away, slow, break down or send no model: checked by arithmetic."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from flwr.app import Context, Message
from run_files import info_of, rows_of
from safetensors.numpy import load_file
from torch import nn

from fedsky.client import Arrays, Config, Metrics, Shard, State, sgd
from fedsky.client.behaviour import Behaviour
from fedsky.client.task import load_task, specification
from fedsky.config import CONF, compose, resolve
from fedsky.engine.grid import ClientError
from fedsky.engine.inline import InlineGrid
from fedsky.run import run
from strategies.fedavg import FedAvg
from strategies.wrappers.attack import put
from strategies.wrappers.wrapper import Wrapper, with_mod

STRATEGIES = sorted(path.stem for path in (CONF / "strategy").glob("*.yaml"))
Go = Callable[..., Path]
NUM = 6
SPED = "clients.slowness={0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6}"


@pytest.fixture
def go(tmp_path: Path) -> Go:
    """Runs six clients of float64 points, with one step each a round, and returns the folder."""

    def run_one(*asked: str, **changed: Any) -> Path:
        small = ["engine=inline", f"num_clients={NUM}", "num_rounds=4", "batch_size=1000", "clients.seconds_per_step=1"]
        config = resolve(compose([*small, *asked]))
        config |= {"data": {"_target_": "tiny.points", "fold": "1/5"}, "model": {"_target_": "tiny.linear"}} | changed
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        run(config, folder)
        return folder

    return run_one


def column(folder: Path, key: str, round: int) -> list[Any]:
    """A column of clients.jsonl in one round."""
    return [row[key] for row in rows_of(folder, "clients") if row["round"] == round]


def drawn(**settings: Any) -> Behaviour:
    behaviour = Behaviour(**settings)
    behaviour.begin(0, [1] * NUM, [str(client) for client in range(NUM)], Path())
    return behaviour


def test_who_is_away_gets_nothing_and_counts_for_nothing(go: Go) -> None:
    folder = go("clients.availability=bernoulli", "clients.away=0.4", SPED)
    behaviour = drawn(availability="bernoulli", away=0.4)
    rounds = rows_of(folder, "rounds")
    for round in range(1, 5):
        there = [behaviour.why_away(round, client) is None for client in range(NUM)]
        assert column(folder, "status", round) == ["ok" if here else "away" for here in there]
        assert column(folder, "reason", round) == [None if here else "chance" for here in there]
        assert [bool(sent) for sent in column(folder, "bytes_down", round)] == there
        assert rounds[round]["num_trained"] == rounds[round]["num_steps"] == sum(there)
        # the slowest of those that are there, of slowness client + 1
        lasted = max(client + 1 for client in range(NUM) if there[client])
        assert rounds[round]["virtual_seconds"] - rounds[round - 1]["virtual_seconds"] == lasted
        assert rounds[round]["num_failures"] == 0
    assert any(row["num_trained"] not in (0, NUM) for row in rounds)


def test_the_mean_is_that_of_those_that_are_there(go: Go) -> None:
    """A federation from which two are away in a round is the federation of the four others, to the bit."""
    away = go("clients.join={1: 9, 4: 9}", "partition=quantity", "partition.alpha=20", "partition.min_examples=2")
    alone = go("+strategy.owners=[0,2,3,5]", "partition=quantity", "partition.alpha=20", "partition.min_examples=2")
    assert (away / "model.safetensors").read_bytes() == (alone / "model.safetensors").read_bytes()
    assert column(away, "status", 1) == ["ok", "away", "ok", "ok", "away", "ok"]


def test_a_deadline_drops_the_slow_after_they_have_trained(go: Go) -> None:
    folder, alone = go("clients.deadline_seconds=4", SPED), go("+strategy.owners=[0,1,2,3]")
    assert column(folder, "status", 1) == ["ok"] * 4 + ["late"] * 2
    assert column(folder, "reason", 1)[4:] == ["after the deadline of 4 s"] * 2
    assert column(folder, "virtual_seconds", 1) == [1, 2, 3, 4, 5, 6]
    assert column(folder, "bytes_up", 1)[5] == column(folder, "bytes_up", 1)[0] > 0
    assert [row["virtual_seconds"] for row in rows_of(folder, "rounds")] == [0, 4, 8, 12, 16]
    assert (folder / "model.safetensors").read_bytes() == (alone / "model.safetensors").read_bytes()


def test_of_more_that_are_asked_the_first_are_taken(go: Go) -> None:
    folder = go("participation=0.5", "clients.overselect=1", SPED)
    assert column(folder, "status", 1) == ["ok"] * 3 + ["late"] * 3
    assert column(folder, "reason", 1)[3:] == ["after the first 3"] * 3
    assert [row["virtual_seconds"] for row in rows_of(folder, "rounds")] == [0, 3, 6, 9, 12]
    with pytest.raises(ValueError, match="participation=1 asks everybody already"):
        go("clients.overselect=0.5")


def test_bytes_take_time_on_a_line(go: Go) -> None:
    folder = go("clients.down_megabits=0.001", "clients.up_megabits=0.0005", "clients.latency_seconds=0.5")
    sent = column(folder, "bytes_up", 1)[0]
    assert column(folder, "virtual_seconds", 1) == pytest.approx([1 + 1 + 8 * sent / 1000 + 8 * sent / 500] * NUM)


def test_who_breaks_down_has_changed_nothing_and_who_is_lost_has(go: Go) -> None:
    folder = go("strategy=scaffold", "clients.crash=0.3", "clients.lost=0.3", "num_rounds=6", SPED)
    behaviour, rounds = drawn(crash=0.3, lost=0.3), rows_of(folder, "rounds")
    kept: dict[int, set[str]] = {client: set() for client in range(NUM)}
    seen = set()
    for round in range(1, 7):
        fates = [behaviour.fate(round, client) for client in range(NUM)]
        seen |= {fate.status for fate in fates}
        assert column(folder, "status", round) == [fate.status for fate in fates]
        assert rounds[round]["num_failures"] == sum(fate.status != "ok" for fate in fates)
        assert rounds[round]["num_trained"] == sum(fate.status == "ok" for fate in fates)
        down = column(folder, "bytes_down", round)
        assert len(set(down)) == 1 and down[0] > 0  # a crash comes after the model
        for client, fate in enumerate(fates):
            crashed = fate.status == "crashed"
            assert (column(folder, "num_steps", round)[client] is None) == crashed
            assert (column(folder, "bytes_up", round)[client] == 0) == crashed
            took = (fate.part if crashed else 1) * (client + 1)
            assert column(folder, "virtual_seconds", round)[client] == pytest.approx(took)
            kept[client] |= set() if crashed else {f"{client}@{round}.safetensors"}
    assert seen == {"ok", "crashed", "lost"}
    states = {path.name for path in (folder / "clients").glob("*@*.safetensors")}
    assert {max(names) for names in kept.values()} <= states
    assert not states - set().union(*kept.values()), "a client that broke down has saved a state"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_round_without_replies_keeps_the_model(go: Go, strategy: str) -> None:
    """Whatever clients do for themselves: their replies are lost. A baseline's owners need no line."""
    deep = {"_target_": "personal.deep"}  # FedRep needs more than a head
    folder = go(f"strategy={strategy}", "clients.lost=1", "num_clients=7", "num_rounds=2", model=deep)
    info, rounds = info_of(folder), rows_of(folder, "rounds")
    task = load_task(specification(info["config"], folder / "clients"))
    kept = load_file(folder / "checkpoint" / "2.safetensors")
    unchanged = all(np.array_equal(kept[name], start.numpy()) for name, start in task.initial.items())
    if info["role"] == "federated":
        assert unchanged
        assert [row["num_trained"] for row in rounds] == [0, 0, 0]
        assert rounds[1]["num_failures"] > 0 and rounds[1]["num_steps"] > 0
    else:
        assert unchanged == (info["role"] == "alone")  # whose owners keep their models
        assert rounds[1]["num_trained"] > 0 and rounds[1]["num_failures"] == 0


def test_too_few_replies_keep_the_model_and_the_rows_say_so(go: Go) -> None:
    asked = ["clients.leave={0: 2, 1: 3}", "num_rounds=3"]
    folder = go("min_replies=5", *asked)
    assert [row["num_trained"] for row in rows_of(folder, "rounds")] == [0, 6, 5, 0]
    assert column(folder, "status", 3) == ["away", "away"] + ["unused"] * 4
    assert column(folder, "reason", 3)[2:] == ["4 of min_replies=5"] * 4
    losses = [row["loss"] for row in rows_of(folder, "rounds")]
    assert losses[3] == losses[2] != losses[1]
    assert [row["loss"] for row in rows_of(go(*asked), "rounds")][:3] == losses[:3]


def test_a_rule_that_needs_more_replies_says_how_to_do_without(go: Go) -> None:
    asked = ["strategy=krum", "clients.leave={0: 2, 1: 2}"]
    with pytest.raises(ValueError, match=r"5 clients a round are needed .*not 4: .*or set min_replies, so that"):
        go(*asked)
    assert [row["num_trained"] for row in rows_of(go(*asked, "min_replies=5"), "rounds")] == [0, 6, 0, 0, 0]


def test_baselines_are_there_whatever_the_clients_do(go: Go) -> None:
    never = ["clients.availability=bernoulli", "clients.away=1", "clients.deadline_seconds=0.001", SPED]
    alone, pooled = go("strategy=local", *never), go("strategy=centralized", *never)
    assert column(alone, "status", 1) == ["ok"] * NUM
    assert [row["virtual_seconds"] for row in rows_of(alone, "rounds")] == [0, 6, 12, 18, 24]  # the slowest owner's
    assert [row["virtual_seconds"] for row in rows_of(pooled, "rounds")] == [0, 1, 2, 3, 4]  # one machine of speed 1
    assert [row["virtual_seconds"] for row in rows_of(go("strategy=fedavg", *never), "rounds")][-1] == pytest.approx(
        0.004
    )


class Spoiling(Wrapper):
    """Client 2 sends what is no model: the wrong ``how``."""

    def __init__(self, strategy: Any, how: str) -> None:
        super().__init__(strategy)
        self.how = how

    def configure_train(self, server_round: int, *asked: Any) -> Any:
        return with_mod(super().configure_train(server_round, *asked), spoil, how=self.how)


def spoil(message: Message, context: Context, call_next: Callable[..., Message]) -> Message:
    reply = call_next(message, context)
    config = message.content.config_records["config"]
    if config["client"] == 2 and config["round"] == 2:
        values = {"nan": torch.full((2, 6), torch.nan), "shape": torch.zeros(3)}
        put(reply, "weight" if config["how"] in values else "other", values.get(str(config["how"]), torch.zeros(2, 6)))
    return reply


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("nan", "sent weight with values that are not finite: lower lr"),
        ("shape", r"sent weight of shape \(3,\), not \(2, 6\)"),
        ("name", r"sent the arrays \['weight', 'bias', 'other'\], not those it got, \['weight', 'bias'\]"),
    ],
)
@pytest.mark.parametrize("strategy", ["fedavg", "scaffold", "krum"])
def test_a_reply_that_is_no_model_ends_the_run_or_is_left_out_and_named(
    go: Go, how: str, why: str, strategy: str
) -> None:
    attack = {"_target_": f"{__name__}.Spoiling", "how": how}
    if strategy == "scaffold":  # whose replies have variates beside
        why = why.replace(r"\['weight', 'bias', 'other'\]", ".*other.*").replace(r"\['weight', 'bias'\]", ".*")
    with pytest.raises(ValueError, match=f"^client 2 {why}$"):
        go(f"strategy={strategy}", attack=attack)
    folder = go(f"strategy={strategy}", "on_failure=skip", attack=attack)
    assert column(folder, "status", 2) == ["ok", "ok", "refused", "ok", "ok", "ok"]
    (reason,) = [each for each in column(folder, "reason", 2) if each]
    assert reason.startswith("sent ")
    assert [row["num_failures"] for row in rows_of(folder, "rounds")] == [0, 0, 1, 0, 0]
    assert [row["num_trained"] for row in rows_of(folder, "rounds")] == [0, 6, 5, 6, 6]


def fragile(model: nn.Module, shard: Shard, config: Config, state: State) -> tuple[Arrays, Metrics]:
    """FedAvg's; client 2 raises in round 2, ``times`` times in all."""
    if config["client"] == 2 and config["round"] == 2:
        tries = Path(config["tries"])
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        if len(tries.read_text()) <= config["times"]:
            raise KeyError("a mistake in client 2")
    return model.state_dict(), sgd(model, shard, config)


class Fragile(FedAvg):
    train: Any = staticmethod(fragile)

    def __init__(self, tries: str, times: int) -> None:
        super().__init__()
        self.parameters |= {"tries": tries, "times": times}


def test_a_client_that_raises_ends_the_run_is_left_out_or_asked_once_more(
    go: Go, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path_factory.mktemp("tries")

    def asked(name: str, times: int, *more: str) -> Path:
        return go(*more, strategy={"_target_": f"{__name__}.Fragile", "tries": str(home / name), "times": times})

    whole = asked("0", 0)
    with pytest.raises(ClientError, match="client 2: KeyError"):
        asked("1", 1)
    skipped = asked("2", 1, "on_failure=skip")
    assert column(skipped, "status", 2) == ["ok", "ok", "failed", "ok", "ok", "ok"]
    assert column(skipped, "reason", 2)[2] == "KeyError: 'a mistake in client 2'"
    assert [row["num_failures"] for row in rows_of(skipped, "rounds")] == [0, 0, 1, 0, 0]
    assert [row["num_trained"] for row in rows_of(skipped, "rounds")] == [0, 6, 5, 6, 6]
    counted = asked("5", 1, "on_failure=skip", "min_replies=2")  # which reads all replies beforehand
    assert (counted / "model.safetensors").read_bytes() == (skipped / "model.safetensors").read_bytes()
    again = asked("3", 1, "on_failure=retry")
    assert (again / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert column(again, "status", 2) == ["ok"] * NUM
    with pytest.raises(ClientError, match="client 2: KeyError"):
        asked("4", 2, "on_failure=retry")
    monkeypatch.setattr(InlineGrid, "in_flight", 4)  # as on Ray: others answer before the one that is asked again
    among = asked("6", 1, "on_failure=retry")
    assert (among / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert column(among, "status", 2) == ["ok"] * NUM
